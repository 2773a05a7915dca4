// What a page may say about the cluster's health: one level, and the reasons for it. Everything is
// read from one look at the cluster; nothing is remembered here.

import { hexOfDecimal } from "../schema/bytes.ts";
import type { MemberStatus, OverviewMember, OverviewReply } from "../schema/overview.ts";
import { formatBytes, formatCount, formatDecimal, formatLatency, plural } from "./format.ts";
import { sentence } from "./request.ts";

/** lost: writes fail now. risk: works, but something is wrong. */
export type VerdictLevel = "healthy" | "risk" | "lost";

export interface VerdictReason {
  readonly level: "risk" | "lost";
  readonly title: string;
  readonly text: string;
}

export interface Verdict {
  readonly level: VerdictLevel;
  readonly title: string;
  readonly reasons: readonly VerdictReason[];
}

/** Entries behind the furthest member; etcd itself refuses work at 5,000. */
export const LAG_ENTRIES_MAX = 1_000;
/** Share of the quota from which on etcd's own alert rules warn. */
const QUOTA_SHARE_MAX = 0.95;
/** What etcd adds to its status then; `leaderId` says the same. */
const NO_LEADER = "etcdserver: no leader";

export function judge(overview: OverviewReply): Verdict {
  const reasons = [
    ...quorumReasons(overview),
    ...alarmReasons(overview),
    ...overview.members.flatMap((member) => memberReasons(member, overview)),
  ];
  if (reasons.length === 0 && isDegraded(overview)) reasons.push(fewerToSpare(overview));
  const lost = reasons.some((reason) => reason.level === "lost");
  return {
    level: lost ? "lost" : reasons.length > 0 ? "risk" : "healthy",
    title: titleOf(overview, reasons),
    reasons: reasons.toSorted((a, b) => Number(b.level === "lost") - Number(a.level === "lost")),
  };
}

function titleOf(overview: OverviewReply, reasons: readonly VerdictReason[]): string {
  const doubt = quorumDoubt(overview);
  if (doubt !== null) return doubt.short;
  if (!overview.quorum.hasQuorum) return "No quorum";
  const lost = reasons.find((reason) => reason.level === "lost");
  if (lost !== undefined) return lost.title;
  if (reasons.length === 0) return "Healthy";
  return isDegraded(overview) ? "Degraded" : "Needs attention";
}

/** Fewer members can be lost than the cluster is built for. */
function isDegraded({ quorum }: OverviewReply): boolean {
  return quorum.canLose < quorum.canLoseAtBest;
}

function fewerToSpare({ quorum }: OverviewReply): VerdictReason {
  const { healthyVoters, voters } = quorum;
  const text = `${healthyVoters} of ${plural(voters, "voting member")} answered and followed the leader.`;
  return { level: "risk", title: "Not every member follows the leader", text };
}

export interface QuorumDoubt {
  /** A word or two. */
  readonly short: string;
  readonly title: string;
  readonly text: string;
  /** Writes may get through all the same. */
  readonly mayWrite: boolean;
}

/** Why nothing is known of a quorum, where saying that it is lost would be a guess; else null. */
export function quorumDoubt(overview: OverviewReply): QuorumDoubt | null {
  const { quorum, membership, members } = overview;
  if (quorum.error === null) return null;
  if (quorum.error.code === "etcd-unauthenticated") {
    return {
      short: "Access refused",
      title: "etcd refuses the console's user",
      text: `Name and password were given when the console was started (${quorum.error.message}).`,
      mayWrite: false,
    };
  }
  if (membership.source === "endpoints" && members.every(({ status }) => status === null)) {
    return {
      short: "Not reachable",
      title: "No etcd has answered yet",
      text: "Check the endpoints that the console was started with, and that etcd runs there.",
      mayWrite: false,
    };
  }
  // Overload or a slow disk fails a read too: what is known then is who follows whom.
  if (quorum.healthyVoters < quorum.needed) return null;
  const following = `${quorum.healthyVoters} of ${plural(quorum.voters, "voting member")}`;
  return {
    short: "Read failed",
    title: "A linearizable read failed",
    text: `${following} answered and followed ${nameById(overview.leaderId, overview)}, but the read failed (${quorum.error.message}). Writes may fail too.`,
    mayWrite: true,
  };
}

/** What a member is called, by its id in decimal. */
export function nameById(id: string | null, { members }: Pick<OverviewReply, "members">): string {
  const member = members.find((each) => each.id === id);
  return member === undefined ? `member ${hexOfDecimal(id ?? "0")}` : nameOf(member);
}

/** Voting members that answer, whether or not they have a leader to follow. */
export function answeringVoters(members: readonly OverviewMember[]): number {
  return members.filter((member) => !member.isLearner && member.status !== null).length;
}

function quorumReasons(overview: OverviewReply): VerdictReason[] {
  const { quorum, leaderId, members } = overview;
  const doubt = quorumDoubt(overview);
  if (doubt !== null) return [{ level: "lost", title: doubt.title, text: doubt.text }];
  if (!quorum.hasQuorum) {
    const answering = answeringVoters(members);
    const why = quorum.error === null ? "" : ` (${quorum.error.message})`;
    const state =
      answering < quorum.needed
        ? `${answering} of ${plural(quorum.voters, "voting member")} can be reached, ${quorum.needed} are needed.`
        : "Enough members can be reached, but too few of them follow one leader.";
    const text = `${state} Writes and linearizable reads fail${why}.`;
    return [{ level: "lost", title: "Quorum is lost", text }];
  }
  if (leaderId === null && members.some((member) => member.status !== null)) {
    const text = "No member that answers names a leader; an election may be under way.";
    return [{ level: "risk", title: "No agreed leader", text }];
  }
  return [];
}

function alarmReasons({ alarms }: OverviewReply): VerdictReason[] {
  if (alarms === null) {
    const text = "No member answered. Whether an alarm is raised is not known.";
    return [{ level: "risk", title: "Alarms could not be read", text }];
  }
  return alarms.map(({ alarm, memberId, memberName }) => {
    const who = memberName || (memberId === "0" ? "A member" : `Member ${hexOfDecimal(memberId)}`);
    if (alarm === "NOSPACE") {
      const text = `${who} has used up its database quota. The cluster refuses writes until space is freed and the alarm is disarmed.`;
      return { level: "lost", title: "Out of space", text };
    }
    if (alarm === "CORRUPT") {
      const text = `${who} disagrees with the others about the data. Its data cannot be trusted.`;
      return { level: "lost", title: "Data corruption", text };
    }
    return { level: "risk", title: "Alarm", text: `${who} has raised an unknown alarm.` };
  });
}

function memberReasons(member: OverviewMember, overview: OverviewReply): VerdictReason[] {
  const name = nameOf(member);
  const reasons: VerdictReason[] = [];
  const add = (title: string, text: string) => reasons.push({ level: "risk", title, text });
  if (member.health === "slow" && member.status !== null) {
    const latency = formatLatency(member.status.latencyMs);
    const limit = `more than ${overview.slowAboveMs} ms counts as slow`;
    add(`${name} is slow`, `It took ${latency} to answer; ${limit}.`);
  } else if (member.health === "unstarted") {
    add(`${name} has not started`, "It was added to the cluster and has never been seen.");
  } else if (member.health !== "up") {
    add(`${name} ${DOWN[member.health] ?? "is down"}`, sentence(member.error?.message ?? ""));
  }
  if (member.status === null) return reasons;
  reasons.push(...leaderReasons(member, member.status, overview));
  const { applyLag, commitLag, errors, dbQuotaBytes, dbSizeBytes } = member.status;
  const lag = Math.max(applyLag, commitLag);
  if (lag > LAG_ENTRIES_MAX) add(`${name} lags behind`, `${formatCount(lag)} entries to catch up.`);
  if (dbQuotaBytes !== null && dbSizeBytes > dbQuotaBytes * QUOTA_SHARE_MAX) {
    const text = `${formatBytes(dbSizeBytes)} of ${formatBytes(dbQuotaBytes)} are used.`;
    add(`${name} is almost out of space`, text);
  }
  for (const text of errors) {
    if (text !== NO_LEADER) add(`${name} reports a fault`, text);
  }
  return reasons;
}

/**
 * A member that answers may be cut off from the others. Members learn of a new leader some 100 ms
 * apart, so that one look cannot tell the two: the text speaks of that moment alone.
 */
function leaderReasons(
  member: OverviewMember,
  { leaderId, raftTerm }: MemberStatus,
  overview: OverviewReply,
): VerdictReason[] {
  if (leaderId === overview.leaderId) return [];
  const name = nameOf(member);
  if (leaderId === null) {
    const text = `It answered, but knew no leader then, while others followed ${nameById(overview.leaderId, overview)}. An election may just have ended, or it is cut off from the others.`;
    return [{ level: "risk", title: `${name} follows no leader`, text }];
  }
  const text = `It followed ${nameById(leaderId, overview)} in term ${formatDecimal(raftTerm)} when it answered; the newest leader is ${nameById(overview.leaderId, overview)}. An election may just have ended, or it is cut off from the others.`;
  return [{ level: "risk", title: `${name} follows an earlier leader`, text }];
}

const DOWN: Partial<Record<OverviewMember["health"], string>> = {
  timeout: "does not answer",
  unreachable: "is unreachable",
  error: "answers with an error",
};

/** A member that never started has no name yet. */
export function nameOf(member: Pick<OverviewMember, "name" | "peerUrls" | "endpoint">): string {
  return member.name || member.peerUrls[0] || member.endpoint || "unnamed member";
}
