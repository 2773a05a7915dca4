// When the state reaches the disk, and when the log may forget. The log is what was promised; the
// engine follows lazily, many entries in one transaction, with the applied position among them:
//
//   log      ├──────────┬─────────────────┬───────────────┤
//         forgotten   marker           durable         applied
//
// Every `commitMs` the engine commits what was applied. Once a commit lies `snapshotCount` entries
// behind the last marker, a marker goes into the log: from then on a restart begins there, and older
// entries are only kept in memory, for followers that are a little behind.

import type { AppliedMark } from "../apply/applied-mark.ts";
import type { Quota } from "../apply/quota.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { IndexCheckpoints } from "./index-checkpoints.ts";

/** Bytes of writes that wait for a commit: then it comes at once. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Memory of writes that the disk has not taken, those under way included: then nothing more is
 * applied until a commit ends. A defragmentation lets them gather as long as it takes.
 */
export const UNCOMMITTED_BYTES_MAX = 256 * 1024 * 1024;
/** Applied bytes after which a marker is due whatever the count, so that memory stays bounded. */
const MARKER_BYTES = 64 * 1024 * 1024;

export interface CheckpointsOptions {
  readonly state: ReplicatedState;
  readonly quota: Quota;
  /** Absent where there is no disk to keep the index on. */
  readonly index?: IndexCheckpoints;
  readonly clock: Clock;
  /** Between an applied entry and the commit that holds it, at most. */
  readonly commitMs: number;
  /** Writes that wait for a commit: then it comes at once. */
  readonly pendingCountMax: number;
  /** Applied entries between two markers. */
  readonly snapshotCount: number;
  /** Where the log on disk begins. */
  readonly markerIndex: number;
  /** The state is durable here: the log on disk may begin behind it. */
  readonly onMarker: (mark: AppliedMark) => void;
  /** Asked before every commit. @throws Error when this process must write nothing more */
  readonly confirmHeld: () => void;
  /** It was full, and a commit has ended. */
  readonly onRoom: () => void;
  readonly onFailed: (error: unknown) => void;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #markerIndex: number;
  #bytesSinceMarker = 0;
  #timer: Cancel | undefined;
  #commit: Promise<void> | undefined;
  #isPaused = false;
  #wasFull = false;
  #hasStopped = false;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#markerIndex = options.markerIndex;
  }

  /** Whether writes wait in so much memory that nothing may be applied before a commit ends. */
  get isFull(): boolean {
    const isFull = this.#options.state.engine.uncommittedBytes > UNCOMMITTED_BYTES_MAX;
    if (isFull) this.#wasFull = true;
    return isFull;
  }

  /** Entries were applied: they will be committed soon. @param bytes of their data */
  applied(bytes: number): void {
    this.#bytesSinceMarker += bytes;
    const { state, pendingCountMax } = this.#options;
    const { pendingCount, pendingBytes } = state.engine;
    const isMuch = pendingCount > pendingCountMax || pendingBytes > PENDING_BYTES_MAX;
    if (isMuch && this.#commit === undefined) this.#fire();
    else this.#arm();
  }

  /** Something outside of the log was written, e.g. by a compaction. */
  touched(): void {
    this.#arm();
  }

  /** Nothing is written to the engine until `resume`. */
  async pause(): Promise<void> {
    await this.#halt();
    await this.#options.index?.pause();
  }

  /** @param markerIndex where the log now begins: behind a snapshot that was installed */
  resume(markerIndex: number): void {
    this.#isPaused = false;
    this.#markerIndex = markerIndex;
    this.#bytesSinceMarker = 0;
    this.#options.index?.resume();
    this.#arm();
  }

  /** Commits what is left. */
  async stop(): Promise<void> {
    if (this.#hasStopped) return;
    await this.#halt();
    this.#hasStopped = true;
    const { state, index } = this.#options;
    state.mark();
    const touched = index?.touched;
    this.#options.confirmHeld();
    await state.engine.commit();
    if (touched !== undefined) await index?.stop(touched);
  }

  async #halt(): Promise<void> {
    this.#isPaused = true;
    this.#timer?.();
    this.#timer = undefined;
    await this.#commit;
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#isPaused) return;
    const { clock, commitMs } = this.#options;
    this.#timer = clock.after(commitMs, () => this.#fire());
  }

  #fire(): void {
    this.#timer?.();
    this.#timer = undefined;
    if (this.#isPaused) return;
    if (this.#commit !== undefined) {
      this.#arm();
      return;
    }
    this.#commit = this.#run()
      .catch(this.#options.onFailed)
      .finally(() => {
        this.#commit = undefined;
        if (!this.#wasFull) return;
        // With much more gathered meanwhile nothing is applied yet, nor would it bring a commit.
        if (this.isFull) this.#fire();
        this.#wasFull = false;
        this.#options.onRoom();
      });
  }

  async #run(): Promise<void> {
    const { state, quota, index } = this.#options;
    if (this.#isPaused) return;
    state.mark();
    const mark = state.applied;
    const bytes = this.#bytesSinceMarker;
    const touched = index?.touched;
    this.#options.confirmHeld();
    await state.engine.commit();
    quota.refresh();
    if (touched !== undefined && !this.#isPaused) index?.committed(touched);
    const isDue =
      mark.index - this.#markerIndex >= this.#options.snapshotCount || bytes >= MARKER_BYTES;
    if (!isDue || this.#isPaused || mark.index <= this.#markerIndex) return;
    this.#markerIndex = mark.index;
    this.#bytesSinceMarker -= bytes;
    this.#options.onMarker(mark);
  }
}
