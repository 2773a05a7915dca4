import { expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { Leadership } from "./leadership.ts";

const TIMING = { heartbeatMs: 100, electionTicks: 10 };

function fixture(activeSince: Readonly<Record<string, number>>) {
  let nowMs = 0;
  const clock = Object.assign(new SystemClock(), { monotonic: () => nowMs });
  const leadership = new Leadership({
    memberId: 1n,
    clock,
    timing: TIMING,
    voters: () => [1n, 2n, 3n],
    sink: { activeSince: (id) => activeSince[String(id)] },
  });
  return {
    leadership,
    see: (atMs: number, leader: bigint) => {
      nowMs = atMs;
      return leadership.observe({ leader, isLeader: leader === 1n });
    },
    errorAt: (startedMs: number) => leadership.timeoutError(startedMs).code,
  };
}

test("a leader is new when none or another was known before, and only then", () => {
  const { leadership, see } = fixture({});
  expect([see(1, 0n), see(2, 2n), see(3, 2n)]).toEqual(["same", "newLeader", "same"]);
  expect([see(4, 0n), see(5, 2n), see(6, 1n)]).toEqual(["changed", "newLeader", "newLeader"]);
  expect(leadership.changes).toBe(3);
  expect(leadership.isLeader).toBe(true);
});

test("whoever is elected blames the failed leader for what came in between", () => {
  const { see, errorAt } = fixture({ 2: 0 });
  see(10_000, 1n);
  expect(errorAt(9_000)).toBe("TimeoutDueToLeaderFail");
  expect(errorAt(7_999)).toBe("Timeout");
  expect(errorAt(10_001)).toBe("Timeout");
});

test("who only sees another member elected blames nobody", () => {
  const { see, errorAt } = fixture({ 3: 0 });
  see(10_000, 3n);
  expect(errorAt(9_000)).toBe("Timeout");
});

test("a follower blames its connection when it had none to the leader since the request", () => {
  const { see, errorAt } = fixture({ 2: 20_000 });
  see(0, 2n);
  expect(errorAt(20_500)).toBe("Timeout");
  expect(errorAt(19_500)).toBe("TimeoutDueToConnectionLost");
  see(1, 3n);
  expect(errorAt(20_500)).toBe("TimeoutDueToConnectionLost");
});

test("a leader blames its connections when they are too few for a quorum", () => {
  const alone = fixture({});
  alone.see(0, 1n);
  expect(alone.errorAt(5_000)).toBe("TimeoutDueToConnectionLost");
  const withOne = fixture({ 3: 1_000 });
  withOne.see(0, 1n);
  expect(withOne.errorAt(5_000)).toBe("Timeout");
});

test("without any leader it is just late", () => {
  const { see, errorAt } = fixture({});
  see(0, 0n);
  expect(errorAt(5_000)).toBe("Timeout");
});
