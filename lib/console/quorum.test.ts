import { expect, test } from "vitest";
import type { MemberStatus, OverviewMember } from "../schema/overview.ts";
import { agreedLeader, quorumOf } from "./quorum.ts";

const PROVEN = { readLatencyMs: 1, error: null } as const;
const DISPROVEN = {
  readLatencyMs: null,
  error: { code: "no-leader", message: "etcdserver: no leader" },
} as const;

function member(
  id: string,
  leaderId: string | null | undefined,
  over: Partial<OverviewMember & { term: string }> = {},
): OverviewMember {
  const status: MemberStatus = {
    version: "3.5.16",
    latencyMs: 1,
    dbSizeBytes: 1,
    dbSizeInUseBytes: 1,
    dbQuotaBytes: null,
    raftTerm: over.term ?? "2",
    raftIndex: "9",
    appliedIndex: "9",
    applyLag: 0,
    commitLag: 0,
    revision: "1",
    leaderId: leaderId ?? null,
    errors: [],
  };
  return {
    id,
    name: `m${id}`,
    role: "unknown",
    isLearner: over.isLearner ?? false,
    health: leaderId === undefined ? "unreachable" : "up",
    peerUrls: [],
    clientUrls: [],
    endpoint: null,
    status: leaderId === undefined ? null : status,
    error: null,
    lastSeen: null,
  };
}

test("a healthy cluster of three can lose one, of five two, of one none", () => {
  const cluster = (size: number) =>
    Array.from({ length: size }, (_, at) => member(String(at + 1), "1"));
  expect(quorumOf(cluster(1), PROVEN)).toMatchObject({ needed: 1, canLose: 0 });
  expect(quorumOf(cluster(3), PROVEN)).toMatchObject({ needed: 2, canLose: 1 });
  expect(quorumOf(cluster(4), PROVEN)).toMatchObject({ needed: 3, canLose: 1 });
  expect(quorumOf(cluster(5), PROVEN)).toMatchObject({ needed: 3, canLose: 2 });
});

test("with one of three down nothing more can be lost", () => {
  const members = [member("1", "1"), member("2", "1"), member("3", undefined)];
  expect(quorumOf(members, PROVEN)).toMatchObject({
    hasQuorum: true,
    healthyVoters: 2,
    canLose: 0,
    canLoseAtBest: 1,
  });
});

test("members that answer are no quorum when the read fails", () => {
  const members = [member("1", null), member("2", null), member("3", undefined)];
  expect(quorumOf(members, DISPROVEN)).toMatchObject({
    hasQuorum: false,
    healthyVoters: 0,
    canLose: 0,
  });
});

test("a learner never counts", () => {
  const members = [member("1", "1"), member("2", "1", { isLearner: true })];
  expect(quorumOf(members, PROVEN)).toMatchObject({ voters: 1, needed: 1, canLose: 0 });
});

test("a member cut off in an older term has no say about the leader", () => {
  const members = [
    member("1", "1", { term: "2" }),
    member("2", "3", { term: "3" }),
    member("3", "3", { term: "3" }),
  ];
  expect(agreedLeader(members)).toBe("3");
  expect(quorumOf(members, PROVEN)).toMatchObject({ healthyVoters: 2, canLose: 0 });
});

test("a member that campaigns alone, in ever newer terms, takes the leader from nobody", () => {
  const members = [
    member("1", "1", { term: "2" }),
    member("2", "1", { term: "2" }),
    member("3", null, { term: "57" }),
  ];
  expect(agreedLeader(members)).toBe("1");
  expect(quorumOf(members, PROVEN)).toMatchObject({ healthyVoters: 2, canLose: 0 });
});

test("without anybody who answers there is no leader to name", () => {
  expect(agreedLeader([member("1", undefined), member("2", null)])).toBeNull();
});
