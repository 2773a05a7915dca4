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

  /** False when there is none left at `nowMs` (monotonic). */
  take(nowMs: number): boolean {
    this.#filledMs ??= nowMs;
    if (this.#tokens < 1) {
      const gained = (nowMs - this.#filledMs) * this.#perMs;
      this.#tokens = Math.min(this.#burst, this.#tokens + gained);
      this.#filledMs = nowMs;
      if (this.#tokens < 1) return false;
    }
    this.#tokens--;
    return true;
  }
}
