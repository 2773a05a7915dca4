import { expect, test } from "vitest";
import type { MemberStatus, OverviewMember, OverviewReply } from "../schema/overview.ts";
import { inOwnTime, nextLook } from "./clusters.ts";
import { judge } from "./verdict.ts";

const status: MemberStatus = {
  version: "3.5.16",
  latencyMs: 1,
  dbSizeBytes: 100,
  dbSizeInUseBytes: 50,
  dbQuotaBytes: null,
  raftTerm: "2",
  raftIndex: "10",
  appliedIndex: "10",
  applyLag: 0,
  commitLag: 0,
  revision: "5",
  leaderId: "1",
  errors: [],
};

function member(id: string, changes: Partial<OverviewMember> = {}): OverviewMember {
  return {
    id,
    name: `m${id}`,
    role: id === "1" ? "leader" : "follower",
    isLearner: false,
    health: "up",
    peerUrls: [],
    clientUrls: [],
    endpoint: null,
    status,
    error: null,
    lastSeen: null,
    ...changes,
  };
}

const quorum: OverviewReply["quorum"] = {
  hasQuorum: true,
  voters: 3,
  healthyVoters: 3,
  needed: 2,
  canLose: 1,
  canLoseAtBest: 1,
  readLatencyMs: 1,
  error: null,
};

function overview(changes: Partial<OverviewReply> = {}): OverviewReply {
  return {
    clusterId: "9",
    checkedAt: "2026-01-01T00:00:00.000Z",
    ageMs: 0,
    slowAboveMs: 300,
    revision: "5",
    raftTerm: "2",
    leaderId: "1",
    quorum,
    members: [member("1"), member("2"), member("3")],
    membership: { source: "live", ageMs: 0 },
    alarms: [],
    ...changes,
  };
}

const down = { health: "unreachable", status: null } as const;

test("a cluster without a fault is healthy", () => {
  expect(judge(overview())).toEqual({ level: "healthy", title: "Healthy", reasons: [] });
});

test("a member that is down degrades the cluster and is named", () => {
  const verdict = judge(
    overview({
      members: [member("1"), member("2"), member("3", down)],
      quorum: { ...quorum, healthyVoters: 2, canLose: 0 },
    }),
  );
  expect(verdict.title).toBe("Degraded");
  expect(verdict.reasons.map((reason) => reason.title)).toEqual(["m3 is unreachable"]);
});

const noLeader = { ...status, leaderId: null, errors: ["etcdserver: no leader"] };

test("a member that answers but follows no leader degrades the cluster and is named", () => {
  const verdict = judge(
    overview({
      members: [member("1"), member("2"), member("3", { role: "unknown", status: noLeader })],
      quorum: { ...quorum, healthyVoters: 2, canLose: 0 },
    }),
  );
  expect(verdict).toMatchObject({ level: "risk", title: "Degraded" });
  expect(verdict.reasons.map(({ title }) => title)).toEqual(["m3 follows no leader"]);
  expect(verdict.reasons[0]?.text).toContain("while others followed m1.");
});

test("a learner that follows no leader is named too", () => {
  const learner = member("4", { role: "learner", isLearner: true, status: noLeader });
  const verdict = judge(overview({ members: [member("1"), member("2"), member("3"), learner] }));
  expect(verdict.title).toBe("Needs attention");
  expect(verdict.reasons.map(({ title }) => title)).toEqual(["m4 follows no leader"]);
});

test("a member that has not yet heard of the new leader is named with the one it follows", () => {
  const late = member("3", { status: { ...status, leaderId: "2", raftTerm: "1" } });
  const verdict = judge(
    overview({
      members: [member("1"), member("2"), late],
      quorum: { ...quorum, healthyVoters: 2, canLose: 0 },
    }),
  );
  expect(verdict.title).toBe("Degraded");
  expect(verdict.reasons[0]).toMatchObject({ title: "m3 follows an earlier leader" });
  expect(verdict.reasons[0]?.text).toMatch(/^It followed m2 in term 1 .* leader is m1\./);
});

test("while nobody names a leader this is said once, not for every member", () => {
  const members = ["1", "2", "3"].map((id) => member(id, { status: noLeader }));
  const electing = overview({
    leaderId: null,
    members,
    quorum: { ...quorum, healthyVoters: 0, canLose: 0 },
  });
  expect(judge(electing).reasons.map(({ title }) => title)).toEqual(["No agreed leader"]);
});

test("nothing is healthy while fewer members can be lost than at best", () => {
  const verdict = judge(overview({ quorum: { ...quorum, healthyVoters: 2, canLose: 0 } }));
  expect(verdict).toMatchObject({ level: "risk", title: "Degraded" });
  expect(verdict.reasons[0]?.text).toMatch(/^2 of 3 voting members/);
});

test("lost quorum comes first, whatever else is wrong", () => {
  const verdict = judge(
    overview({
      quorum: { ...quorum, hasQuorum: false, healthyVoters: 1, canLose: 0 },
      members: [member("1"), member("2", down), member("3", down)],
    }),
  );
  expect(verdict.level).toBe("lost");
  expect(verdict.title).toBe("No quorum");
  expect(verdict.reasons[0]?.title).toBe("Quorum is lost");
});

test("of a cluster that was never met nothing is claimed, only what to look at", () => {
  const error = { code: "not-etcd", message: "http://a answers, but it is not etcd" } as const;
  const unmet = overview({
    quorum: { ...quorum, hasQuorum: false, healthyVoters: 0, canLose: 0, error },
    members: [member("0", { ...down, health: "error", error })],
    membership: { source: "endpoints", ageMs: 0 },
  });
  const verdict = judge(unmet);
  expect(verdict.title).toBe("Not reachable");
  expect(verdict.reasons.map(({ title }) => title)).not.toContain("Quorum is lost");
  expect(verdict.reasons.map(({ text }) => text)).toContain(error.message);
  const remembered = { ...unmet, membership: { source: "remembered", ageMs: 9 } as const };
  expect(judge(remembered).title).toBe("No quorum");
});

test("a refused user is not taken for a lost quorum", () => {
  const message = "etcdserver: authentication failed, invalid user ID or password";
  const error = { code: "etcd-unauthenticated", message } as const;
  const refused = overview({ quorum: { ...quorum, hasQuorum: false, canLose: 0, error } });
  expect(judge(refused)).toMatchObject({
    level: "lost",
    title: "Access refused",
    reasons: [{ title: "etcd refuses the console's user" }],
  });
});

test("a read that fails while enough members follow one leader is not taken for a lost quorum", () => {
  const error = { code: "timeout", message: "http://a did not answer in time" } as const;
  const failed = { ...quorum, hasQuorum: false, healthyVoters: 2, canLose: 0, error };
  const verdict = judge(overview({ quorum: failed }));
  expect(verdict).toMatchObject({ level: "lost", title: "Read failed" });
  expect(verdict.reasons.map(({ title }) => title)).toEqual(["A linearizable read failed"]);
  expect(verdict.reasons[0]?.text).toContain("2 of 3 voting members answered and followed m1");
  expect(verdict.reasons[0]?.text).toContain(error.message);

  const members = ["1", "2", "3"].map((id) => member(id, { status: noLeader }));
  const apart = { ...failed, healthyVoters: 0 };
  const lost = judge(overview({ leaderId: null, members, quorum: apart }));
  expect(lost.title).toBe("No quorum");
  expect(lost.reasons[0]?.text).toMatch(/too few of them follow one leader.*did not answer/);
});

test("an alarm is a reason even when every member is up", () => {
  const verdict = judge(
    overview({ alarms: [{ memberId: "2", memberName: "m2", alarm: "NOSPACE" }] }),
  );
  expect(verdict).toMatchObject({ level: "lost", title: "Out of space" });
});

test("an alarm of a member that nobody can name is one all the same", () => {
  const alarms = (memberId: string) => [{ memberId, memberName: "", alarm: "CORRUPT" as const }];
  const texts = ["0", "31"].map((id) => judge(overview({ alarms: alarms(id) })).reasons[0]?.text);
  expect(texts[0]).toMatch(/^A member disagrees/);
  expect(texts[1]).toMatch(/^Member 1f disagrees/);
});

test("alarms that could not be read are not taken for none", () => {
  const members = ["1", "2", "3"].map((id) => member(id, down));
  const error = { code: "unreachable", message: "no connection" } as const;
  const dark = { ...quorum, hasQuorum: false, healthyVoters: 0, canLose: 0, error };
  const verdict = judge(overview({ alarms: null, members, leaderId: null, quorum: dark }));
  expect(verdict.reasons.map(({ title }) => title)).toContain("Alarms could not be read");
});

test("slowness and lag need attention but are no loss", () => {
  const slow = member("2", { health: "slow", status: { ...status, commitLag: 5_000 } });
  const verdict = judge(overview({ members: [member("1"), slow, member("3")] }));
  expect(verdict.title).toBe("Needs attention");
  expect(verdict.reasons).toHaveLength(2);
});

test("a silent member keeps what it said last, with the time of it", () => {
  const first = nextLook(undefined, overview());
  const later = overview({
    checkedAt: "2026-01-01T00:00:10.000Z",
    members: [member("1"), member("2", down)],
  });
  const second = nextLook(first, later);
  expect(second.known["2"]).toEqual({ status, seenAt: "2026-01-01T00:00:00.000Z" });
  expect(second.known["1"]?.seenAt).toBe("2026-01-01T00:00:10.000Z");
  expect(second.known["3"]).toBeUndefined();
});

test("times are told by the browser's clock, whatever the console's says", () => {
  const seen = member("2", { ...down, lastSeen: "2025-12-31T23:59:30.000Z" });
  const checkedAt = "2026-01-01T00:00:00.000Z";
  const look = overview({ checkedAt, ageMs: 2_000, members: [member("1"), seen] });
  const own = inOwnTime(look, Date.parse("2026-05-05T00:10:02.000Z"));
  expect(own.checkedAt).toBe("2026-05-05T00:10:00.000Z");
  expect(own.members.map(({ lastSeen }) => lastSeen)).toEqual([null, "2026-05-05T00:09:30.000Z"]);
});
