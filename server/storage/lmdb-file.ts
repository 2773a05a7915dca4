import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";

// LMDB maps its file into memory and trusts it: a foreign file, or one that lost its end, would end
// the process by SIGSEGV or SIGBUS. What it begins with are two pages of the same form, of which the
// one with the larger transaction id counts.
const MAGIC = 0xbeefc0de;
const META_BYTES = 160;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const PAGE_BYTES_MIN = 256;
const PAGE_BYTES_MAX = 65_536;

/**
 * Makes sure that an existing file may be given to LMDB. One that is shorter than what it holds is
 * filled up with zeros: its end may never have been written, as pages that were freed at once are
 * not, and whatever else was there is then missed by checksums instead of by the process.
 * @throws Error when it is no LMDB file
 */
export function prepareLmdbFile(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const needed = bytesNeeded(file);
    if (needed === undefined) throw new Error(`${path} is damaged: it is no LMDB file`);
    if (size < needed) ftruncateSync(file, needed);
  } finally {
    closeSync(file);
  }
}

function bytesNeeded(file: number): number | undefined {
  const first = readMeta(file, 0);
  const pageBytes = first?.readUInt32LE(PAGE_SIZE_AT) ?? 0;
  if (pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) return undefined;
  const second = readMeta(file, pageBytes);
  if (first === undefined || second === undefined) return undefined;
  const isFirstNewer =
    first.readBigUInt64LE(TRANSACTION_AT) > second.readBigUInt64LE(TRANSACTION_AT);
  const newest = isFirstNewer ? first : second;
  const needed = (Number(newest.readBigUInt64LE(LAST_PAGE_AT)) + 1) * pageBytes;
  return Number.isSafeInteger(needed) ? needed : undefined;
}

function readMeta(file: number, position: number): Buffer | undefined {
  const meta = Buffer.alloc(META_BYTES);
  const isWhole = readSync(file, meta, 0, META_BYTES, position) === META_BYTES;
  return isWhole && meta.readUInt32LE(MAGIC_AT) === MAGIC ? meta : undefined;
}
