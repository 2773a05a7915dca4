// A run of neighbouring keys of one block as bytes, for the checkpoint of the index:
//
//   count │ bytes of keys │ histories │ leases      4 × u32
//   lengths, tails, versions, mains, creates        a column each
//   keys, one behind the other
//   histories    slot, number of entries (u32), then main and tail of each (f64)
//   leases       slot (u32), id (u64)
//
// Most columns say the same for all keys of a block, or numbers close to each other; a column's
// first byte tells how it is written. Little endian, as the machines that this runs on.
import { BLOCK_SLOTS, KeyBlock, type KeyColumns } from "./key-block.ts";
import type { RevisionArena } from "./revision-arena.ts";

/** How a column is written. */
const CONSTANT = 0;
const OFFSETS = 1;
const NUMBERS = 2;
const AS_BEFORE = 3;

const HEAD_BYTES = 16;
const COLUMNS = 5;
const COLUMN_HEAD_BYTES = 9;
const HISTORY_HEAD_BYTES = 8;
const HISTORY_ENTRY_BYTES = 16;
const LEASE_BYTES = 12;
const OFFSET_LIMIT = 2 ** 32;

/** The lease of a key, 0n for none. */
export type LeaseOf = (key: Buffer) => bigint;

const columns: KeyColumns = {
  lengths: new Float64Array(BLOCK_SLOTS),
  tails: new Float64Array(BLOCK_SLOTS),
  versions: new Float64Array(BLOCK_SLOTS),
  mains: new Float64Array(BLOCK_SLOTS),
  creates: new Float64Array(BLOCK_SLOTS),
};
const ORDER = [
  columns.lengths,
  columns.tails,
  columns.versions,
  columns.mains,
  columns.creates,
] as const;
// Numbers on their way to or from places that are not aligned.
const offsets = new Uint32Array(BLOCK_SLOTS);
const offsetBytes = new Uint8Array(offsets.buffer);

/**
 * The slots of a block from `from` on, behind `prefix`.
 * @param leaseOf undefined where no key has a lease
 */
export function encodeSlots(
  prefix: number,
  block: KeyBlock,
  from: number,
  arena: RevisionArena,
  leaseOf: LeaseOf | undefined,
): Buffer {
  const { count } = block;
  const slots = count - from;
  const keys = block.bytes.subarray(block.start(from), block.byteCount);
  const leases = leaseOf === undefined ? [] : leasesOf(block, from, leaseOf);
  let histories = 0;
  let entries = 0;
  for (let slot = from; slot < count; slot++) {
    const older = block.older(slot);
    if (older === 0) continue;
    histories++;
    entries += arena.count(older);
  }
  const size =
    1 +
    HEAD_BYTES +
    COLUMNS * (COLUMN_HEAD_BYTES + slots * 8) +
    keys.length +
    histories * HISTORY_HEAD_BYTES +
    entries * HISTORY_ENTRY_BYTES +
    leases.length * LEASE_BYTES;
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = prefix;
  bytes.writeUInt32LE(slots, 1);
  bytes.writeUInt32LE(keys.length, 5);
  bytes.writeUInt32LE(histories, 9);
  bytes.writeUInt32LE(leases.length, 13);
  block.readColumns(from, columns);
  let at = writeColumns(bytes, 1 + HEAD_BYTES, slots);
  bytes.set(keys, at);
  at = writeHistories(bytes, at + keys.length, block, from, arena);
  for (const { slot, id } of leases) {
    bytes.writeUInt32LE(slot, at);
    bytes.writeBigInt64LE(id, at + 4);
    at += LEASE_BYTES;
  }
  return bytes.subarray(0, at);
}

/** The block that `encodeSlots` wrote; older revisions go to `arena`. */
export function decodeSlots(
  frame: Buffer,
  arena: RevisionArena,
  onLease: (key: Buffer, id: bigint) => void,
): KeyBlock {
  const count = frame.readUInt32LE(1);
  const keyBytes = frame.readUInt32LE(5);
  const histories = frame.readUInt32LE(9);
  const leases = frame.readUInt32LE(13);
  let at = readColumns(frame, 1 + HEAD_BYTES, count);
  const block = new KeyBlock();
  block.fill(frame.subarray(at, at + keyBytes), columns, count);
  at += keyBytes;
  for (let i = 0; i < histories; i++) {
    const slot = frame.readUInt32LE(at);
    const entries = frame.readUInt32LE(at + 4);
    at += HISTORY_HEAD_BYTES;
    let handle = 0;
    for (const end = at + entries * HISTORY_ENTRY_BYTES; at < end; at += HISTORY_ENTRY_BYTES) {
      handle = arena.append(handle, frame.readDoubleLE(at), frame.readDoubleLE(at + 8));
    }
    block.setOlder(slot, handle);
  }
  for (let i = 0; i < leases; i++, at += LEASE_BYTES) {
    onLease(block.key(frame.readUInt32LE(at)), frame.readBigInt64LE(at + 4));
  }
  return block;
}

function leasesOf(block: KeyBlock, from: number, leaseOf: LeaseOf): { slot: number; id: bigint }[] {
  const leases: { slot: number; id: bigint }[] = [];
  for (let slot = from; slot < block.count; slot++) {
    const id = block.isTombstone(slot) ? 0n : leaseOf(block.key(slot));
    if (id !== 0n) leases.push({ slot: slot - from, id });
  }
  return leases;
}

function writeHistories(
  bytes: Buffer,
  start: number,
  block: KeyBlock,
  from: number,
  arena: RevisionArena,
): number {
  let at = start;
  for (let slot = from; slot < block.count; slot++) {
    const older = block.older(slot);
    if (older === 0) continue;
    const entries = arena.count(older);
    bytes.writeUInt32LE(slot - from, at);
    bytes.writeUInt32LE(entries, at + 4);
    at += HISTORY_HEAD_BYTES;
    for (let i = 0; i < entries; i++, at += HISTORY_ENTRY_BYTES) {
      bytes.writeDoubleLE(arena.main(older, i), at);
      bytes.writeDoubleLE(arena.tail(older, i), at + 8);
    }
  }
  return at;
}

function writeColumns(bytes: Buffer, start: number, count: number): number {
  let at = start;
  let before: Float64Array | undefined;
  for (const numbers of ORDER) {
    at = writeColumn(bytes, at, numbers, before, count);
    before = numbers;
  }
  return at;
}

function writeColumn(
  bytes: Buffer,
  start: number,
  numbers: Float64Array,
  before: Float64Array | undefined,
  count: number,
): number {
  let least = numbers[0] as number;
  let most = least;
  let isAsBefore = before !== undefined;
  for (let i = 0; i < count; i++) {
    const number = numbers[i] as number;
    if (number < least) least = number;
    if (number > most) most = number;
    if (isAsBefore && number !== before?.[i]) isAsBefore = false;
  }
  if (least === most) {
    bytes[start] = CONSTANT;
    return bytes.writeDoubleLE(least, start + 1);
  }
  if (isAsBefore) {
    bytes[start] = AS_BEFORE;
    return start + 1;
  }
  if (most - least < OFFSET_LIMIT) {
    bytes[start] = OFFSETS;
    bytes.writeDoubleLE(least, start + 1);
    for (let i = 0; i < count; i++) offsets[i] = (numbers[i] as number) - least;
    bytes.set(offsetBytes.subarray(0, count * 4), start + COLUMN_HEAD_BYTES);
    return start + COLUMN_HEAD_BYTES + count * 4;
  }
  bytes[start] = NUMBERS;
  bytes.set(new Uint8Array(numbers.buffer, 0, count * 8), start + 1);
  return start + 1 + count * 8;
}

function readColumns(frame: Buffer, start: number, count: number): number {
  let at = start;
  let before: Float64Array = columns.lengths;
  for (const numbers of ORDER) {
    at = readColumn(frame, at, numbers, before, count);
    before = numbers;
  }
  return at;
}

function readColumn(
  frame: Buffer,
  start: number,
  numbers: Float64Array,
  before: Float64Array,
  count: number,
): number {
  const form = frame[start];
  if (form === AS_BEFORE) {
    numbers.set(before.subarray(0, count));
    return start + 1;
  }
  if (form === NUMBERS) {
    const from = start + 1;
    new Uint8Array(numbers.buffer).set(frame.subarray(from, from + count * 8));
    return from + count * 8;
  }
  const least = frame.readDoubleLE(start + 1);
  const from = start + COLUMN_HEAD_BYTES;
  if (form === CONSTANT) {
    numbers.fill(least, 0, count);
    return from;
  }
  offsetBytes.set(frame.subarray(from, from + count * 4));
  for (let i = 0; i < count; i++) numbers[i] = least + (offsets[i] as number);
  return from + count * 4;
}
