import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import type { Replica } from "../replica/replica.ts";
import type { CallContext } from "./dispatch.ts";

/** How long a client that names no deadline waits for another leader; etcd has no limit. */
export const MOVE_LEADER_MS_MAX = 60_000;

export interface LeaderMoveOptions {
  readonly replica: Pick<Replica, "isLeader" | "isStopped" | "leadership" | "withRaft">;
  readonly state: Pick<ReplicatedState, "membership">;
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

/**
 * Resolves when this member, which leads, sees the other lead.
 * @throws EtcdError NotLeader, BadLeaderTransferee, LeaderTransferTimeout, Stopped
 */
export async function moveLeader(
  { replica, state, clock, heartbeatMs }: LeaderMoveOptions,
  targetId: bigint,
  context: Pick<CallContext, "deadlineMs" | "isCanceled">,
): Promise<void> {
  if (!replica.isLeader) throw new EtcdError("NotLeader");
  const target = state.membership.member(targetId);
  if (target === undefined || target.isLearner) throw new EtcdError("BadLeaderTransferee");
  const limitMs = clock.monotonic() + MOVE_LEADER_MS_MAX;
  const deadlineMs = Math.min(context.deadlineMs ?? limitMs, limitMs);
  replica.withRaft((raft) => void raft.transferLeader(targetId));
  while (replica.leadership.leader !== targetId) {
    if (replica.isStopped) throw new EtcdError("Stopped");
    if (context.isCanceled || clock.monotonic() > deadlineMs) {
      throw new EtcdError("LeaderTransferTimeout");
    }
    await new Promise<void>((resolve) => void clock.after(heartbeatMs, resolve));
  }
}
