// What a normal log entry holds, without decoding the request inside: proposing wraps the bytes a
// client sent, applying learns which request it is and gets a view of them.
//
//   nothing                       a new leader's mark, or a conf change that the leader refused
//   InternalRaftRequest           one request field, and header{1 id, 2 user, 3 auth revision}
//   Request (v2, not wrapped)     etcd 3.5 publishes names and the cluster version with it
//
// Both of the latter begin with an id in field 1. In a v2 request field 2 is the method, text such
// as PUT; in an InternalRaftRequest it is a whole v2 request, which begins with its own id.
import { ByteArena } from "../base/byte-arena.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { encodeText } from "../base/text.ts";
import { Request } from "./gen/internal.ts";
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

/** Field numbers of InternalRaftRequest. */
export const InternalField = {
  RANGE: 3,
  PUT: 4,
  DELETE_RANGE: 5,
  TXN: 6,
  COMPACTION: 7,
  LEASE_GRANT: 8,
  LEASE_REVOKE: 9,
  ALARM: 10,
  LEASE_CHECKPOINT: 11,
  AUTH_ENABLE: 1000,
  AUTH_DISABLE: 1011,
  AUTHENTICATE: 1012,
  AUTH_STATUS: 1013,
  AUTH_USER_ADD: 1100,
  AUTH_USER_DELETE: 1101,
  AUTH_USER_GET: 1102,
  AUTH_USER_CHANGE_PASSWORD: 1103,
  AUTH_USER_GRANT_ROLE: 1104,
  AUTH_USER_REVOKE_ROLE: 1105,
  AUTH_USER_LIST: 1106,
  AUTH_ROLE_LIST: 1107,
  AUTH_ROLE_ADD: 1200,
  AUTH_ROLE_DELETE: 1201,
  AUTH_ROLE_GET: 1202,
  AUTH_ROLE_GRANT_PERMISSION: 1203,
  AUTH_ROLE_REVOKE_PERMISSION: 1204,
  CLUSTER_VERSION_SET: 1300,
  CLUSTER_MEMBER_ATTR_SET: 1301,
  DOWNGRADE_INFO_SET: 1302,
} as const;
export type InternalField = (typeof InternalField)[keyof typeof InternalField];

const HEADER_FIELD = 100;
const HEADER_FIELD_MAX = 3;
const V2_FIELD = 2;
const V2_METHOD = /^[A-Z]{1,8}$/;
/** All that an InternalRaftRequest may hold, its own id included. */
const KNOWN_FIELDS = new Set<number>([1, V2_FIELD, HEADER_FIELD, ...Object.values(InternalField)]);

/** The log keeps entries in memory until a marker has passed them. */
const entries = new ByteArena(64 * 1024);

export interface InternalHeader {
  /** The id under which the proposer waits; 0n when the entry names none. */
  readonly id: bigint;
  readonly username: string;
  readonly authRevision: number;
}

export type EntryContent =
  | { readonly kind: "empty" }
  | {
      readonly kind: "request";
      /** One of InternalField, or a number that a later etcd invented. */
      readonly field: number;
      /** The request's own bytes: a view of the entry. */
      readonly request: Buffer;
      readonly header: InternalHeader;
    }
  | { readonly kind: "v2"; readonly request: Request };

/**
 * The data of a log entry.
 * @param field which request
 * @param request its encoded bytes; they are copied
 * @param id under which the proposer waits
 */
export function encodeInternal(
  field: InternalField,
  request: Uint8Array,
  id: bigint,
  username = "",
  authRevision = 0,
): Buffer {
  const user = username === "" ? EMPTY_BYTES : encodeText(username);
  let headerSize = id === 0n ? 0 : 1 + uint64Size(id);
  if (user.length > 0) headerSize += bytesFieldSize(1, user.length);
  if (authRevision > 0) headerSize += 1 + uintSize(authRevision);
  const tag = field * 8 + WireType.BYTES;
  const bytes = entries.allocate(
    bytesFieldSize(uintSize(tag), request.length) + bytesFieldSize(2, headerSize),
  );
  const writeHeader = (offset: number) => {
    let at = writeUint(bytes, offset, HEADER_FIELD * 8 + WireType.BYTES);
    at = writeUint(bytes, at, headerSize);
    if (id !== 0n) {
      bytes[at++] = 0x08;
      at = writeUint64(bytes, at, id);
    }
    if (user.length > 0) {
      bytes[at++] = 0x12;
      at = writeBytes(bytes, at, user);
    }
    if (authRevision > 0) {
      bytes[at++] = 0x18;
      at = writeUint(bytes, at, authRevision);
    }
    return at;
  };
  const isHeaderFirst = field > HEADER_FIELD;
  let at = isHeaderFirst ? writeHeader(0) : 0;
  at = writeBytes(bytes, writeUint(bytes, at, tag), request);
  if (!isHeaderFirst) writeHeader(at);
  return bytes;
}

/**
 * Tells what an entry of type NORMAL holds.
 * @throws WireError when it is none of the three shapes
 */
export function decodeEntryContent(data: Buffer): EntryContent {
  if (data.length === 0) return { kind: "empty" };
  const reader = new WireReader(data);
  let id = 0n;
  let header: InternalHeader | undefined;
  let field = 0;
  let request: Buffer = EMPTY_BYTES;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    const number = tag >>> 3;
    if (tag === 0x08) id = reader.uint64();
    else if ((tag & 7) !== WireType.BYTES || number === 1) {
      if (KNOWN_FIELDS.has(number)) throw new WireError(`field ${number} has wire type ${tag & 7}`);
      reader.skip(tag);
    } else if (number === HEADER_FIELD) header = readHeader(reader);
    else {
      request = reader.bytes();
      field = number;
      if (field === V2_FIELD && V2_METHOD.test(request.toString("latin1"))) {
        return { kind: "v2", request: decodeV2(data) };
      }
    }
  }
  if (field === V2_FIELD) return { kind: "v2", request: decodeV2(request) };
  if (field === 0) throw new WireError("log entry without a request");
  const found = header ?? { id: 0n, username: "", authRevision: 0 };
  return { kind: "request", field, request, header: found.id === 0n ? { ...found, id } : found };
}

/** What this project writes of the v2 API: a PUT of a value that never expires. */
export function encodeV2Put(id: bigint, path: string, value: string): Buffer {
  const texts = [Buffer.from("PUT"), Buffer.from(path), Buffer.from(value)];
  const zeros = Buffer.from("2800320038004800500058006000680070007800800100", "hex");
  let size = 1 + uint64Size(id) + zeros.length;
  for (const text of texts) size += bytesFieldSize(1, text.length);
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = 0x08;
  let at = writeUint64(bytes, 1, id);
  texts.forEach((text, position) => {
    bytes[at++] = ((position + 2) << 3) | WireType.BYTES;
    at = writeBytes(bytes, at, text);
  });
  zeros.copy(bytes, at);
  return bytes;
}

function decodeV2(bytes: Buffer): Request {
  try {
    return Request.decode(bytes);
  } catch {
    throw new WireError("broken v2 request");
  }
}

function readHeader(reader: WireReader): InternalHeader {
  let id = 0n;
  let username = "";
  let authRevision = 0;
  const outer = reader.enter();
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag === 0x08) id = reader.uint64();
    else if (tag === 0x12) username = reader.text();
    else if (tag === 0x18) authRevision = reader.uint();
    else reader.skipUnknown(tag, HEADER_FIELD_MAX);
  }
  reader.leave(outer);
  return { id, username, authRevision };
}
