import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Cancel, Clock } from "../base/clock.ts";

/** Between two slices of deletion, so that everything else comes first. */
const PAUSE_MS = 5;
/** How long deletion waits when a reader of old records holds it back. */
const BLOCKED_MS = 100;

interface Waiter {
  readonly revision: number;
  readonly done: () => void;
}

/** Deletes in the background what compactions have made unreadable, a few ms at a time. */
export class Compactor {
  readonly #state: ReplicatedState;
  readonly #clock: Clock;
  readonly #touched: () => void;
  #waiting: Waiter[] = [];
  #timer: Cancel | undefined;
  #isPaused = false;

  /** @param touched is told after every slice: the engine has something to commit */
  constructor(state: ReplicatedState, clock: Clock, touched: () => void) {
    this.#state = state;
    this.#clock = clock;
    this.#touched = touched;
  }

  /** A compaction was applied, or one was unfinished at start. */
  kick(): void {
    if (this.#timer !== undefined || this.#isPaused || !this.#state.kv.isCompacting) return;
    this.#schedule(PAUSE_MS);
  }

  /** Resolves when everything that a compaction at `revision` forgets is deleted, durably. */
  async finished(revision: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ revision, done: resolve });
      this.#notify();
    });
    const { engine, isReplacing } = this.#state;
    if (isReplacing) return;
    this.#state.mark();
    await engine.commit();
  }

  pause(): void {
    this.#isPaused = true;
    this.#timer?.();
    this.#timer = undefined;
  }

  resume(): void {
    this.#isPaused = false;
    this.#notify();
    this.kick();
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      const hasMore = this.#state.kv.compactStep();
      this.#touched();
      this.#notify();
      if (this.#state.kv.isCompacting) this.#schedule(hasMore ? PAUSE_MS : BLOCKED_MS);
    });
  }

  #notify(): void {
    const { finishedCompactRevision } = this.#state.kv;
    const isDone = ({ revision }: Waiter) => revision <= finishedCompactRevision;
    const done = this.#waiting.filter(isDone);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !isDone(waiter));
    for (const waiter of done) waiter.done();
  }
}
