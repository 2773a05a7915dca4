// raftpb.Entry, Message and Snapshot, byte for byte as etcd 3.5 writes them.
//
// Its code generator writes every number and every nested message even when it is zero, in the
// order of the field numbers, and bytes only when there are any. A message that carries no snapshot
// therefore still ends in an empty one. Reading accepts less: later etcds leave zeros out.
//
//   Message  08 type 10 to 18 from 20 term 28 logTerm 30 index (3a entry)* 40 commit
//            4a snapshot 50 reject 58 rejectHint [62 context]
//   Entry    08 type 10 term 18 index [22 data]
//
// Sizes are computed first and everything lands in one buffer: entry data is copied once, into the
// bytes that the socket takes. Reading copies nothing; entry data are views of the frame.
import { EMPTY_BYTES } from "../base/bytes.ts";
import { type ConfState, type Entry, EntryType, type SnapshotMetadata } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import {
  bytesFieldSize,
  uint64Size,
  uintSize,
  WireError,
  WireReader,
  WireType,
  writeBytes,
  writeUint,
  writeUint64,
} from "./wire.ts";

/** Entries one message may hold: etcd's 1 MiB of the smallest entries there are, and some. */
export const ENTRIES_PER_MESSAGE_MAX = 262_144;
/** Members of one kind that a configuration may name; clusters have a handful. */
export const CONF_STATE_IDS_MAX = 1024;

const NO_ENTRIES: readonly Entry[] = [];
/** The highest field of each message: what etcd 3.5 does not know a later one may send. */
const MESSAGE_FIELD_MAX = 12;
const ENTRY_FIELD_MAX = 4;
const SNAPSHOT_FIELD_MAX = 2;
const METADATA_FIELD_MAX = 3;
const CONF_STATE_FIELD_MAX = 5;
const EMPTY_SNAPSHOT = Buffer.from("4a0a12080a0228001000180050", "hex");
const KNOWN_TYPES = new Set<number>(Object.values(MessageType));

/** Bytes of the entry itself, without a tag or length around it. */
export function entrySize(entry: Entry): number {
  const length = entry.data.length;
  const data = length === 0 ? 0 : bytesFieldSize(1, length);
  return 4 + uintSize(entry.term) + uintSize(entry.index) + data;
}

export function writeEntry(target: Uint8Array, offset: number, entry: Entry): number {
  let at = offset;
  target[at++] = 0x08;
  target[at++] = entry.type;
  target[at++] = 0x10;
  at = writeUint(target, at, entry.term);
  target[at++] = 0x18;
  at = writeUint(target, at, entry.index);
  if (entry.data.length === 0) return at;
  target[at++] = 0x22;
  return writeBytes(target, at, entry.data);
}

/** @throws WireError */
export function decodeEntry(bytes: Buffer): Entry {
  return readEntry(new WireReader(bytes));
}

/** Bytes of a message, `snapshotData` (the blob inside a snapshot) included. */
export function messageSize(message: Message, snapshotData: Buffer = EMPTY_BYTES): number {
  let size = 3 + uintSize(message.type) + uint64Size(message.to) + uint64Size(message.from);
  size += 3 + uintSize(message.term) + uintSize(message.logTerm) + uintSize(message.index);
  for (const entry of message.entries) size += bytesFieldSize(1, entrySize(entry));
  size += 1 + uintSize(message.commit);
  const { snapshot } = message;
  size += snapshot === undefined ? 12 : bytesFieldSize(1, snapshotSize(snapshot, snapshotData));
  size += 3 + uintSize(message.rejectHint);
  const context = message.context.length;
  return context === 0 ? size : size + bytesFieldSize(1, context);
}

/** Writes what `messageSize` measured, returns the offset behind. */
export function writeMessage(
  target: Buffer,
  offset: number,
  message: Message,
  snapshotData: Buffer = EMPTY_BYTES,
): number {
  let at = offset;
  target[at++] = 0x08;
  at = writeUint(target, at, message.type);
  target[at++] = 0x10;
  at = writeUint64(target, at, message.to);
  target[at++] = 0x18;
  at = writeUint64(target, at, message.from);
  target[at++] = 0x20;
  at = writeUint(target, at, message.term);
  target[at++] = 0x28;
  at = writeUint(target, at, message.logTerm);
  target[at++] = 0x30;
  at = writeUint(target, at, message.index);
  for (const entry of message.entries) {
    target[at++] = 0x3a;
    at = writeUint(target, at, entrySize(entry));
    at = writeEntry(target, at, entry);
  }
  target[at++] = 0x40;
  at = writeUint(target, at, message.commit);
  if (message.snapshot === undefined) {
    at += EMPTY_SNAPSHOT.copy(target, at);
  } else {
    target[at++] = 0x4a;
    at = writeUint(target, at, snapshotSize(message.snapshot, snapshotData));
    at = writeSnapshot(target, at, message.snapshot, snapshotData);
    target[at++] = 0x50;
  }
  target[at++] = message.reject ? 1 : 0;
  target[at++] = 0x58;
  at = writeUint(target, at, message.rejectHint);
  if (message.context.length === 0) return at;
  target[at++] = 0x62;
  return writeBytes(target, at, message.context);
}

export function encodeMessage(message: Message, snapshotData: Buffer = EMPTY_BYTES): Buffer {
  const bytes = Buffer.allocUnsafe(messageSize(message, snapshotData));
  writeMessage(bytes, 0, message, snapshotData);
  return bytes;
}

/**
 * `undefined` for a well-formed message of a type that never travels between members (or that a
 * later version invented): the receiver drops it. Entry data and context are views of `bytes`; the
 * blob inside a snapshot is not handed out, the database next to it holds the same.
 * @throws WireError
 */
export function decodeMessage(bytes: Buffer): Message | undefined {
  const reader = new WireReader(bytes);
  let type = 0;
  let to = 0n;
  let from = 0n;
  let term = 0;
  let logTerm = 0;
  let index = 0;
  let entries: Entry[] | undefined;
  let commit = 0;
  let snapshot: SnapshotMetadata | undefined;
  let reject = false;
  let rejectHint = 0;
  let context: Buffer = EMPTY_BYTES;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x08) type = reader.uint();
    else if (tag === 0x10) to = reader.uint64();
    else if (tag === 0x18) from = reader.uint64();
    else if (tag === 0x20) term = reader.uint();
    else if (tag === 0x28) logTerm = reader.uint();
    else if (tag === 0x30) index = reader.uint();
    else if (tag === 0x3a) {
      entries ??= [];
      if (entries.length >= ENTRIES_PER_MESSAGE_MAX) throw new WireError("too many entries");
      entries.push(nestedEntry(reader));
    } else if (tag === 0x40) commit = reader.uint();
    else if (tag === 0x4a) snapshot = readSnapshot(reader);
    else if (tag === 0x50) reject = reader.bool();
    else if (tag === 0x58) rejectHint = reader.uint();
    else if (tag === 0x62) context = reader.bytes();
    else reader.skipUnknown(tag, MESSAGE_FIELD_MAX);
  }
  if (!isMessageType(type)) return undefined;
  const plain = {
    type,
    to,
    from,
    term,
    logTerm,
    index,
    entries: entries ?? NO_ENTRIES,
    commit,
    reject,
    rejectHint,
    context,
  };
  if (type !== MessageType.SNAPSHOT) return plain;
  if (snapshot === undefined) throw new WireError("snapshot message without snapshot");
  return { ...plain, snapshot };
}

/** For whom and from whom a message is that `decodeMessage` has read, of whatever type. */
export function decodeEnvelope(bytes: Buffer): Pick<Message, "to" | "from"> {
  const reader = new WireReader(bytes);
  let to = 0n;
  let from = 0n;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x10) to = reader.uint64();
    else if (tag === 0x18) from = reader.uint64();
    else reader.skip(tag);
  }
  return { to, from };
}

function isMessageType(type: number): type is MessageType {
  return KNOWN_TYPES.has(type);
}

function nestedEntry(reader: WireReader): Entry {
  const outer = reader.enter();
  const entry = readEntry(reader);
  reader.leave(outer);
  return entry;
}

function readEntry(reader: WireReader): Entry {
  let type = 0;
  let term = 0;
  let index = 0;
  let data: Buffer = EMPTY_BYTES;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x08) type = reader.uint();
    else if (tag === 0x10) term = reader.uint();
    else if (tag === 0x18) index = reader.uint();
    else if (tag === 0x22) data = reader.bytes();
    else reader.skipUnknown(tag, ENTRY_FIELD_MAX);
  }
  if (type !== EntryType.NORMAL && type !== EntryType.CONF_CHANGE) {
    throw new WireError(`entry of type ${type}`);
  }
  return { type, term, index, data };
}

function confStateSize(state: ConfState): number {
  let size = 2;
  for (const id of state.voters) size += 1 + uint64Size(id);
  for (const id of state.learners) size += 1 + uint64Size(id);
  return size;
}

function metadataSize(snapshot: SnapshotMetadata): number {
  const confState = bytesFieldSize(1, confStateSize(snapshot.confState));
  return confState + 2 + uintSize(snapshot.index) + uintSize(snapshot.term);
}

function snapshotSize(snapshot: SnapshotMetadata, data: Buffer): number {
  const blob = data.length === 0 ? 0 : bytesFieldSize(1, data.length);
  return blob + bytesFieldSize(1, metadataSize(snapshot));
}

function writeSnapshot(
  target: Buffer,
  offset: number,
  snapshot: SnapshotMetadata,
  data: Buffer,
): number {
  let at = offset;
  if (data.length > 0) {
    target[at++] = 0x0a;
    at = writeBytes(target, at, data);
  }
  target[at++] = 0x12;
  at = writeUint(target, at, metadataSize(snapshot));
  target[at++] = 0x0a;
  at = writeUint(target, at, confStateSize(snapshot.confState));
  at = writeIds(target, at, 0x08, snapshot.confState.voters);
  at = writeIds(target, at, 0x10, snapshot.confState.learners);
  target[at++] = 0x28;
  target[at++] = 0;
  target[at++] = 0x10;
  at = writeUint(target, at, snapshot.index);
  target[at++] = 0x18;
  return writeUint(target, at, snapshot.term);
}

function writeIds(target: Buffer, offset: number, tag: number, ids: readonly bigint[]): number {
  let at = offset;
  for (const id of ids) {
    target[at++] = tag;
    at = writeUint64(target, at, id);
  }
  return at;
}

function readSnapshot(reader: WireReader): SnapshotMetadata {
  let metadata: SnapshotMetadata = { index: 0, term: 0, confState: { voters: [], learners: [] } };
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x12) metadata = readMetadata(reader);
    else if (tag === 0x0a) reader.bytes();
    else reader.skipUnknown(tag, SNAPSHOT_FIELD_MAX);
  }
  reader.leave(outer);
  return metadata;
}

function readMetadata(reader: WireReader): SnapshotMetadata {
  let confState: ConfState = { voters: [], learners: [] };
  let index = 0;
  let term = 0;
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x0a) confState = readConfState(reader);
    else if (tag === 0x10) index = reader.uint();
    else if (tag === 0x18) term = reader.uint();
    else reader.skipUnknown(tag, METADATA_FIELD_MAX);
  }
  reader.leave(outer);
  return { index, term, confState };
}

function readConfState(reader: WireReader): ConfState {
  const voters: bigint[] = [];
  const learners: bigint[] = [];
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    const field = tag >>> 3;
    if (field === 1) readIds(reader, tag, voters);
    else if (field === 2) readIds(reader, tag, learners);
    else if (field === 3 || field === 4) throw new WireError("joint configuration");
    else if (tag === 0x28) reader.bool();
    else reader.skipUnknown(tag, CONF_STATE_FIELD_MAX);
  }
  reader.leave(outer);
  return { voters: voters.sort(byId), learners: learners.sort(byId) };
}

function readIds(reader: WireReader, tag: number, into: bigint[]): void {
  if ((tag & 7) === WireType.VARINT) {
    pushId(into, reader.uint64());
    return;
  }
  if ((tag & 7) !== WireType.BYTES) throw new WireError("id of a wrong wire type");
  const outer = reader.enter();
  while (!reader.isAtEnd) pushId(into, reader.uint64());
  reader.leave(outer);
}

function pushId(into: bigint[], id: bigint): void {
  if (into.length >= CONF_STATE_IDS_MAX) throw new WireError("too many members");
  into.push(id);
}

function byId(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
