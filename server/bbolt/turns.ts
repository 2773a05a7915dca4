import { type Clock, SystemClock } from "../base/clock.ts";

/**
 * Long work in pieces: `spend` counts what was done, and `pause` lets everything else have its turn
 * once enough has been done. Counted, not timed, so that a run does the same each time.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #budget: number;
  #spent = 0;

  /** @param budget what fits into one turn, in the unit that `spend` is given */
  constructor(budget: number, clock: Clock = new SystemClock()) {
    this.#budget = budget;
    this.#clock = clock;
  }

  /** @returns true when it is time for a pause */
  spend(amount: number): boolean {
    this.#spent += amount;
    return this.#spent >= this.#budget;
  }

  pause(): Promise<void> {
    this.#spent = 0;
    return new Promise((resolve) => this.#clock.soon(resolve));
  }
}
