// The key of a record in the `key` table: 8 bytes main, `_`, 8 bytes sub, both big endian, so that
// byte order is revision order; a tombstone's key has a `t` behind it.

/** Bytes of a record's key; a tombstone's has one more. */
const REVISION_KEY_BYTES = 17;

const SEPARATOR = 0x5f;
const TOMBSTONE_MARK = 0x74;
const TWO_32 = 0x1_0000_0000;

export interface Revision {
  main: number;
  /** Which change of the transaction, from 0. */
  sub: number;
}

export function encodeRevision(main: number, sub: number, isTombstone = false): Buffer {
  const bytes = Buffer.allocUnsafe(isTombstone ? REVISION_KEY_BYTES + 1 : REVISION_KEY_BYTES);
  writeUint64(bytes, main, 0);
  bytes[8] = SEPARATOR;
  writeUint64(bytes, sub, 9);
  if (isTombstone) bytes[REVISION_KEY_BYTES] = TOMBSTONE_MARK;
  return bytes;
}

export function decodeMain(key: Buffer): number {
  return key.readUInt32BE(0) * TWO_32 + key.readUInt32BE(4);
}

export function decodeSub(key: Buffer): number {
  return key.readUInt32BE(9) * TWO_32 + key.readUInt32BE(13);
}

export function isTombstoneKey(key: Buffer): boolean {
  return key.length > REVISION_KEY_BYTES && key[REVISION_KEY_BYTES] === TOMBSTONE_MARK;
}

function writeUint64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / TWO_32);
  const low = value - high * TWO_32;
  bytes[at] = high >>> 24;
  bytes[at + 1] = high >>> 16;
  bytes[at + 2] = high >>> 8;
  bytes[at + 3] = high;
  bytes[at + 4] = low >>> 24;
  bytes[at + 5] = low >>> 16;
  bytes[at + 6] = low >>> 8;
  bytes[at + 7] = low;
}
