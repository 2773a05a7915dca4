import type { Steps } from "./steps.ts";

/** Items that are sorted, or merged, between two pauses: fewer where they have so many bytes. */
export const SORT_SLICE = 4096;
export const SORT_SLICE_BYTES = 4 * 1024 * 1024;

export type Order<T> = (left: T, right: T) => number;

export interface SortTerms<T> {
  /** How many of the first are wanted; absent: all. */
  readonly most?: number;
  /** Bytes that comparing an item may take; absent: none that count. */
  readonly sizeOf?: (item: T) => number;
}

/** As `Array.toSorted`, pausing after every slice; what fits into one does not pause. */
export function* sorting<T>(
  items: readonly T[],
  order: Order<T>,
  terms: SortTerms<T> = {},
): Steps<readonly T[]> {
  const pace = new SortPace(terms);
  const runs: (readonly T[])[] = [];
  let run: T[] = [];
  for (const item of items) {
    if (pace.isPauseDue()) {
      runs.push(run.sort(order).slice(0, pace.most));
      run = [];
      yield;
    }
    run.push(item);
    pace.count(item);
  }
  runs.push(run.sort(order).slice(0, pace.most));
  return yield* merging(runs, order, terms);
}

/** One sorted run of several, equal items in the order of their runs; pauses as `sorting` does. */
export function* merging<T>(
  sorted: readonly (readonly T[])[],
  order: Order<T>,
  terms: SortTerms<T> = {},
): Steps<readonly T[]> {
  const pace = new SortPace(terms);
  let runs = sorted;
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [left = [], right] = runs.slice(at, at + 2);
      merged.push(right === undefined ? left : yield* mergingTwo(left, right, order, pace));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* mergingTwo<T>(
  left: readonly T[],
  right: readonly T[],
  order: Order<T>,
  pace: SortPace<T>,
): Steps<T[]> {
  const merged: T[] = [];
  const count = Math.min(left.length + right.length, pace.most);
  let a = 0;
  let b = 0;
  while (merged.length < count) {
    if (pace.isPauseDue()) yield;
    const isLeft =
      b === right.length || (a < left.length && order(left[a] as T, right[b] as T) <= 0);
    const taken = (isLeft ? left[a++] : right[b++]) as T;
    merged.push(taken);
    pace.count(taken);
  }
  return merged;
}

/** What one sort has done since its last pause. */
class SortPace<T> {
  readonly most: number;
  readonly #sizeOf: ((item: T) => number) | undefined;
  #items = 0;
  #bytes = 0;

  constructor({ most = Number.POSITIVE_INFINITY, sizeOf }: SortTerms<T>) {
    this.most = most;
    this.#sizeOf = sizeOf;
  }

  count(item: T): void {
    this.#items++;
    this.#bytes += this.#sizeOf?.(item) ?? 0;
  }

  isPauseDue(): boolean {
    if (this.#items < SORT_SLICE && this.#bytes < SORT_SLICE_BYTES) return false;
    this.#items = 0;
    this.#bytes = 0;
    return true;
  }
}
