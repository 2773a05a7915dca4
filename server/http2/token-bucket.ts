/** So many at once, and so many a second in the long run. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #filledMs: number | undefined;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
  }

  /** Takes `count` tokens. False when there are fewer left at `nowMs` (monotonic). */
  take(nowMs: number, count = 1): boolean {
    this.#filledMs ??= nowMs;
    if (this.#tokens < count) {
      const gained = (nowMs - this.#filledMs) * this.#perMs;
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
      this.#filledMs = nowMs;
      if (this.#tokens < count) return false;
    }
    this.#tokens -= count;
    return true;
  }
}
