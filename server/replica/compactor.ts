import type { ReplicatedState } from "../apply/replicated-state.ts";
import { formatByteSize } from "../base/byte-size.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { Distribution, exponentialBounds } from "../base/distribution.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";

/** How long deletion waits when a reader of old records holds it back. */
const BLOCKED_MS = 100;

interface Waiter {
  readonly revision: number;
  readonly done: () => void;
}

export interface CompactorOptions {
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after every slice: the engine has something to commit. */
  readonly touched: () => void;
  /** Records that one slice deletes at most. */
  readonly batchLimit: number;
  /** Between two slices, so that everything else comes first. */
  readonly pauseMs: number;
}

/** Deletes in the background what compactions have made unreadable, a few ms at a time. */
export class Compactor {
  /** How long each slice held up everything else, in ms; how long whole compactions took. */
  readonly sliceMs: Distribution = new Distribution(exponentialBounds(1, 2, 13));
  readonly totalMs: Distribution = new Distribution(exponentialBounds(100, 2, 14));
  readonly #options: CompactorOptions;
  /** When the compaction that works began, monotonic ms. */
  #startedMs: number | undefined;
  #deletedCount = 0;
  #finishedAt = 0;
  #waiting: Waiter[] = [];
  #timer: Cancel | undefined;
  #isPaused = false;
  #hasStopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Records deleted since the start. */
  get deletedCount(): number {
    return this.#deletedCount;
  }

  /** When the last compaction was done, Unix seconds; 0 when there was none since the start. */
  get finishedAt(): number {
    return this.#finishedAt;
  }

  /** A compaction was applied, or one was unfinished at start. */
  kick(): void {
    if (this.#timer !== undefined || this.#isPaused) return;
    const { state, pauseMs } = this.#options;
    if (state.kv.isCompacting) this.#schedule(pauseMs);
  }

  /** Resolves when everything that a compaction at `revision` forgets is deleted, durably. */
  async finished(revision: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ revision, done: resolve });
      this.#notify();
    });
    const { state } = this.#options;
    if (state.isReplacing) return;
    state.mark();
    await state.engine.commit();
  }

  pause(): void {
    this.#isPaused = true;
    this.#timer?.();
    this.#timer = undefined;
  }

  /** For good: the engine may be closed from now on, whoever resumes. */
  stop(): void {
    this.#hasStopped = true;
    this.pause();
  }

  resume(): void {
    if (this.#hasStopped) return;
    this.#isPaused = false;
    this.#notify();
    this.kick();
  }

  #schedule(delayMs: number): void {
    const { state, clock, touched, pauseMs } = this.#options;
    this.#timer = clock.after(delayMs, () => {
      this.#timer = undefined;
      const hasMore = this.#step();
      touched();
      this.#notify();
      if (state.kv.isCompacting) this.#schedule(hasMore ? pauseMs : BLOCKED_MS);
    });
  }

  #step(): boolean {
    const { clock, log, batchLimit } = this.#options;
    const { kv } = this.#options.state;
    const { deletedCount, finishedCompactRevision } = kv;
    const startedMs = clock.monotonic();
    if (this.#startedMs === undefined) {
      this.#startedMs = startedMs;
      log.info("compact tree index", { revision: kv.compactingRevision });
    }
    const hasMore = kv.compactStep(batchLimit);
    const nowMs = clock.monotonic();
    this.sliceMs.observe(nowMs - startedMs);
    this.#deletedCount += kv.deletedCount - deletedCount;
    if (kv.finishedCompactRevision !== finishedCompactRevision) {
      const tookMs = nowMs - this.#startedMs;
      this.totalMs.observe(tookMs);
      this.#logFinished(tookMs);
      this.#startedMs = undefined;
      this.#finishedAt = Math.trunc(clock.now() / 1000);
    }
    return hasMore;
  }

  /** The line that operators, and etcd's own tests, look for. */
  #logFinished(tookMs: number): void {
    const { state, log } = this.#options;
    const revision = state.kv.finishedCompactRevision;
    const taken = state.kv.compactionHashes.find((each) => each.revision === revision);
    const { totalBytes, inUseBytes } = state.engine.size();
    log.info("finished scheduled compaction", {
      "compact-revision": revision,
      took: formatMs(tookMs),
      ...(taken === undefined ? {} : { hash: taken.hash }),
      "current-db-size-bytes": totalBytes,
      "current-db-size": formatByteSize(totalBytes),
      "current-db-size-in-use-bytes": inUseBytes,
      "current-db-size-in-use": formatByteSize(inUseBytes),
    });
    if (taken === undefined) return;
    const { hash, compactRevision } = taken;
    log.info("storing new hash", { hash, revision, "compact-revision": compactRevision });
  }

  #notify(): void {
    const { finishedCompactRevision } = this.#options.state.kv;
    const isDone = ({ revision }: Waiter) => revision <= finishedCompactRevision;
    const done = this.#waiting.filter(isDone);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !isDone(waiter));
    for (const waiter of done) waiter.done();
  }
}
