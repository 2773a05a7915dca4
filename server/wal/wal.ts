import type { Entry, HardState, SnapshotMetadata } from "../raft/entry.ts";

/** What raft wants on disk in one step: all of it or nothing of it survives a crash. */
export interface WalBatch {
  readonly hardState?: HardState | undefined;
  /** Ascending and without gaps; an index that is there already replaces it and all behind it. */
  readonly entries: readonly Entry[];
  /**
   * The log up to here is in the state. If the log holds this very entry, the entries behind it
   * stay; otherwise (a leader's snapshot) the log starts anew behind it.
   */
  readonly snapshot?: SnapshotMetadata | undefined;
  /** False: nothing depends on it (a commit index that moved); durable with the next sync. */
  readonly sync: boolean;
}

/** Whose log this is. Written once, for ever. */
export interface WalMetadata {
  readonly memberId: bigint;
  readonly clusterId: bigint;
}

/** What a log says when it is opened. `entries` begin at `snapshot.index + 1`. */
export interface WalState {
  readonly metadata: WalMetadata;
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata;
  readonly entries: Entry[];
}

/** The write-ahead log of one member. */
export interface Wal {
  /**
   * Durable when resolved (if `batch.sync`); undefined: there is nothing to wait for, it is durable
   * already. The caller waits for it before the next call. Rejects once and for all on I/O failure:
   * what reached the disk is unknown, so the member must stop.
   */
  append(batch: WalBatch): Promise<void> | undefined;
  /**
   * Entries up to `index` are not needed any more. They must lie in a durable state, and a batch
   * with a `snapshot` at or behind `index` must have been appended: without it nothing is freed.
   * What is freed, and when, is the log's business.
   */
  release(index: number): void;
  /** Another process writes to the files of this member now: it must stop. Told at least once. */
  onLost: ((error: Error) => void) | undefined;
  /**
   * For whoever writes to the member's folder beside the log.
   * @throws Error when the folder is another process's now
   */
  confirmHeld(): void;
  close(): Promise<void>;
}

/** The log is damaged where it cannot be a crash: acknowledged data is lost. Never repaired here. */
export class WalCorruptionError extends Error {
  override readonly name = "WalCorruptionError";
  readonly file: string;
  readonly offset: number;

  constructor(file: string, offset: number, detail: string) {
    super(`write-ahead log damaged: ${file} at offset ${offset}: ${detail}`);
    this.file = file;
    this.offset = offset;
  }
}
