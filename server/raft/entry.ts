/** raftpb.EntryType; the numbers are etcd's. */
export const EntryType = { NORMAL: 0, CONF_CHANGE: 1 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** One position of the log. `data` is opaque to raft; empty data is a new leader's no-op. */
export interface Entry {
  readonly type: EntryType;
  readonly term: number;
  readonly index: number;
  readonly data: Buffer;
}

/** raftpb.ConfChangeType; the numbers are etcd's. */
export const ConfChangeType = {
  ADD_NODE: 0,
  REMOVE_NODE: 1,
  UPDATE_NODE: 2,
  ADD_LEARNER_NODE: 3,
} as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

/** What a conf change entry means to raft. `nodeId` 0 applies a refused change: nothing happens. */
export interface ConfChange {
  readonly type: ConfChangeType;
  readonly nodeId: bigint;
}

/** Who votes and who only listens. Ids ascending. */
export interface ConfState {
  readonly voters: readonly bigint[];
  readonly learners: readonly bigint[];
}

/** Stands for the log up to and including `index`. */
export interface SnapshotMetadata {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

export interface HardState {
  readonly term: number;
  /** 0n: no vote in this term. */
  readonly vote: bigint;
  readonly commit: number;
}
