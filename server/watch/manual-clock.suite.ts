import type { Cancel, Clock } from "../base/clock.ts";

/** Time stands still; what is to run soon runs when the test says so. */
export class ManualClock implements Clock {
  #soon: (() => void)[] = [];

  now(): number {
    return 0;
  }

  monotonic(): number {
    return 0;
  }

  after(): Cancel {
    return () => undefined;
  }

  every(): Cancel {
    return () => undefined;
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** One turn; false when nothing was to be done. */
  turn(): boolean {
    const callbacks = this.#soon;
    this.#soon = [];
    for (const callback of callbacks) callback();
    return callbacks.length > 0;
  }

  /** Turns until nothing is left to do. */
  settle(turnsMax = 10_000): void {
    for (let i = 0; i < turnsMax; i++) if (!this.turn()) return;
    throw new Error(`still busy after ${turnsMax} turns`);
  }
}
