// May the cluster be changed now without losing its quorum? Asked by the member that proposes; what
// is committed is judged by Membership.validate alone.
import { EtcdError } from "../errors.ts";
import { isStarted, type Member } from "./member-record.ts";

/** A connection counts once it has lasted this long. */
const HEALTHY_AFTER_MS = 5000;
/** How much of the leader's log a learner must hold to become a voter. */
const LEARNER_READY_SHARE = 0.9;

/** What the member that proposes knows about the others. */
export interface Connectivity {
  readonly localId: bigint;
  readonly nowMs: number;
  /** Since when a member has been reachable without a break, in the clock of `nowMs`. */
  activeSince(id: bigint): number | undefined;
}

/** @throws EtcdError MemberNotEnoughStarted or Unhealthy */
export function checkAddition(
  members: readonly Member[],
  addition: { readonly isLearner: boolean },
  connectivity: Connectivity,
): void {
  const voters = members.filter((member) => !member.isLearner);
  const started = voters.filter(isStarted).length;
  const after = voters.length + 1;
  const isRestoredSingle = started === 1 && voters.length === 1;
  if (!addition.isLearner && !isRestoredSingle && started < quorum(after)) {
    throw new EtcdError("MemberNotEnoughStarted");
  }
  if (voters.length > 1 && connectedCount(voters, connectivity) < quorum(after)) {
    throw new EtcdError("Unhealthy");
  }
}

/** @throws EtcdError MemberNotEnoughStarted or Unhealthy */
export function checkRemoval(
  members: readonly Member[],
  id: bigint,
  connectivity: Connectivity,
): void {
  if (members.some((member) => member.id === id && member.isLearner)) return;
  const voters = members.filter((member) => !member.isLearner);
  const remaining = voters.filter((member) => member.id !== id);
  if (remaining.filter(isStarted).length < quorum(remaining.length)) {
    throw new EtcdError("MemberNotEnoughStarted");
  }
  const isReachable = id === connectivity.localId || connectivity.activeSince(id) !== undefined;
  if (!isReachable) return;
  const activeAfter = connectedCount(voters, connectivity) - 1;
  if (activeAfter < 1 + Math.floor((voters.length - 1) / 2)) throw new EtcdError("Unhealthy");
}

/** The learner counts as started: `isLearnerReady` vouches for it. @throws EtcdError */
export function checkPromotion(members: readonly Member[]): void {
  const voters = members.filter((member) => !member.isLearner);
  if (voters.filter(isStarted).length + 1 < quorum(voters.length + 1)) {
    throw new EtcdError("MemberNotEnoughStarted");
  }
}

/** @param match last log index known to be stored by the learner, and by the leader itself */
export function isLearnerReady(match: {
  readonly learner: number;
  readonly leader: number;
}): boolean {
  return match.learner >= match.leader * LEARNER_READY_SHARE;
}

function quorum(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1;
}

function connectedCount(voters: readonly Member[], connectivity: Connectivity): number {
  const latest = connectivity.nowMs - HEALTHY_AFTER_MS;
  return voters.filter(({ id }) => {
    if (id === connectivity.localId) return true;
    const since = connectivity.activeSince(id);
    return since !== undefined && since <= latest;
  }).length;
}
