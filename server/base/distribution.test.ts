import { expect, test } from "vitest";
import { Distribution, exponentialBounds } from "./distribution.ts";

test("a value falls into the first bucket whose bound it does not exceed", () => {
  const sizes = new Distribution([1, 2, 4]);
  for (const value of [0, 1, 1.5, 2, 4, 4.1, 100]) sizes.observe(value);
  expect([...sizes.counts]).toEqual([2, 2, 1, 2]);
  expect(sizes.count).toBe(7);
  expect(sizes.sum).toBeCloseTo(112.6);
});

test("bounds grow by a factor", () => {
  expect(exponentialBounds(100, 2, 4)).toEqual([100, 200, 400, 800]);
});
