import { type KeyRange, keyRange } from "./key-range.ts";
import type { KeySpace, RangeQuery } from "./key-space.ts";
import type { KeyValueRecord } from "./key-value.ts";

/**
 * A range read in slices, so that other work gets its turn in between. It shows one revision,
 * whatever is written or compacted meanwhile; for that it holds back the deletion of old records,
 * so it must be closed.
 */
export class RangeCursor {
  /** The revision it shows. */
  readonly revision: number;
  /** Keys in the range, whatever the limit. */
  readonly count: number;
  readonly #space: KeySpace;
  readonly #range: KeyRange;
  readonly #release: () => void;
  #left: number;
  #next: Buffer | undefined;

  constructor(
    space: KeySpace,
    query: RangeQuery,
    at: { revision: number; isCurrent: boolean },
    release: () => void,
  ) {
    this.#space = space;
    this.#range = keyRange(query.key, query.rangeEnd);
    this.#release = release;
    this.revision = at.revision;
    this.count = space.count(this.#range, at.revision, at.isCurrent);
    this.#left = query.limit > 0 ? query.limit : Number.POSITIVE_INFINITY;
    this.#next = query.countOnly === true || this.count === 0 ? undefined : this.#range.start;
  }

  /** Whether everything was handed out. */
  get isDone(): boolean {
    return this.#next === undefined;
  }

  /**
   * The next records in key order: at most `recordsMax`, and no more once `bytesMax` are reached.
   */
  next(recordsMax: number, bytesMax = Number.POSITIVE_INFINITY): KeyValueRecord[] {
    const records: KeyValueRecord[] = [];
    let bytes = 0;
    while (this.#next !== undefined && records.length < recordsMax && bytes < bytesMax) {
      const range = { start: this.#next, end: this.#range.end };
      const room = Math.min(SLICE, this.#left, recordsMax - records.length);
      const next = this.#space.visit(range, this.revision, room, (main, sub) => {
        const record = this.#space.table.read(main, sub);
        bytes += record.bytes.length;
        records.push(record);
      });
      this.#left -= room;
      this.#next = this.#left > 0 ? next : undefined;
    }
    return records;
  }

  /** Harmless when called twice. */
  close(): void {
    this.#next = undefined;
    this.#release();
  }
}

/** Records read between two looks at the number of bytes. */
const SLICE = 64;
