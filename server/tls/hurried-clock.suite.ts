import { SystemClock } from "../base/clock.ts";

/** The system's, but that it can be set forward. */
export class HurriedClock extends SystemClock {
  #aheadMs = 0;
  readonly #periodic: (() => void)[] = [];

  override monotonic(): number {
    return super.monotonic() + this.#aheadMs;
  }

  override every(_periodMs: number, callback: () => void): () => void {
    this.#periodic.push(callback);
    return () => void this.#periodic.splice(this.#periodic.indexOf(callback), 1);
  }

  forward(ms: number): void {
    this.#aheadMs += ms;
    for (const callback of this.#periodic.slice()) callback();
  }
}
