import { compareBytes } from "../base/bytes.ts";

interface Interval {
  readonly start: Buffer;
  /** Exclusive. */
  readonly end: Buffer;
}

/** A union of key intervals: sorted, none touching another, so that a look-up is a binary search. */
export class KeySet {
  #intervals: Interval[] = [];

  /**
   * Adds `[key, rangeEnd)`, or `key` alone when `rangeEnd` is empty. An end that is not behind the
   * key adds nothing; so does "\0" ("to the end"), which etcd reads literally here.
   */
  add(ranges: Iterable<{ readonly key: Buffer; readonly rangeEnd: Buffer }>): void {
    const added: Interval[] = [];
    for (const { key, rangeEnd } of ranges) {
      const end = rangeEnd.length === 0 ? successor(key) : rangeEnd;
      if (compareBytes(key, end) < 0) added.push({ start: key, end });
    }
    if (added.length > 0) this.#merge(added);
  }

  addAll(other: KeySet): void {
    if (other.#intervals.length > 0) this.#merge(other.#intervals);
  }

  has(key: Buffer): boolean {
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { end } = this.#intervals[middle] as Interval;
      if (compareBytes(end, key) <= 0) low = middle + 1;
      else high = middle;
    }
    const found = this.#intervals[low];
    return found !== undefined && compareBytes(found.start, key) <= 0;
  }

  #merge(added: readonly Interval[]): void {
    const sorted = [...this.#intervals, ...added].sort((a, b) => compareBytes(a.start, b.start));
    const merged: Interval[] = [];
    for (const next of sorted) {
      const last = merged.at(-1);
      if (last === undefined || compareBytes(last.end, next.start) < 0) merged.push(next);
      else if (compareBytes(last.end, next.end) < 0) {
        merged[merged.length - 1] = { start: last.start, end: next.end };
      }
    }
    this.#intervals = merged;
  }
}

/** The smallest key behind `key`. */
function successor(key: Buffer): Buffer {
  const next = Buffer.alloc(key.length + 1);
  key.copy(next);
  return next;
}
