import type { Distribution } from "../base/distribution.ts";

/** Whole databases to or from one peer. */
export interface SnapshotFigures {
  readonly inFlight: number;
  readonly successes: number;
  readonly failures: number;
  readonly seconds: Distribution;
}

/** What is exported of one peer. Ids as etcd prints them: hex. */
export interface PeerFigures {
  readonly id: string;
  readonly isActive: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sentFailures: number;
  readonly receivedFailures: number;
  readonly disconnects: number;
  readonly roundTrips: Distribution;
  readonly snapshotsSent: SnapshotFigures;
  readonly snapshotsReceived: SnapshotFigures;
}

/** How long one kind of entry took to apply. */
export interface ApplyFigures {
  readonly version: string;
  readonly operation: string;
  readonly isSuccess: boolean;
  readonly seconds: Distribution;
}

/** What the operating system says about the process; empty where it does not. */
export interface ProcessFigures {
  readonly openFiles?: number;
  readonly openFilesMax?: number;
  readonly virtualBytesMax?: number;
  readonly threads?: number;
  readonly networkReceivedBytes?: number;
  readonly networkSentBytes?: number;
}

/**
 * The member's figures at the moment of a scrape: gauges, and counters that the stations keep as
 * plain numbers. What is left out is not exported: no figure is better than a made-up zero.
 */
export interface MemberFigures {
  /** Hex. */
  readonly memberId: string;
  readonly serverVersion: string;
  /** Like `3.5.0`, undefined until the cluster has decided. */
  readonly clusterVersion?: string | undefined;
  readonly hasLeader: boolean;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly leaderChanges?: number;
  readonly committedIndex?: number;
  readonly appliedIndex?: number;
  readonly proposalsPending?: number;
  readonly proposalsFailed?: number;
  readonly readIndexesFailed?: number;
  readonly readIndexesSlow?: number;
  readonly slowApplies?: number;
  readonly heartbeatsLate?: number;
  readonly snapshotsApplying?: number;
  readonly learnerPromotions?: number;
  /** Refused ones by the reason. */
  readonly refusedPromotions?: ReadonlyMap<string, number>;
  readonly quotaBytes?: number;
  readonly databaseBytes?: number;
  readonly databaseInUseBytes?: number;
  readonly openReadTransactions?: number;
  readonly puts?: number;
  readonly deletes?: number;
  readonly ranges?: number;
  readonly transactions?: number;
  readonly currentRevision?: number;
  /** -1 before the first compaction. */
  readonly compactRevision?: number;
  readonly keys?: number;
  readonly putBytes?: number;
  readonly compactedKeys?: number;
  /** Unix seconds, 0 when there was none since the start. */
  readonly lastCompaction?: number;
  readonly watchStreams?: number;
  readonly watchers?: number;
  readonly slowWatchers?: number;
  readonly events?: number;
  readonly leasesGranted?: number;
  readonly leasesRevoked?: number;
  readonly leasesRenewed?: number;
  readonly leasesExpired?: number;
  readonly leaseTtlSeconds?: Distribution;
  readonly compactionSliceMs?: Distribution;
  readonly compactionTotalMs?: Distribution;
  readonly applies?: readonly ApplyFigures[];
  readonly process?: ProcessFigures;
  readonly authRevision?: number;
  /** Active alarms as `NOSPACE`, `CORRUPT` or a number, one entry for each member that raised one. */
  readonly alarms?: readonly { readonly memberId: string; readonly type: string }[];
  readonly peers?: readonly PeerFigures[];
}
