/** Ends what was scheduled; harmless when called twice or too late. */
export type Cancel = () => void;

/** The only source of time. The simulator has its own. */
export interface Clock {
  /** Wall clock, ms since 1970. May jump. */
  now(): number;
  /** Monotonic ms with a fraction; only differences mean anything. */
  monotonic(): number;
  after(delayMs: number, callback: () => void): Cancel;
  every(periodMs: number, callback: () => void): Cancel;
  /**
   * Runs after the I/O that is ready now has been read: the end of a turn. What such a callback asks
   * for in its turn may run right behind it, before any more is read; what that asks for may not.
   */
  soon(callback: () => void): void;
}

/** Rounds of callbacks at the end of one turn: work, and what its answers need. */
const ROUNDS = 2;

export class SystemClock implements Clock {
  #due: (() => void)[] = [];
  #isArmed = false;

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): Cancel {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }

  every(periodMs: number, callback: () => void): Cancel {
    const timer = setInterval(callback, periodMs);
    return () => clearInterval(timer);
  }

  soon(callback: () => void): void {
    this.#due.push(callback);
    if (!this.#isArmed) this.#arm();
  }

  #arm(): void {
    this.#isArmed = true;
    setImmediate(() => this.#endTurn());
  }

  /** A callback that throws ends the process. */
  #endTurn(): void {
    for (let round = 0; round < ROUNDS; round++) {
      const due = this.#due;
      this.#due = [];
      for (const callback of due) callback();
    }
    this.#isArmed = false;
    if (this.#due.length > 0) this.#arm();
  }
}

/** What it repeats does not keep the process alive. */
export class BackgroundClock extends SystemClock {
  override every(periodMs: number, callback: () => void): Cancel {
    const timer = setInterval(callback, periodMs).unref();
    return () => clearInterval(timer);
  }
}
