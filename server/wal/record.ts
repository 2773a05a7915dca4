// One record is one append, all or nothing:
//
//      0   4  length of the body, not 0
//      4   4  CRC-32C over the segment's number, the record's offset, the secret's salt, bytes 8..23
//             and the body
//      8   4  durable: everything in this segment before this offset was synced when this was written
//     12   1  kind: 1 head, 2 batch, 3 closed
//     13   3  zero
//     16   4  checksum of the record before this one, in the segment before for a head; 0 for the first
//     20   4  the secret's mark plus the segment's number, modulo 2^32
//     24      body: items; then zeros up to a multiple of 8
//
// The checksum binds a record to its place: what an earlier life of a recycled file left behind
// verifies nowhere. Through the record before, which it names and covers, the checksums form a chain
// from the first record of the log to the last. The link stands in the record, not in the seed, so
// that a record can be verified behind a damaged one, and `durable` then tells a torn write (nothing
// behind it counts on it) from lost data.
//
// Behind the end of a recycled file stand, byte for byte, values that clients wrote, and some client
// may have made a record of his value. He can know a segment and an offset, but not the log's
// secret: two random numbers, drawn with the log, that never leave the folder. The mark rejects his
// bytes, and what an earlier life left, without a checksum over them; the salt is the second lock.
//
// Each head repeats the secret. A head itself is written without it (mark 0, no salt), as one must
// read it to know the secret; it stands at offset 0 only, where no value ever was. The secret is the
// log's and not a segment's so that behind a damaged head lost records are still told from old ones.
//
// Segments of version 2 have no secret: all their records are written as heads are. They are read,
// and the last one is written on. A log that has only such ones is told its secret when it is opened,
// by a record that is durable before the next segment begins: that one has it.
//
// Items, one after the other; numbers are little endian:
//
//     1 owner       version u32 (3, or 2), member u64, cluster u64, end of the previous segment u32;
//                   in version 3 then the secret: mark u32, salt u32
//     2 hard state  term u64, vote u64, commit u64
//     3 snapshot    held u8, index u64, term u64, number of voters u16, of learners u16, ids u64
//     4 entry       type u8, index u64, term u64, length u32, data
//     5 secret      mark u32, salt u32

import { assert } from "../base/assert.ts";
import { crc32c } from "../base/crc32c.ts";
import type { Random } from "../base/random.ts";
import type { ConfState, Entry, HardState, SnapshotMetadata } from "../raft/entry.ts";
import type { WalMetadata } from "./wal.ts";

export const RecordKind = { HEAD: 1, BATCH: 2, CLOSED: 3 } as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

export const HEADER_BYTES = 24;
/** No append comes near it; a length beyond it is damage. */
export const RECORD_BYTES_MAX = 1024 * 1024 * 1024;

/** Of a segment whose records know the log's secret, and of one whose records do not. */
const VERSION = 3;
const VERSION_OPEN = 2;
const OWNER_BYTES = 1 + 4 + 8 + 8 + 4;
const SECRET_BYTES = 2 * 4;
const HARD_STATE_BYTES = 1 + 3 * 8;
const SNAPSHOT_BYTES = 1 + 1 + 2 * 8 + 2 * 2;
const ENTRY_BYTES = 1 + 1 + 2 * 8 + 4;
const UINT32_VALUES = 0x1_0000_0000;

const Item = { OWNER: 1, HARD_STATE: 2, SNAPSHOT: 3, ENTRY: 4, SECRET: 5 } as const;

/** Tells a log's records from everything else that may stand in its files; each 32 random bits. */
export interface LogSecret {
  readonly mark: number;
  readonly salt: number;
}

/** Where a record stands; part of its checksum. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  /** Undefined: the record is a head, or in a segment of version 2. */
  readonly secret: LogSecret | undefined;
}

export interface Owner {
  readonly metadata: WalMetadata;
  /** Bytes of records in the segment before this one. */
  readonly previousEnd: number;
  /** Of the segment's other records; undefined in version 2. */
  readonly secret: LogSecret | undefined;
}

export interface SnapshotItem {
  readonly metadata: SnapshotMetadata;
  /** The log had this very entry: what is behind it stays. Heads repeat a snapshot as held. */
  readonly isHeld: boolean;
}

/** Everything a body can say. */
export interface RecordContent {
  readonly owner?: Owner | undefined;
  readonly hardState?: HardState | undefined;
  readonly snapshot?: SnapshotItem | undefined;
  readonly entries: readonly Entry[];
  /** The log's from the next segment on: it has none yet. */
  readonly secret?: LogSecret | undefined;
}

/** What a record says of the log before it. */
export interface Past {
  /** Everything in its segment before this offset was synced. */
  readonly durable: number;
  /** Checksum of the record before it. */
  readonly previous: number;
}

/** A verified record. */
export interface FoundRecord extends Past {
  readonly kind: RecordKind;
  readonly checksum: number;
  readonly body: Buffer;
  /** Where the next record begins. */
  readonly end: number;
}

export function drawSecret(random: Random): LogSecret {
  return { mark: random.below(UINT32_VALUES), salt: random.below(UINT32_VALUES) };
}

/** Bytes that `writeRecord` will need. */
export function recordBytes(content: RecordContent): number {
  let bytes = HEADER_BYTES;
  if (content.owner !== undefined) bytes += ownerBytes(content.owner);
  if (content.secret !== undefined) bytes += 1 + SECRET_BYTES;
  if (content.hardState !== undefined) bytes += HARD_STATE_BYTES;
  if (content.snapshot !== undefined) {
    const { voters, learners } = content.snapshot.metadata.confState;
    bytes += SNAPSHOT_BYTES + 8 * (voters.length + learners.length);
  }
  for (const entry of content.entries) bytes += ENTRY_BYTES + entry.data.length;
  return (bytes + 7) & ~7;
}

/** Writes one record to the start of `target`; its length includes the padding. */
export function writeRecord(
  target: Buffer,
  kind: RecordKind,
  place: Place,
  past: Past,
  content: RecordContent,
): { length: number; checksum: number } {
  let at = HEADER_BYTES;
  if (content.owner !== undefined) at = writeOwner(target, at, content.owner);
  if (content.snapshot !== undefined) at = writeSnapshot(target, at, content.snapshot);
  for (const entry of content.entries) at = writeEntry(target, at, entry);
  if (content.hardState !== undefined) at = writeHardState(target, at, content.hardState);
  if (content.secret !== undefined) {
    target[at] = Item.SECRET;
    at = writeSecret(target, at + 1, content.secret);
  }
  const end = (at + 7) & ~7;
  assert(end <= RECORD_BYTES_MAX, "an append is far smaller than the largest record");
  target.fill(0, at, end);
  target.writeUInt32LE(at - HEADER_BYTES, 0);
  target.writeUInt32LE(past.durable, 8);
  target.writeUInt32LE(kind, 12);
  target.writeUInt32LE(past.previous, 16);
  target.writeUInt32LE(markAt(place), 20);
  const sum = checksum(target.subarray(8, at), place);
  target.writeUInt32LE(sum, 4);
  return { length: end, checksum: sum };
}

/** What stands in bytes 20..23 of the records of a place's segment. */
export function markAt({ segment, secret }: Place): number {
  return secret === undefined ? 0 : (secret.mark + segment) % UINT32_VALUES;
}

/** A header that could be one, not verified; it lies within `bytes`, and so does its body. */
export function readHeader(
  bytes: Buffer,
  at: number,
  mark: number,
): { length: number; durable: number; kind: RecordKind } | undefined {
  if (at + HEADER_BYTES > bytes.length || bytes.readUInt32LE(at + 20) !== mark) return undefined;
  const length = bytes.readUInt32LE(at);
  const durable = bytes.readUInt32LE(at + 8);
  const kind = bytes.readUInt32LE(at + 12);
  if (length === 0 || length > RECORD_BYTES_MAX || durable > at) return undefined;
  if (at + HEADER_BYTES + length > bytes.length) return undefined;
  if (kind !== RecordKind.HEAD && kind !== RecordKind.BATCH && kind !== RecordKind.CLOSED) {
    return undefined;
  }
  return { length, durable, kind };
}

/** The record at `place.offset` of a segment's bytes, or undefined if there is no valid one. */
export function readRecord(bytes: Buffer, place: Place): FoundRecord | undefined {
  const at = place.offset;
  const header = readHeader(bytes, at, markAt(place));
  if (header === undefined) return undefined;
  const end = at + HEADER_BYTES + header.length;
  const sum = checksum(bytes.subarray(at + 8, end), place);
  if (sum !== bytes.readUInt32LE(at + 4)) return undefined;
  return {
    kind: header.kind,
    durable: header.durable,
    previous: bytes.readUInt32LE(at + 16),
    checksum: sum,
    body: bytes.subarray(at + HEADER_BYTES, end),
    end: (end + 7) & ~7,
  };
}

/** What a verified body says, or undefined: made by another version, or not by us. */
export function parseBody(body: Buffer): RecordContent | undefined {
  const entries: Entry[] = [];
  let owner: Owner | undefined;
  let hardState: HardState | undefined;
  let snapshot: SnapshotItem | undefined;
  let secret: LogSecret | undefined;
  let at = 0;
  const has = (bytes: number) => at + bytes <= body.length;
  while (at < body.length) {
    const item = body[at];
    if (item === Item.ENTRY && has(ENTRY_BYTES)) {
      const length = body.readUInt32LE(at + 18);
      if (!has(ENTRY_BYTES + length)) return undefined;
      entries.push(readEntry(body, at, length));
      at += ENTRY_BYTES + length;
    } else if (item === Item.HARD_STATE && has(HARD_STATE_BYTES)) {
      hardState = readHardState(body, at);
      at += HARD_STATE_BYTES;
    } else if (item === Item.SNAPSHOT && has(SNAPSHOT_BYTES)) {
      const ids = body.readUInt16LE(at + 18) + body.readUInt16LE(at + 20);
      if (!has(SNAPSHOT_BYTES + 8 * ids)) return undefined;
      snapshot = readSnapshot(body, at);
      at += SNAPSHOT_BYTES + 8 * ids;
    } else if (item === Item.OWNER && has(OWNER_BYTES)) {
      const version = body.readUInt32LE(at + 1);
      const isOpen = version === VERSION_OPEN;
      if (!isOpen && !(version === VERSION && has(OWNER_BYTES + SECRET_BYTES))) return undefined;
      owner = readOwner(body, at, isOpen ? undefined : readSecret(body, at + OWNER_BYTES));
      at += ownerBytes(owner);
    } else if (item === Item.SECRET && has(1 + SECRET_BYTES)) {
      secret = readSecret(body, at + 1);
      at += 1 + SECRET_BYTES;
    } else return undefined;
  }
  return { owner, hardState, snapshot, entries, secret };
}

const PLACE = Buffer.alloc(16);
const PLACE_OPEN = PLACE.subarray(0, 12);

function checksum(bytes: Buffer, { segment, offset, secret }: Place): number {
  writeNumber(PLACE, 0, segment);
  PLACE.writeUInt32LE(offset, 8);
  if (secret === undefined) return crc32c(bytes, crc32c(PLACE_OPEN));
  PLACE.writeUInt32LE(secret.salt, 12);
  return crc32c(bytes, crc32c(PLACE));
}

function ownerBytes({ secret }: Owner): number {
  return secret === undefined ? OWNER_BYTES : OWNER_BYTES + SECRET_BYTES;
}

function writeOwner(target: Buffer, from: number, owner: Owner): number {
  target[from] = Item.OWNER;
  target.writeUInt32LE(owner.secret === undefined ? VERSION_OPEN : VERSION, from + 1);
  target.writeBigUInt64LE(owner.metadata.memberId, from + 5);
  target.writeBigUInt64LE(owner.metadata.clusterId, from + 13);
  const at = target.writeUInt32LE(owner.previousEnd, from + 21);
  return owner.secret === undefined ? at : writeSecret(target, at, owner.secret);
}

function readOwner(body: Buffer, at: number, secret: LogSecret | undefined): Owner {
  const metadata = {
    memberId: body.readBigUInt64LE(at + 5),
    clusterId: body.readBigUInt64LE(at + 13),
  };
  return { metadata, previousEnd: body.readUInt32LE(at + 21), secret };
}

function writeSecret(target: Buffer, from: number, { mark, salt }: LogSecret): number {
  return target.writeUInt32LE(salt, target.writeUInt32LE(mark, from));
}

function readSecret(body: Buffer, at: number): LogSecret {
  return { mark: body.readUInt32LE(at), salt: body.readUInt32LE(at + 4) };
}

function writeHardState(target: Buffer, from: number, state: HardState): number {
  target[from] = Item.HARD_STATE;
  writeNumber(target, from + 1, state.term);
  target.writeBigUInt64LE(state.vote, from + 9);
  return writeNumber(target, from + 17, state.commit);
}

function readHardState(body: Buffer, at: number): HardState {
  return {
    term: readNumber(body, at + 1),
    vote: body.readBigUInt64LE(at + 9),
    commit: readNumber(body, at + 17),
  };
}

function writeSnapshot(target: Buffer, from: number, snapshot: SnapshotItem): number {
  const { index, term, confState } = snapshot.metadata;
  target[from] = Item.SNAPSHOT;
  target[from + 1] = snapshot.isHeld ? 1 : 0;
  writeNumber(target, from + 2, index);
  writeNumber(target, from + 10, term);
  target.writeUInt16LE(confState.voters.length, from + 18);
  let at = target.writeUInt16LE(confState.learners.length, from + 20);
  for (const id of confState.voters) at = target.writeBigUInt64LE(id, at);
  for (const id of confState.learners) at = target.writeBigUInt64LE(id, at);
  return at;
}

function readSnapshot(body: Buffer, at: number): SnapshotItem {
  const voters = body.readUInt16LE(at + 18);
  const learners = body.readUInt16LE(at + 20);
  const id = (n: number) => body.readBigUInt64LE(at + SNAPSHOT_BYTES + 8 * n);
  const confState: ConfState = {
    voters: Array.from({ length: voters }, (_, n) => id(n)),
    learners: Array.from({ length: learners }, (_, n) => id(voters + n)),
  };
  const metadata = { index: readNumber(body, at + 2), term: readNumber(body, at + 10), confState };
  return { metadata, isHeld: body[at + 1] === 1 };
}

function writeEntry(target: Buffer, from: number, entry: Entry): number {
  target[from] = Item.ENTRY;
  target[from + 1] = entry.type;
  writeNumber(target, from + 2, entry.index);
  writeNumber(target, from + 10, entry.term);
  const at = target.writeUInt32LE(entry.data.length, from + 18);
  return at + entry.data.copy(target, at);
}

/** The data is a copy: a few entries must not keep a whole segment in memory. */
function readEntry(body: Buffer, at: number, length: number): Entry {
  return {
    type: body[at + 1] as Entry["type"],
    index: readNumber(body, at + 2),
    term: readNumber(body, at + 10),
    data: Buffer.from(body.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + length)),
  };
}

/** Eight bytes without the cost of a bigint; returns the offset behind them. */
function writeNumber(target: Buffer, at: number, value: number): number {
  target.writeUInt32LE(value % UINT32_VALUES, at);
  return target.writeUInt32LE(Math.floor(value / UINT32_VALUES), at + 4);
}

function readNumber(body: Buffer, at: number): number {
  return body.readUInt32LE(at + 4) * UINT32_VALUES + body.readUInt32LE(at);
}
