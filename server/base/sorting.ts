import type { Steps } from "./steps.ts";

/** Items that are sorted, or merged, between two pauses. */
export const SORT_SLICE = 4096;

export type Order<T> = (left: T, right: T) => number;

/** As `Array.toSorted`, pausing after every slice; what fits into one does not pause. */
export function* sorting<T>(items: readonly T[], order: Order<T>): Steps<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += SORT_SLICE) {
    if (at > 0) yield;
    runs.push(items.slice(at, at + SORT_SLICE).sort(order));
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(yield* merging(runs[at] ?? [], runs[at + 1] ?? [], order));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merging<T>(left: readonly T[], right: readonly T[], order: Order<T>): Steps<T[]> {
  const merged: T[] = [];
  const count = left.length + right.length;
  let a = 0;
  let b = 0;
  while (merged.length < count) {
    const isLeft =
      b === right.length || (a < left.length && order(left[a] as T, right[b] as T) <= 0);
    merged.push((isLeft ? left[a++] : right[b++]) as T);
    if (merged.length % SORT_SLICE === 0) yield;
  }
  return merged;
}
