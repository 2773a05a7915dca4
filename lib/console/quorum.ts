import type { ApiError } from "../schema/errors.ts";
import type { OverviewMember, Quorum } from "../schema/overview.ts";

/** The linearizable read that proves a quorum, or disproves it. */
export type QuorumProof =
  | { readonly readLatencyMs: number; readonly error: null }
  | { readonly readLatencyMs: null; readonly error: ApiError };

/**
 * A voter counts as healthy when it answers and follows the newest leader that voters name: a
 * member that is up but cut off does not help a decision. Learners never count.
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

/**
 * The leader of the newest term in which a member names one; null for none. A term has one leader
 * at most, elected by a quorum. Terms without one do not count: a member that is cut off may
 * campaign, and raise its term, for ever.
 */
export function agreedLeader(members: readonly OverviewMember[]): string | null {
  let newest: { readonly leaderId: string; readonly term: bigint } | undefined;
  for (const { status } of members) {
    if (status === null || status.leaderId === null) continue;
    const term = BigInt(status.raftTerm);
    if (newest === undefined || term > newest.term) newest = { leaderId: status.leaderId, term };
  }
  return newest?.leaderId ?? null;
}
