/** Syncs that count in the average, about. */
const MEMORY = 16;
/** Seen through the pool: a sync this quick costs less than two wake-ups of a thread. */
const QUICK_MS = 0.3;
/** Waited for on the spot: from here on others had better not wait as well. */
const SLOW_MS = 0.5;

/**
 * Where to wait for the disk. On a disk that syncs in a fraction of a millisecond the way through
 * the thread pool and back costs more than the sync, so the member waits on the spot. A slow disk,
 * or one slow sync, sends it back to the pool at once: nothing else of the member may wait for it.
 */
export class SyncPace {
  #averageMs: number | undefined;
  #isQuick = false;

  /** Whether to wait for the next sync on the spot. */
  get isQuick(): boolean {
    return this.#isQuick;
  }

  observe(durationMs: number): void {
    const before = this.#averageMs ?? durationMs;
    this.#averageMs = before + (durationMs - before) / MEMORY;
    this.#isQuick = this.#averageMs < (this.#isQuick ? SLOW_MS : QUICK_MS);
  }
}
