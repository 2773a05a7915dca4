import { expect, test } from "vitest";
import { leaseTtlMinSeconds } from "./opened-state.ts";

test("the shortest TTL of a lease is counted in whole ticks", () => {
  const shortest = (electionMs: number, heartbeatMs: number) =>
    leaseTtlMinSeconds({ electionMs, heartbeatMs });
  expect(shortest(1000, 100)).toBe(2);
  expect(shortest(2700, 100)).toBe(4);
  expect(shortest(5000, 1000)).toBe(7);
  expect(shortest(50_000, 100)).toBe(75);
});
