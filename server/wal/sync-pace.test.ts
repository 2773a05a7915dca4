import { expect, test } from "vitest";
import { SyncPace } from "./sync-pace.ts";

const QUICK_MS = 0.1;

function observed(...durations: readonly number[]): SyncPace {
  const pace = new SyncPace();
  for (const duration of durations) pace.observe(duration);
  return pace;
}

test("nobody waits on the spot before the disk has shown that it is quick", () => {
  expect(observed().isQuick).toBe(false);
  expect(observed(QUICK_MS).isQuick).toBe(true);
});

test("nobody waits on the spot for a disk of half a millisecond and more", () => {
  expect(observed(...Array<number>(100).fill(0.5)).isQuick).toBe(false);
});

test("a quick disk that becomes slow is left after a few syncs, after one that is very slow", () => {
  const pace = observed(...Array<number>(100).fill(QUICK_MS));
  let waited = 0;
  while (pace.isQuick) {
    pace.observe(2);
    waited++;
  }
  expect(waited).toBeLessThan(8);
  const other = observed(...Array<number>(100).fill(QUICK_MS));
  other.observe(20);
  expect(other.isQuick).toBe(false);
});

test("after a slow moment a quick disk is waited for again", () => {
  const pace = observed(QUICK_MS, 50, ...Array<number>(100).fill(QUICK_MS));
  expect(pace.isQuick).toBe(true);
});

test("a disk between quick and slow is not tried again and again", () => {
  const middling = Array<number>(1000).fill(0.4);
  expect(observed(5, ...middling).isQuick).toBe(false);
  expect(observed(QUICK_MS, ...middling).isQuick).toBe(true);
});
