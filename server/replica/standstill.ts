import type { Clock } from "../base/clock.ts";

/** Turns that are further apart, in heartbeats, say that the process stood still between them. */
const HEARTBEATS = 3;

/**
 * The process may stand still (it is stopped, its machine suspended or too busy) amid its reading.
 * Then the rest of it comes before the next turn: it says who leads by now and which peers have
 * hung up, and a proposal is not to be sent to where nobody is any more.
 */
export class Standstill {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #turnedMs: number;
  #hasWaited = false;

  constructor(clock: Clock, heartbeatMs: number) {
    this.#clock = clock;
    this.#limitMs = HEARTBEATS * heartbeatMs;
    this.#turnedMs = clock.monotonic();
  }

  /**
   * Asked at the start of every turn. True: it has to wait, and `turn` is called again; then it goes
   * on, however long that took.
   */
  postpones(turn: () => void): boolean {
    const beforeMs = this.#turnedMs;
    this.#turnedMs = this.#clock.monotonic();
    if (this.#hasWaited || this.#turnedMs - beforeMs <= this.#limitMs) {
      this.#hasWaited = false;
      return false;
    }
    this.#hasWaited = true;
    // Only what is asked for twice comes behind another look at the sockets.
    this.#clock.soon(() => this.#clock.soon(turn));
    return true;
  }
}
