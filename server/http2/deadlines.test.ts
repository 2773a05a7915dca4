import { expect, test } from "vitest";
import type { Cancel, Clock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { Deadlines } from "./deadlines.ts";

/** Time that a test moves; periodic callbacks run each time it does. */
class ManualClock implements Clock {
  nowMs = 1_000_000;
  readonly periodic = new Set<() => void>();
  now = () => this.nowMs;
  monotonic = () => this.nowMs;
  after = () => () => {};
  soon = () => {};

  every(_periodMs: number, callback: () => void): Cancel {
    this.periodic.add(callback);
    return () => this.periodic.delete(callback);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const callback of this.periodic) callback();
  }
}

test("each call expires once, not early, and within two slots after its time", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const expired = new Map<number, number>();
    const dueOf: number[] = [];
    const ended = new Set<number>();
    const calls = Array.from({ length: 200 }, (_, id) => {
      const deadlineMs = clock.nowMs + 1 + random.below(random.below(2) === 0 ? 100 : 30_000);
      dueOf.push(deadlineMs);
      const call = { deadlineMs, expire: () => expired.set(id, clock.nowMs) };
      deadlines.add(call);
      return call;
    });
    for (let time = 0; time < 31_000; time += 10) {
      clock.advance(10);
      const id = random.below(200);
      if (random.below(20) === 0 && !expired.has(id)) {
        deadlines.delete(calls[id] as (typeof calls)[number]);
        ended.add(id);
      }
    }
    for (const [id, due] of dueOf.entries()) {
      const at = expired.get(id);
      if (ended.has(id)) expect(at).toBeUndefined();
      else {
        expect(at).toBeGreaterThanOrEqual(due);
        expect(at).toBeLessThanOrEqual(due + 42);
      }
    }
    expect(clock.periodic.size).toBe(0);
  }
});

test("after a pause longer than the wheel everything that is due expires at once", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  let expired = 0;
  for (let ms = 1; ms <= 20_000; ms += 100) {
    deadlines.add({ deadlineMs: clock.nowMs + ms, expire: () => expired++ });
  }
  clock.advance(60_000);
  expect(expired).toBe(200);
});

test("no timer runs while nothing is watched", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const call = { deadlineMs: clock.nowMs + 1000, expire: () => expect.unreachable() };
  deadlines.add(call);
  expect(clock.periodic.size).toBe(1);
  deadlines.delete(call);
  deadlines.delete(call);
  clock.advance(16);
  expect(clock.periodic.size).toBe(0);
});
