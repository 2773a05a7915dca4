import { expect, test } from "vitest";
import type { Outcome } from "../apply/outcome.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { must } from "../base/assert.ts";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import { additionOf, removalOf } from "../membership/conf-changes.ts";
import { type Member, membersJson } from "../membership/member-record.ts";
import type { ConfChangeEntry } from "../proto/conf-codec.ts";
import type { RaftStatus } from "../raft/ready.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";
import { Leadership } from "./leadership.ts";
import { Reconfigurer } from "./reconfigurer.ts";

const LOCAL = 1n;
const LEARNER = 2n;
const REMOVED = 3n;
const UNKNOWN = 4n;

/** As its leader lists it, before this member has heard of the promotion. */
const PROMOTED: Member = {
  id: LEARNER,
  name: "m2",
  peerUrls: ["http://m2:1"],
  clientUrls: ["http://m2:2"],
  isLearner: false,
};

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

interface Asked {
  readonly isLeader: () => boolean;
  /** The leader's answer to a question of this member. */
  readonly promote: (() => Promise<string>) | undefined;
  readonly timeoutMs?: number;
  readonly configure?: (change: ConfChangeEntry) => Promise<Outcome>;
}

const NOTHING_PROPOSED = () => Promise.reject(new Error("nothing is to be proposed"));

function reconfigurerOf({
  isLeader,
  promote,
  timeoutMs = 7000,
  configure = NOTHING_PROPOSED,
}: Asked): Reconfigurer {
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
  const removed = { id: REMOVED, name: "", peerUrls: ["http://m3:1"], clientUrls: [] };
  state.membership.apply(additionOf({ ...removed, isLearner: false }, 0n));
  state.membership.apply(removalOf(REMOVED, 0n));
  return new Reconfigurer({
    log: SILENT_LOG,
    replica: {
      get isLeader() {
        return isLeader();
      },
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
      configure,
    },
    state,
    clock,
    activeSince: () => undefined,
    calls: () => (promote === undefined ? undefined : ({ promote } as unknown as PeerCalls)),
    isStrict: true,
    timeoutMs,
  });
}

test("a leader that has stepped down since its last turn refuses a promotion", async () => {
  const promote = () => Promise.reject(new Error("nobody is to be asked"));
  const reconfigurer = reconfigurerOf({ isLeader: () => true, promote });
  await expect(reconfigurer.promoteHere(LEARNER)).rejects.toMatchObject({ code: "NotLeader" });
  // As in etcd only a leader's refusals are counted.
  expect(reconfigurer.refusedPromotions.size).toBe(0);
});

test("who has just stepped down asks his successor for a promotion, and passes on his answer", async () => {
  const answers = [
    () => Promise.reject(new EtcdError("NotLeader")),
    () => Promise.resolve(membersJson([PROMOTED])),
    () => Promise.reject(new EtcdError("LearnerNotReady")),
  ];
  let looks = 0;
  const reconfigurer = reconfigurerOf({
    isLeader: () => looks++ < 2,
    promote: () => must(answers.shift(), "one question too many")(),
  });
  expect(await reconfigurer.promote(LEARNER, undefined)).toEqual([PROMOTED]);
  expect(answers).toHaveLength(1);
  await expect(reconfigurer.promote(LEARNER, undefined)).rejects.toMatchObject({
    code: "LearnerNotReady",
  });
});

test("a promotion without a leader fails with that, and not with the time it took", async () => {
  const reconfigurer = reconfigurerOf({ isLeader: () => false, promote: undefined, timeoutMs: 1 });
  await expect(reconfigurer.promote(LEARNER, undefined)).rejects.toMatchObject({
    code: "NoLeader",
  });
});

test.each([
  ["an unknown member", UNKNOWN, "MemberNotFound", "membership: ID not found"],
  ["a removed member", REMOVED, "MemberNotFound", "membership: ID removed"],
  ["a voter", LOCAL, "MemberNotLearner", "membership: can only promote a learner member"],
  ["nobody in time", UNKNOWN, "Timeout", "etcdserver: request timed out"],
] as const)(
  "a refusal to promote %s is counted in etcd's words",
  async (_who, id, code, reason) => {
    const reconfigurer = reconfigurerOf({
      isLeader: () => true,
      promote: undefined,
      configure: () => Promise.reject(new EtcdError(code)),
    });
    await expect(reconfigurer.promoteHere(id)).rejects.toMatchObject({ code });
    expect([...reconfigurer.refusedPromotions]).toEqual([[reason, 1]]);
  },
);
