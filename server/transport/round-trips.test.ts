import { expect, test } from "vitest";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { RoundTrips } from "./round-trips.ts";

test("round trips are smoothed, and noted after five seconds and then every thirty", async () => {
  const clock = new SteppedClock();
  const trips = new RoundTrips(clock);
  const noted: number[] = [];
  for (let second = 0; second <= 36; second += 4) {
    trips.succeeded(second === 4 ? 88 : 8);
    noted.push(trips.seconds.count);
    await clock.advance(4000);
  }
  // 8 ms, of 88 an eighth of the difference, and from there back towards 8.
  expect(noted).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(trips.seconds.sum * 1000).toBeCloseTo(8 + 10 - 10 / 8);
  trips.succeeded(8);
  expect(trips.seconds.count).toBe(2);
});

test("a peer that does not answer is noted every five seconds, with what was last known", async () => {
  const clock = new SteppedClock();
  const trips = new RoundTrips(clock);
  trips.succeeded(10);
  for (let second = 0; second < 20; second += 5) {
    await clock.advance(5000);
    trips.failed();
  }
  expect(trips.seconds.count).toBe(4);
  expect(trips.seconds.sum).toBeCloseTo(0.04);
});
