import { must } from "../base/assert.ts";
import type { Steps } from "../base/steps.ts";
import { type KeyRange, keyRange } from "./key-range.ts";
import { type KeySpace, type RangeQuery, SLICE_SLOTS } from "./key-space.ts";
import type { KeyValueRecord } from "./key-value.ts";

/**
 * A range read in slices, so that other work gets its turn in between. It shows one revision,
 * whatever is written or compacted meanwhile; for that it holds back the deletion of old records,
 * so it must be closed.
 */
export class RangeCursor {
  /** The revision it shows. */
  readonly revision: number;
  readonly #space: KeySpace;
  readonly #range: KeyRange;
  readonly #release: () => void;
  #left: number;
  #count: number | undefined;
  #counting: Steps<number> | undefined;
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
    this.#left = query.limit > 0 ? query.limit : Number.POSITIVE_INFINITY;
    this.#next = query.countOnly === true ? undefined : this.#range.start;
    if (at.isCurrent) this.#counted(space.countNow(this.#range));
    else {
      this.#counting = space.counting(this.#range, at.revision);
      this.countSome();
    }
  }

  /** Keys in the range, whatever the limit; only once they are all counted. */
  get count(): number {
    return must(this.#count, "a range tells its count once it is counted");
  }

  /** At the present revision always, and for most ranges of the past as soon as they are open. */
  get isCounted(): boolean {
    return this.#count !== undefined;
  }

  /** Counts on for a few ms. */
  countSome(): void {
    const step = this.#counting?.next();
    if (step?.done !== true) return;
    this.#counting = undefined;
    this.#counted(step.value);
  }

  #counted(count: number): void {
    this.#count = count;
    if (count === 0) this.#next = undefined;
  }

  /** Whether everything was handed out. */
  get isDone(): boolean {
    return this.#next === undefined;
  }

  /**
   * The next records in key order: at most `recordsMax`, and no more once `bytesMax` are reached.
   * May be none although more follow, where many keys do not exist at the revision.
   */
  next(recordsMax: number, bytesMax: number): KeyValueRecord[] {
    const records: KeyValueRecord[] = [];
    if (this.#next === undefined) return records;
    const range = { start: this.#next, end: this.#range.end };
    const room = Math.min(this.#left, recordsMax);
    let bytes = 0;
    const take = (main: number, sub: number) => {
      const record = this.#space.table.read(main, sub);
      bytes += record.bytes.length;
      records.push(record);
      return bytes < bytesMax;
    };
    const next = this.#space.visit(range, this.revision, room, take, SLICE_SLOTS);
    this.#left -= records.length;
    this.#next = this.#left > 0 ? next : undefined;
    return records;
  }

  /** Harmless when called twice. */
  close(): void {
    this.#next = undefined;
    this.#counting = undefined;
    this.#release();
  }
}
