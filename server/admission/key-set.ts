// Keys and key intervals that lists of operations write, gathered from the innermost list to the
// outermost. All are latin1 text, which sorts as its bytes do. Everything is sorted, and of two sets
// the smaller goes into the larger: a set that is handed up a hundred levels is not copied there.

interface Interval {
  readonly start: string;
  /** Exclusive. */
  readonly end: string;
}

/** So few are put in their places one by one; more are merged, which takes a new array. */
const FEW = 16;

/** Sorted keys, each once. */
export class KeyList {
  #keys: string[] = [];

  get keys(): readonly string[] {
    return this.#keys;
  }

  /** @returns false where one of them is there twice, or already */
  add(keys: readonly Buffer[]): boolean {
    if (keys.length === 0) return true;
    const added = keys.map((key) => key.toString("latin1"));
    if (added.length > 1) added.sort(byText);
    for (let at = 1; at < added.length; at++) if (added[at] === added[at - 1]) return false;
    return this.#merge(added);
  }

  /** @param other to be used no more @returns whether they shared none */
  addAll(other: KeyList): boolean {
    return this.#merge(other.#keys);
  }

  #merge(other: string[]): boolean {
    const [few, many] = bySize(other, this.#keys);
    if (few.length === 0) {
      this.#keys = many;
      return true;
    }
    let isDisjoint = true;
    let at = 0;
    if (few.length <= FEW) {
      this.#keys = many;
      for (const key of few) {
        at = lowerBound(many, at, (known) => known < key);
        if (many[at] === key) isDisjoint = false;
        else many.splice(at, 0, key);
      }
      return isDisjoint;
    }
    const merged: string[] = [];
    for (const key of few) {
      const next = lowerBound(many, at, (known) => known < key);
      for (; at < next; at++) merged.push(many[at] as string);
      if (many[at] === key) isDisjoint = false;
      else merged.push(key);
    }
    for (; at < many.length; at++) merged.push(many[at] as string);
    this.#keys = merged;
    return isDisjoint;
  }
}

/** A union of key intervals: sorted, none touching another. */
export class KeySet {
  #intervals: Interval[] = [];

  /**
   * Adds `[key, rangeEnd)`, or `key` alone when `rangeEnd` is empty. An end that is not behind the
   * key adds nothing; so does "\0" ("to the end"), which etcd reads literally here.
   */
  add(ranges: readonly { readonly key: Buffer; readonly rangeEnd: Buffer }[]): void {
    const added: Interval[] = [];
    for (const { key, rangeEnd } of ranges) {
      const start = key.toString("latin1");
      const end = rangeEnd.length === 0 ? `${start}\0` : rangeEnd.toString("latin1");
      if (start < end) added.push({ start, end });
    }
    if (added.length > 1) added.sort((a, b) => byText(a.start, b.start));
    this.#merge(united(added));
  }

  /** @param other to be used no more */
  addAll(other: KeySet): void {
    this.#merge(other.#intervals);
  }

  /** Whether any of the keys lies within. */
  hasAny({ keys }: KeyList): boolean {
    const intervals = this.#intervals;
    if (keys.length < intervals.length) {
      return keys.some((key) => {
        const found = intervals[lowerBound(intervals, 0, ({ end }) => end <= key)];
        return found !== undefined && found.start <= key;
      });
    }
    return intervals.some(({ start, end }) => {
      const first = keys[lowerBound(keys, 0, (key) => key < start)];
      return first !== undefined && first < end;
    });
  }

  #merge(other: Interval[]): void {
    const [few, many] = bySize(other, this.#intervals);
    if (few.length <= FEW) {
      this.#intervals = many;
      for (const added of few) place(many, added);
      return;
    }
    const merged: Interval[] = [];
    let at = 0;
    for (const added of few) {
      const next = lowerBound(many, at, ({ start }) => start < added.start);
      for (; at < next; at++) push(merged, many[at] as Interval);
      push(merged, added);
    }
    for (; at < many.length; at++) push(merged, many[at] as Interval);
    this.#intervals = merged;
  }
}

/** Puts it where it belongs, in one with all that it touches. */
function place(intervals: Interval[], added: Interval): void {
  const first = lowerBound(intervals, 0, ({ end }) => end < added.start);
  const behind = lowerBound(intervals, first, ({ start }) => start <= added.end);
  const before = intervals[first];
  const last = intervals[behind - 1];
  if (before === undefined || last === undefined || behind === first) {
    intervals.splice(first, 0, added);
    return;
  }
  const start = before.start < added.start ? before.start : added.start;
  const end = last.end > added.end ? last.end : added.end;
  intervals.splice(first, behind - first, { start, end });
}

function united(sorted: Interval[]): Interval[] {
  if (sorted.length < 2) return sorted;
  const merged: Interval[] = [];
  for (const interval of sorted) push(merged, interval);
  return merged;
}

/** @param next starts at or behind the last */
function push(merged: Interval[], next: Interval): void {
  const last = merged.at(-1);
  if (last === undefined || last.end < next.start) merged.push(next);
  else if (last.end < next.end) merged[merged.length - 1] = { start: last.start, end: next.end };
}

function bySize<T>(a: T[], b: T[]): readonly [few: T[], many: T[]] {
  return a.length <= b.length ? [a, b] : [b, a];
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first place from `from` on that is not before. */
function lowerBound<T>(sorted: readonly T[], from: number, isBefore: (item: T) => boolean): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(sorted[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
