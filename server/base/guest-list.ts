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
/** How many to remember of those silent longest: a full house is not gone through for each comer. */
const REMEMBERED_MAX = 256;

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
  /** Who was silent longest when all were last looked at, the longest last. */
  #silent: { readonly guest: Guest; readonly heardMs: number }[] = [];

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
    const victim = this.#oldestUntried(nowMs - HASTE_MS) ?? this.#silentOrNew(nowMs);
    if (victim === undefined) return false;
    this.delete(victim);
    victim.destroy();
    return true;
  }

  #silentOrNew(nowMs: number): Guest | undefined {
    const silent = this.#longestRemembered() ?? this.#lookAround();
    if (silent !== undefined && silent.heardMs <= nowMs - PRESENT_MS) return silent;
    return this.#oldestUntried(nowMs) ?? silent;
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

  /** Who has done nothing since all were looked at was silent longest then and is now. */
  #longestRemembered(): Guest | undefined {
    for (let last = this.#silent.at(-1); last !== undefined; last = this.#silent.at(-1)) {
      const { guest, heardMs } = last;
      if (this.#has(guest) && guest.isWaiting && guest.heardMs === heardMs) return guest;
      this.#silent.pop();
    }
    return undefined;
  }

  /** Who was heard of longest ago and is not being served. */
  #lookAround(): Guest | undefined {
    this.#silent = [...this.#tried, ...this.#untried]
      .filter(({ isWaiting }) => isWaiting)
      .map((guest) => ({ guest, heardMs: guest.heardMs }))
      .toSorted((a, b) => a.heardMs - b.heardMs)
      .slice(0, REMEMBERED_MAX)
      .reverse();
    return this.#silent.at(-1)?.guest;
  }

  #has(guest: Guest): boolean {
    return this.#tried.has(guest) || this.#untried.has(guest);
  }
}
