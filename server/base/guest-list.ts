// Connections that share a limited number of places. A full house is no reason to turn away whoever
// comes to ask something, as long as others sit there and ask nothing:
//
//   1. who has never asked for anything and had time enough to
//   2. who asked once and has long been silent
//   3. who has never asked, however new
//   4. who is silent now
//
// Of each the one that was heard of longest ago goes. Who is being served stays.
import type { Clock } from "./clock.ts";

/**
 * Connections that wait until they are accepted, as many as Linux allows: beyond them a client's
 * first packet is lost, and it waits a second before it sends another.
 */
export const ACCEPT_BACKLOG = 4096;
/** Whoever means to ask has done so in this time. */
const HASTE_MS = 1_000;
/** Who was heard of in this time may be about to ask again. */
const PRESENT_MS = 60_000;

/** One connection. Times are on the clock's monotonic scale. */
export interface Guest {
  readonly arrivedMs: number;
  /** When its peer last did anything. */
  readonly heardMs: number;
  /** Some request of it has come whole. */
  readonly hasAsked: boolean;
  /** It is the peer's turn: nothing that it has sent can be answered. */
  readonly isWaiting: boolean;
  /** Ends it at once. */
  destroy(): void;
}

export class GuestList {
  readonly #max: number;
  readonly #clock: Clock;
  /** Those of whom no request was known to be whole when last looked at; oldest first. */
  readonly #untried = new Set<Guest>();
  readonly #tried = new Set<Guest>();

  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  get size(): number {
    return this.#untried.size + this.#tried.size;
  }

  /** False, and not taken in, when there is no room and none can be made. */
  admit(guest: Guest): boolean {
    if (this.size >= this.#max && !this.#makeRoom()) return false;
    this.#untried.add(guest);
    return true;
  }

  /** It has gone; harmless when it is not here. */
  delete(guest: Guest): void {
    this.#untried.delete(guest);
    this.#tried.delete(guest);
  }

  #makeRoom(): boolean {
    const nowMs = this.#clock.monotonic();
    const victim =
      this.#oldestUntried(nowMs - HASTE_MS) ??
      this.#longestSilent(nowMs - PRESENT_MS) ??
      this.#oldestUntried(nowMs) ??
      this.#longestSilent(nowMs);
    if (victim === undefined) return false;
    this.delete(victim);
    victim.destroy();
    return true;
  }

  /** Who came longest ago, not after `untilMs`, and has asked for nothing yet. */
  #oldestUntried(untilMs: number): Guest | undefined {
    for (const guest of this.#untried) {
      if (!guest.hasAsked) return guest.arrivedMs <= untilMs ? guest : undefined;
      this.#untried.delete(guest);
      this.#tried.add(guest);
    }
    return undefined;
  }

  /** Who was heard of longest ago, not after `untilMs`, and is not being served. */
  #longestSilent(untilMs: number): Guest | undefined {
    let longest: Guest | undefined;
    for (const guests of [this.#tried, this.#untried]) {
      for (const guest of guests) {
        if (!guest.isWaiting || guest.heardMs > (longest?.heardMs ?? untilMs)) continue;
        longest = guest;
      }
    }
    return longest;
  }
}
