import { expect, test } from "vitest";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SystemClock } from "../base/clock.ts";
import { additionOf } from "../membership/conf-changes.ts";
import type { RaftStatus } from "../raft/ready.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Leadership } from "./leadership.ts";
import { Reconfigurer } from "./reconfigurer.ts";

const LOCAL = 1n;
const LEARNER = 2n;

/** Of a member that leads no more. */
const FOLLOWING: RaftStatus = {
  id: LOCAL,
  role: "follower",
  term: 3,
  vote: 0n,
  leader: 0n,
  commit: 7,
  applied: 7,
  firstIndex: 1,
  lastIndex: 7,
  confState: { voters: [LOCAL], learners: [LEARNER] },
  progress: [],
  leadTransferee: 0n,
  droppedMessages: 0,
};

test("a leader that has stepped down since its last turn refuses a promotion", async () => {
  const clock = new SystemClock();
  const state = new ReplicatedState({
    engine: new MemoryEngine(),
    membership: { memberId: LOCAL, clusterId: 2n },
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
  const learner = { id: LEARNER, name: "", peerUrls: ["http://m2:1"], clientUrls: [] };
  state.membership.apply(additionOf({ ...learner, isLearner: true }, 0n));
  const reconfigurer = new Reconfigurer({
    replica: {
      isLeader: true,
      isStopped: false,
      leadership: new Leadership({
        memberId: LOCAL,
        clock,
        timing: { heartbeatMs: 100, electionTicks: 10 },
        sink: { activeSince: () => undefined },
        voters: () => [LOCAL],
      }),
      status: () => FOLLOWING,
      nextId: () => 1n,
      configure: () => Promise.reject(new Error("nothing is to be proposed")),
    },
    state,
    clock,
    activeSince: () => undefined,
    calls: () => undefined,
    isStrict: true,
    timeoutMs: 7000,
  });
  await expect(reconfigurer.promote(LEARNER, undefined)).rejects.toMatchObject({
    code: "NotLeader",
  });
  // As in etcd only a leader's refusals are counted.
  expect(reconfigurer.refusedPromotions.size).toBe(0);
});
