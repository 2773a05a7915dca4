import { expect, test } from "vitest";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { type LeaderMoveOptions, MOVE_LEADER_MS_MAX, moveLeader } from "./leader-move.ts";

const LOCAL = 1n;
const TARGET = 2n;
const HEARTBEAT_MS = 100;

function move(context: { deadlineMs?: number; isCanceled: boolean }) {
  const clock = new SteppedClock();
  const leadership = { leader: LOCAL };
  const replica = { isLeader: true, isStopped: false, leadership, withRaft: () => undefined };
  const membership = { member: () => ({ isLearner: false }) };
  const options = { replica, state: { membership }, clock, heartbeatMs: HEARTBEAT_MS };
  let outcome = "waits";
  moveLeader(options as unknown as LeaderMoveOptions, TARGET, {
    deadlineMs: undefined,
    ...context,
  }).then(
    () => (outcome = "moved"),
    (error: Error) => (outcome = error.message),
  );
  return { clock, replica, leadership, outcome: () => outcome };
}

const TOO_LONG = "etcdserver: request timed out, leader transfer took too long";

test("another leader is waited for as long as the client does, who may name no deadline", async () => {
  const patient = move({ isCanceled: false });
  await patient.clock.advance(MOVE_LEADER_MS_MAX - HEARTBEAT_MS);
  expect(patient.outcome()).toBe("waits");
  patient.leadership.leader = TARGET;
  await patient.clock.advance(HEARTBEAT_MS);
  expect(patient.outcome()).toBe("moved");
  const endless = move({ isCanceled: false });
  await endless.clock.advance(MOVE_LEADER_MS_MAX + HEARTBEAT_MS);
  expect(endless.outcome()).toBe(TOO_LONG);
  const hasty = move({ deadlineMs: 1000, isCanceled: false });
  await hasty.clock.advance(1000 + HEARTBEAT_MS);
  expect(hasty.outcome()).toBe(TOO_LONG);
});

test("nobody waits for another leader once the client is gone or the member stops", async () => {
  const stopped = move({ isCanceled: false });
  stopped.replica.isStopped = true;
  await stopped.clock.advance(HEARTBEAT_MS);
  expect(stopped.outcome()).toBe("etcdserver: server stopped");
  const canceled = move({ isCanceled: true });
  await canceled.clock.advance(HEARTBEAT_MS);
  expect(canceled.outcome()).toBe(TOO_LONG);
});
