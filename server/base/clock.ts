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
  /** Runs after the I/O that is ready now has been read: the end of a turn. */
  soon(callback: () => void): void;
}

export class SystemClock implements Clock {
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
    setImmediate(callback);
  }
}
