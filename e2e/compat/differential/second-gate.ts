import { setTimeout as delay } from "node:timers/promises";

const SECOND_MS = 1_000;

/** What goes through it happens in different seconds of the clock. */
export class SecondGate {
  #last = 0;

  async pass<T>(act: () => Promise<T>): Promise<T> {
    while (secondNow() <= this.#last) await delay(SECOND_MS - (Date.now() % SECOND_MS));
    try {
      return await act();
    } finally {
      this.#last = secondNow();
    }
  }
}

function secondNow(): number {
  return Math.floor(Date.now() / SECOND_MS);
}
