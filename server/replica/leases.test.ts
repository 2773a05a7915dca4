import { beforeEach, expect, test } from "vitest";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SystemClock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Leadership } from "./leadership.ts";
import { Leases } from "./leases.ts";

const SHORTENED = 1n;
const WHOLE = 2n;
const TTL_SECONDS = 600;
const LEFT_SECONDS = 60;

let state: ReplicatedState;
let leases: Leases;
let replica: { term: number; isLeader: boolean };
let clearings: PromiseWithResolvers<void>[];
let answers: string[];

/** A leader with two leases, one of which a checkpoint has shortened. */
beforeEach(() => {
  const clock = new SystemClock();
  const memberId = 1n;
  state = new ReplicatedState({
    engine: new MemoryEngine(),
    membership: { memberId, clusterId: 1n },
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
  for (const id of [SHORTENED, WHOLE]) state.lessor.grant(id, TTL_SECONDS, state.nowMs);
  state.lessor.checkpoint(SHORTENED, LEFT_SECONDS, state.nowMs);
  state.lessor.promote(state.nowMs, 0);
  clearings = [];
  answers = [];
  const leadership = new Leadership({
    memberId,
    clock,
    timing: { heartbeatMs: 100, electionTicks: 10 },
    sink: { activeSince: () => undefined },
    voters: () => [memberId],
  });
  const fake = {
    term: 2,
    isLeader: true,
    isStopped: false,
    leadership,
    readBarrier: async () => undefined,
  };
  replica = fake;
  leases = new Leases({
    replica: fake,
    state,
    clock,
    timeoutMs: 7000,
    calls: () => undefined,
    clearCheckpoint: () => {
      const clearing = Promise.withResolvers<void>();
      clearings.push(clearing);
      return clearing.promise;
    },
  });
});

/** Its answer is noted when it comes. */
function renew(id: bigint): void {
  leases.renewHere(id).then(
    (ttlSeconds) => answers.push(`${id}: ${ttlSeconds}`),
    (error: Error) => answers.push(`${id}: ${error.message}`),
  );
}

/** What the log brings to a clearing that was proposed. */
function clear(at: number): void {
  state.lessor.checkpoint(SHORTENED, 0, state.nowMs);
  clearings[at]?.resolve();
}

const remaining = () => state.lessor.timeToLive(SHORTENED, state.nowMs).remainingSeconds;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("renewals wait until the checkpoint is cleared, all for one clearing; other leases do not", async () => {
  renew(SHORTENED);
  await turn();
  renew(SHORTENED);
  renew(WHOLE);
  await turn();
  expect(answers).toEqual(["2: 600"]);
  expect(clearings).toHaveLength(1);
  expect(remaining()).toBeLessThanOrEqual(LEFT_SECONDS);
  clear(0);
  await turn();
  expect(answers).toEqual(["2: 600", "1: 600", "1: 600"]);
  expect(remaining()).toBeGreaterThan(LEFT_SECONDS);
  renew(SHORTENED);
  await turn();
  expect([clearings.length, answers.length]).toEqual([1, 4]);
});

test("a clearing that fails renews nothing, and is tried again like any other failure", async () => {
  renew(SHORTENED);
  const renewal = leases.renew(SHORTENED);
  await turn();
  clearings[0]?.reject(new EtcdError("NotLeader"));
  await turn();
  expect(answers).toEqual([`1: ${new EtcdError("NotLeader").message}`]);
  expect(remaining()).toBeLessThanOrEqual(LEFT_SECONDS);
  await expect.poll(() => clearings.length).toBe(2);
  clear(1);
  expect(await renewal).toBe(TTL_SECONDS);
});

test("a renewal waits for no clearing of an earlier term, which may be lost", async () => {
  renew(SHORTENED);
  await turn();
  replica.term++;
  renew(SHORTENED);
  await turn();
  expect(clearings).toHaveLength(2);
  clearings[0]?.reject(new EtcdError("Timeout"));
  await turn();
  renew(SHORTENED);
  await turn();
  expect(clearings).toHaveLength(2);
  clear(1);
  await turn();
  expect(answers).toEqual([`1: ${new EtcdError("Timeout").message}`, "1: 600", "1: 600"]);
});

test("a lease revoked while its checkpoint was being cleared is gone", async () => {
  renew(SHORTENED);
  await turn();
  state.lessor.revoke(SHORTENED);
  clearings[0]?.resolve();
  await turn();
  expect(answers).toEqual([`1: ${new EtcdError("LeaseNotFound").message}`]);
});
