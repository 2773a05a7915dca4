import { expect, test } from "vitest";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { spreadExpiries } from "./expiry-spread.ts";
import { Lessor } from "./lessor.ts";

const spread = (seconds: readonly number[]) =>
  [...spreadExpiries(seconds, (each) => each)].map(({ lease, delayMs }) => ({
    lease,
    atMs: lease * 1000 + delayMs,
  }));

/** How many expire within each second. */
function perSecond(atMs: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const at of atMs)
    counts.set(Math.floor(at / 1000), (counts.get(Math.floor(at / 1000)) ?? 0) + 1);
  return [...counts.values()];
}

test("fewer leases than can be revoked in a second are not extended", () => {
  const seconds = Array.from({ length: 999 }, () => 10);
  expect(spread(seconds).every(({ atMs }) => atMs === 10_000)).toBe(true);
});

test("leases that would expire together are spread, later for the later", () => {
  const expiries = spread(Array.from({ length: 10_000 }, () => 10)).map(({ atMs }) => atMs);
  expect(expiries[749]).toBe(10_000);
  expect(expiries[750]).toBeCloseTo(10_000 + (1000 * 751) / 750);
  expect(expiries.at(-1)).toBeCloseTo(10_000 + (1000 * 10_000) / 750);
  expect(expiries).toEqual(expiries.toSorted((a, b) => a - b));
  expect(Math.max(...perSecond(expiries))).toBeLessThanOrEqual(751);
});

test("a lease that expires anyway where others were moved to gives way, and one beyond does not", () => {
  const seconds = [...Array.from({ length: 3000 }, () => 10), 12, 60];
  const expiries = spread(seconds);
  expect(expiries.at(-2)).toEqual({ lease: 12, atMs: expect.closeTo(10_000 + 3001 / 0.75) });
  expect(expiries.at(-1)).toEqual({ lease: 60, atMs: 60_000 });
});

test("leases that expire far enough apart keep their times, however many there are", () => {
  const seconds = Array.from({ length: 5000 }, (_, at) => 5000 - at);
  expect(spread(seconds).map(({ atMs }) => atMs)).toEqual(
    seconds.toReversed().map((each) => each * 1000),
  );
});

test("a new leader gives leases their time, the extension, and their share of the spreading", () => {
  const lessor = Lessor.open(new MemoryEngine(), 2);
  for (let id = 1n; id <= 3000n; id++) lessor.grant(id, 10, 0);
  lessor.promote(0, 1000);
  expect(lessor.expired(10_999, 10_000)).toEqual([]);
  expect(lessor.expired(11_000, 10_000)).toHaveLength(750);
  let count = 0;
  for (let nowMs = 11_500; nowMs < 12_500; nowMs += 500) {
    count += lessor.expired(nowMs, 10_000).length;
  }
  expect(count).toBeLessThan(751);
  for (const id of lessor.expired(15_001, 10_000)) lessor.revoke(id);
  expect(lessor.count).toBe(0);
});
