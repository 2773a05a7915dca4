import type { ApiError } from "../schema/errors.ts";
import type { OverviewMember, Quorum } from "../schema/overview.ts";

/** The linearizable read that proves a quorum, or disproves it. */
export type QuorumProof =
  | { readonly readLatencyMs: number; readonly error: null }
  | { readonly readLatencyMs: null; readonly error: ApiError };

/**
 * A voter counts as healthy when it answers and follows the leader that most of those who answer
 * follow: a member that is up but cut off does not help a decision. Learners never count.
 */
export function quorumOf(members: readonly OverviewMember[], proof: QuorumProof): Quorum {
  const voters = members.filter((member) => !member.isLearner);
  const leaderId = agreedLeader(voters);
  const healthyVoters = voters.filter(
    ({ status }) => status !== null && leaderId !== null && status.leaderId === leaderId,
  ).length;
  const needed = Math.floor(voters.length / 2) + 1;
  const hasQuorum = proof.error === null;
  return {
    hasQuorum,
    voters: voters.length,
    healthyVoters,
    needed,
    canLose: hasQuorum ? Math.max(0, healthyVoters - needed) : 0,
    canLoseAtBest: voters.length - needed,
    ...proof,
  };
}

/** The leader that most voters name, in the newest term that one of them knows; null for none. */
export function agreedLeader(members: readonly OverviewMember[]): string | null {
  const known = members.flatMap(({ status }) => (status === null ? [] : [status]));
  const newest = known.reduce((term, status) => maxOf(term, BigInt(status.raftTerm)), 0n);
  const votes = new Map<string, number>();
  for (const { leaderId, raftTerm } of known) {
    if (leaderId === null || BigInt(raftTerm) !== newest) continue;
    votes.set(leaderId, (votes.get(leaderId) ?? 0) + 1);
  }
  const ranked = [...votes].sort((a, b) => b[1] - a[1]);
  return ranked[0]?.[0] ?? null;
}

function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
