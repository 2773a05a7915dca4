import { compareBytes } from "../base/bytes.ts";

interface Interval {
  readonly start: Buffer;
  /** Exclusive; undefined is behind every key. */
  readonly end: Buffer | undefined;
}

/**
 * The union of key intervals, as permissions and requests write them: an empty end is the key
 * alone, "\0" is everything from the key on.
 */
export class KeyIntervals {
  /** Sorted, none touching another. */
  readonly #merged: readonly Interval[];

  constructor(ranges: Iterable<{ readonly key: Buffer; readonly rangeEnd: Buffer }>) {
    this.#merged = merge([...ranges].map(({ key, rangeEnd }) => intervalOf(key, rangeEnd)));
  }

  /** Whether every key of the range lies within. A range without keys counts as its first key. */
  covers(key: Buffer, rangeEnd: Buffer): boolean {
    const wanted = intervalOf(key, rangeEnd);
    const holder = this.#at(key);
    if (holder === undefined) return false;
    return compareEnds(wanted.end, holder.end) <= 0 || isEmpty(wanted);
  }

  /** The interval that holds `key`. */
  #at(key: Buffer): Interval | undefined {
    let low = 0;
    let high = this.#merged.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { end } = this.#merged[middle] as Interval;
      if (end !== undefined && compareBytes(end, key) <= 0) low = middle + 1;
      else high = middle;
    }
    const found = this.#merged[low];
    return found !== undefined && compareBytes(found.start, key) <= 0 ? found : undefined;
  }
}

/** Whether the end stands for "everything from the key on". */
export function isOpenEnd(rangeEnd: Buffer): boolean {
  return rangeEnd.length === 1 && rangeEnd[0] === 0;
}

function intervalOf(key: Buffer, rangeEnd: Buffer): Interval {
  if (isOpenEnd(rangeEnd)) return { start: key, end: undefined };
  if (rangeEnd.length > 0) return { start: key, end: rangeEnd };
  return { start: key, end: Buffer.concat([key, Buffer.alloc(1)]) };
}

function isEmpty({ start, end }: Interval): boolean {
  return end !== undefined && compareBytes(start, end) >= 0;
}

function merge(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals
    .filter((interval) => !isEmpty(interval))
    .sort((a, b) => compareBytes(a.start, b.start));
  const merged: Interval[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last === undefined || (last.end && compareBytes(last.end, next.start) < 0)) {
      merged.push(next);
    } else if (compareEnds(last.end, next.end) < 0) {
      merged[merged.length - 1] = { start: last.start, end: next.end };
    }
  }
  return merged;
}

function compareEnds(a: Buffer | undefined, b: Buffer | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return compareBytes(a, b);
}
