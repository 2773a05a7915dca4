// The small raftpb messages, and the configuration as etcd keeps it in the table `meta`.
import { EMPTY_BYTES } from "../base/bytes.ts";
import { type ConfChange, ConfChangeType, type ConfState } from "../raft/entry.ts";
import {
  bytesFieldSize,
  uint64Size,
  WireError,
  WireReader,
  writeBytes,
  writeUint64,
} from "./wire.ts";

/** raftpb.ConfChange: what raft must know, whom to answer, and the member as JSON. */
export interface ConfChangeEntry extends ConfChange {
  /** The id under which the proposer waits; 0 in bootstrap entries. */
  readonly id: bigint;
  /** Empty when a member is removed. */
  readonly context: Buffer;
}

const FIELD_MAX = 4;
const CHANGE_TYPES = new Set<number>(Object.values(ConfChangeType));

export function encodeConfChange(change: ConfChangeEntry): Buffer {
  const context = change.context.length;
  const size = 4 + uint64Size(change.id) + uint64Size(change.nodeId);
  const bytes = Buffer.allocUnsafe(context === 0 ? size : size + bytesFieldSize(1, context));
  bytes[0] = 0x08;
  let at = writeUint64(bytes, 1, change.id);
  bytes[at++] = 0x10;
  bytes[at++] = change.type;
  bytes[at++] = 0x18;
  at = writeUint64(bytes, at, change.nodeId);
  if (context > 0) {
    bytes[at++] = 0x22;
    writeBytes(bytes, at, change.context);
  }
  return bytes;
}

/** @throws WireError */
export function decodeConfChange(bytes: Buffer): ConfChangeEntry {
  const reader = new WireReader(bytes);
  let id = 0n;
  let type = 0;
  let nodeId = 0n;
  let context: Buffer = EMPTY_BYTES;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x08) id = reader.uint64();
    else if (tag === 0x10) type = reader.uint();
    else if (tag === 0x18) nodeId = reader.uint64();
    else if (tag === 0x22) context = reader.bytes();
    else reader.skipUnknown(tag, FIELD_MAX);
  }
  if (!isChangeType(type)) throw new WireError(`conf change of type ${type}`);
  return { id, type, nodeId, context };
}

/** The value of `confState` in the table `meta`: Go's JSON, ids as numbers beyond 2^53. */
export function encodeConfState(state: ConfState): Buffer {
  const parts: string[] = [];
  if (state.voters.length > 0) parts.push(`"voters":[${state.voters.join(",")}]`);
  if (state.learners.length > 0) parts.push(`"learners":[${state.learners.join(",")}]`);
  parts.push('"auto_leave":false');
  return Buffer.from(`{${parts.join(",")}}`);
}

/** @throws WireError */
export function decodeConfState(bytes: Buffer): ConfState {
  const text = bytes.toString();
  return { voters: idList(text, "voters"), learners: idList(text, "learners") };
}

function isChangeType(type: number): type is ConfChangeType {
  return CHANGE_TYPES.has(type);
}

function idList(text: string, name: string): bigint[] {
  if (!/^\s*\{.*\}\s*$/s.test(text)) throw new WireError("conf state is no JSON object");
  const list = new RegExp(`"${name}"\\s*:\\s*(?:null|\\[([\\d\\s,]*)\\])`).exec(text)?.[1] ?? "";
  return list.trim() === "" ? [] : list.split(",").map((id) => BigInt(id.trim()));
}
