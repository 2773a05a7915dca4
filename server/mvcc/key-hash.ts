import { crc32c } from "../base/crc32c.ts";
import { blockOf, slotOf } from "./key-index.ts";
import { successor } from "./key-range.ts";
import type { KeySpace } from "./key-space.ts";
import { keyOfRecord } from "./key-value.ts";
import { decodeMain, decodeSub, encodeRevision, isTombstoneKey } from "./revision.ts";

// What members compare to find out that they have diverged: CRC-32C over the word "key", then key
// and value bytes of every record in order of revision, as if the records compacted at C were gone,
// whether or not their deletion has got that far. A record at or below C counts if a compaction at
// the hashed revision would keep it. A tombstone exactly at C never counts: older releases delete
// it.

const BUCKET_NAME = Buffer.from("key");
/** One slice: records, or their bytes. */
const SLICE_RECORDS = 512;
const SLICE_BYTES = 1024 * 1024;

export interface KeyHash {
  /** Unsigned 32 bits. */
  readonly hash: number;
  /** The revision that was compacted when the hash was taken, -1 for none. */
  readonly compactRevision: number;
  /** The last revision in the hash. */
  readonly revision: number;
}

interface HashBounds {
  readonly revision: number;
  readonly compactRevision: number;
  /** Whether a tombstone exactly at `revision` counts as kept, as for the hash of a compaction. */
  readonly keepsTombstones: boolean;
}

/** Yields between slices. No record at or below `revision` may be deleted meanwhile. */
export function* hashRecords(space: KeySpace, bounds: HashBounds): Generator<void, KeyHash> {
  const { revision, compactRevision } = bounds;
  const kept = new KeptRevisions(space, bounds, yield* space.hasKeyAt(revision));
  let hash = crc32c(BUCKET_NAME);
  let start: Buffer | undefined = encodeRevision(0, 0);
  while (start !== undefined) {
    let rows = 0;
    let bytes = 0;
    let last: Buffer | undefined;
    for (const [key, value] of space.table.scan(start, revision + 1)) {
      if (kept.counts(key, value)) hash = crc32c(value, crc32c(key, hash));
      rows++;
      bytes += value.length;
      if (rows < SLICE_RECORDS && bytes < SLICE_BYTES) continue;
      last = key;
      break;
    }
    start = last && successor(last);
    if (start !== undefined) yield;
  }
  return { hash, compactRevision, revision };
}

class KeptRevisions {
  readonly #space: KeySpace;
  readonly #bounds: HashBounds;
  readonly #keepsAny: boolean;
  readonly #shown = { main: 0, sub: 0 };

  constructor(space: KeySpace, bounds: HashBounds, hasKey: boolean) {
    this.#space = space;
    this.#bounds = bounds;
    this.#keepsAny = hasKey || this.#keepsTombstone();
  }

  counts(recordKey: Buffer, record: Buffer): boolean {
    const { compactRevision } = this.#bounds;
    const main = decodeMain(recordKey);
    if (main > compactRevision) return true;
    if (main === compactRevision && isTombstoneKey(recordKey)) return false;
    return !this.#keepsAny || this.#isKept(main, decodeSub(recordKey), keyOfRecord(record));
  }

  #isKept(main: number, sub: number, key: Buffer): boolean {
    const { index } = this.#space;
    const { revision, keepsTombstones } = this.#bounds;
    const shown = this.#shown;
    const at = index.seek(key);
    if (!index.isHit) return false;
    shown.main = -1;
    const isLive = index.visible(index.block(blockOf(at)), slotOf(at), revision, shown);
    if (shown.main !== main || shown.sub !== sub) return false;
    return isLive || (keepsTombstones && main === revision);
  }

  #keepsTombstone(): boolean {
    const { revision, keepsTombstones } = this.#bounds;
    if (!keepsTombstones || revision < 0) return false;
    for (const [key] of this.#space.table.scan(encodeRevision(revision, 0), revision + 1)) {
      if (isTombstoneKey(key)) return true;
    }
    return false;
  }
}
