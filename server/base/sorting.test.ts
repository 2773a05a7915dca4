import fc from "fast-check";
import { expect, test } from "vitest";
import { merging, SORT_SLICE, SORT_SLICE_BYTES, sorting } from "./sorting.ts";
import { finish } from "./steps.ts";

interface Item {
  readonly rank: number;
  readonly at: number;
}
const byRank = (a: Item, b: Item) => a.rank - b.rank;

test("a sort in slices gives what a sort at once gives, equal items in their order", () => {
  fc.assert(
    fc.property(fc.nat(20_000), fc.integer({ min: 1, max: 50 }), (count, ranks) => {
      const items = Array.from({ length: count }, (_, at) => ({ rank: (at * 7919) % ranks, at }));
      expect(finish(sorting(items, byRank))).toEqual(items.toSorted(byRank));
    }),
    { numRuns: 50, seed: 7 },
  );
});

test("a sort pauses after every slice, and not at all where one is enough", () => {
  const items = (count: number) => Array.from({ length: count }, (_, at) => ({ rank: -at, at }));
  expect(sorting(items(SORT_SLICE), byRank).next().done).toBe(true);
  let longest = 0;
  let comparisons = 0;
  const sort = sorting(items(20 * SORT_SLICE), (a, b) => {
    comparisons++;
    return byRank(a, b);
  });
  while (sort.next().done !== true) {
    longest = Math.max(longest, comparisons);
    comparisons = 0;
  }
  expect(longest).toBeLessThan(20 * SORT_SLICE);
});

test("the first so many of a sort are those of the whole", () => {
  const items = Array.from({ length: 3 * SORT_SLICE }, (_, at) => ({ rank: (at * 7919) % 90, at }));
  for (const most of [1, 500, SORT_SLICE + 1, items.length + 1]) {
    const first = finish(sorting(items, byRank, { most }));
    expect(first).toEqual(items.toSorted(byRank).slice(0, most));
  }
});

test("a sort pauses after so many bytes, however few items they are", () => {
  const runs = Array.from({ length: 64 }, (_, at) => [{ rank: at % 5, at }]);
  const terms = { sizeOf: () => SORT_SLICE_BYTES / 2 };
  for (const sort of [sorting(runs.flat(), byRank, terms), merging(runs, byRank, terms)]) {
    let pauses = 0;
    let step = sort.next();
    for (; step.done !== true; step = sort.next()) pauses++;
    expect(step.value).toEqual(runs.flat().toSorted(byRank));
    expect(pauses).toBeGreaterThan(31);
  }
});
