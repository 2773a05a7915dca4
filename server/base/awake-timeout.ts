import type { Cancel, Clock } from "./clock.ts";

/** A timeout passes in so many steps; a standstill makes up one of them at most. */
const STEPS = 10;

/**
 * A timeout for what another process has to do. While this one stands still (it is stopped, its
 * machine is suspended or busy) it hears nothing, and that is not the other's silence: such a time
 * counts as a step. And nobody is given up before what lies unread has been read.
 */
export class AwakeTimeout {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #over: () => void;
  #steps = 0;
  #isRenewed = false;
  #renewedMs = 0;
  #isEnded = false;
  #cancelStep: Cancel;

  /** @param over is called once, unless `cancel` comes before */
  constructor(clock: Clock, limitMs: number, over: () => void) {
    this.#clock = clock;
    this.#stepMs = limitMs / STEPS;
    this.#over = over;
    this.#cancelStep = clock.after(this.#stepMs, () => this.#step());
  }

  /** The whole time is to pass from now on. */
  renew(): void {
    this.#isRenewed = true;
    this.#renewedMs = this.#clock.monotonic();
  }

  cancel(): void {
    this.#isEnded = true;
    this.#cancelStep();
  }

  #step(): void {
    if (this.#isRenewed) {
      this.#isRenewed = false;
      this.#steps = 0;
      this.#wait(this.#renewedMs + this.#stepMs - this.#clock.monotonic());
    } else if (++this.#steps < STEPS) this.#wait(this.#stepMs);
    else this.#clock.soon(() => this.#end());
  }

  #wait(ms: number): void {
    this.#cancelStep = this.#clock.after(Math.max(0, ms), () => this.#step());
  }

  #end(): void {
    if (this.#isEnded) return;
    if (this.#isRenewed) this.#step();
    else {
      this.#isEnded = true;
      this.#over();
    }
  }
}
