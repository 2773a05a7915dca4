import { beforeEach, expect, test } from "vitest";
import { AwakeTimeout } from "./awake-timeout.ts";
import { SteppedClock } from "./stepped-clock.suite.ts";

const LIMIT_MS = 5000;

let clock: SteppedClock;
let endedMs: number[];
let timeout: AwakeTimeout;

beforeEach(() => {
  clock = new SteppedClock();
  endedMs = [];
  timeout = new AwakeTimeout(clock, LIMIT_MS, () => endedMs.push(clock.monotonic()));
});

test("it is over once, exactly its time after it was renewed last", async () => {
  await clock.advance(4321);
  timeout.renew();
  await clock.advance(4999);
  expect(endedMs).toEqual([]);
  await clock.advance(20_000);
  expect(endedMs).toEqual([4321 + LIMIT_MS]);
});

test("without being renewed it is over after its time", async () => {
  await clock.advance(20_000);
  expect(endedMs).toEqual([LIMIT_MS]);
});

test("one that is cancelled is never over, not even behind its last step", async () => {
  setImmediate(() => timeout.cancel());
  clock.soon = (callback) => setImmediate(() => setImmediate(callback));
  await clock.advance(20_000);
  await clock.advance(20_000);
  expect(endedMs).toEqual([]);
});

test("a standstill of any length counts as one step of ten", async () => {
  await clock.advance(1100);
  clock.stand(60_000);
  await clock.advance(0);
  expect(endedMs).toEqual([]);
  await clock.advance(3499);
  expect(endedMs).toEqual([]);
  await clock.advance(1);
  expect(endedMs).toEqual([64_600]);
});

test("what lay unread when the time was over is read first, and renews it", async () => {
  await clock.advance(4999);
  clock.soon = (callback) => {
    timeout.renew();
    setImmediate(callback);
  };
  await clock.advance(1);
  expect(endedMs).toEqual([]);
  clock.soon = (callback) => void setImmediate(callback);
  await clock.advance(LIMIT_MS);
  expect(endedMs).toEqual([2 * LIMIT_MS]);
});
