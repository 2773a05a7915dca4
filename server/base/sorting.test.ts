import fc from "fast-check";
import { expect, test } from "vitest";
import { SORT_SLICE, sorting } from "./sorting.ts";
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
