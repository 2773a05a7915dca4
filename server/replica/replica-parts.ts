import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { ChangeOutcome } from "../membership/membership.ts";
import type { Message } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import type { Wal } from "../wal/wal.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Compactor } from "./compactor.ts";
import type { Proposals } from "./proposals.ts";
import type { Reads } from "./reads.ts";
import type { Snapshots } from "./snapshots.ts";
import type { TimedApplier } from "./timed-applier.ts";

/** What the replica needs of the network. */
export interface MessageSink {
  send(messages: readonly Message[]): void;
  activeSince(id: bigint): number | undefined;
}

export interface ReplicaEvents {
  /** A conf change was applied; raft knows of it. */
  confChanged(change: ChangeOutcome): void;
  /** The leader is another (0n: none), or this member's role changed. */
  leadershipChanged(): void;
  /** This member leads, and all entries of earlier terms are applied. */
  termStarted(isLeader: boolean): void;
  /** The member cannot go on; nothing more is acknowledged. */
  failed(error: unknown): void;
}

export interface ReplicaTiming {
  readonly heartbeatMs: number;
  readonly electionTicks: number;
}

export interface ReplicaParts {
  readonly memberId: bigint;
  readonly raft: Raft;
  readonly wal: Wal;
  readonly state: ReplicatedState;
  readonly applier: Pick<TimedApplier, "canPropose" | "apply" | "applyConfChange" | "restored">;
  readonly checkpoints: Checkpoints;
  readonly compactor: Compactor;
  readonly snapshots: Snapshots;
  readonly sink: MessageSink;
  readonly clock: Clock;
  readonly timing: ReplicaTiming;
  /** Entries kept in memory behind a marker, for followers that lag a little. */
  readonly catchupEntries: number;
  readonly events: ReplicaEvents;
}

/** What the loop counts, for metrics. */
export interface ReplicaFigures {
  readonly proposalsPending: number;
  /** Nobody saw them applied in time, or their callers gave up before. */
  readonly proposalsFailed: number;
  /** Rounds of reads: made void by a change of leader; not confirmed in time. */
  readonly readIndexesFailed: number;
  readonly readIndexesSlow: number;
}

export function figuresOf(
  proposals: Pick<Proposals, "pendingCount" | "failedCount">,
  reads: Pick<Reads, "failedCount" | "expiredCount">,
): ReplicaFigures {
  return {
    proposalsPending: proposals.pendingCount,
    proposalsFailed: proposals.failedCount,
    readIndexesFailed: reads.failedCount,
    readIndexesSlow: reads.expiredCount,
  };
}

/** Time for an answer beyond two elections, as in etcd. */
const ANSWER_MS = 5000;

/** From the start of a proposal or a read until it fails, in ms. */
export function requestTimeoutMs(timing: ReplicaTiming): number {
  return ANSWER_MS + 2 * timing.electionTicks * timing.heartbeatMs;
}
