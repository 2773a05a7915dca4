const RATE_SECONDS = 60;

export interface RatePoint {
  /** Seconds before now. */
  readonly ago: number;
  readonly puts: number;
  readonly deletes: number;
}

/** Events of each of the last seconds. */
export class RateMeter {
  /** Seconds since 1970. */
  #newest = Number.NEGATIVE_INFINITY;
  readonly #puts = new Map<number, number>();
  readonly #deletes = new Map<number, number>();

  count(atMs: number, type: "put" | "delete"): void {
    const second = Math.floor(atMs / 1_000);
    this.#newest = Math.max(this.#newest, second);
    const counts = type === "put" ? this.#puts : this.#deletes;
    counts.set(second, (counts.get(second) ?? 0) + 1);
    if (counts.size > RATE_SECONDS * 2) {
      for (const old of counts.keys()) if (old < second - RATE_SECONDS) counts.delete(old);
    }
  }

  /** Whole seconds only: the running one is not over. */
  points(nowMs: number): RatePoint[] {
    const now = Math.floor(nowMs / 1_000);
    return Array.from({ length: RATE_SECONDS }, (_, at) => {
      const ago = RATE_SECONDS - at;
      const second = now - ago;
      return { ago, puts: this.#puts.get(second) ?? 0, deletes: this.#deletes.get(second) ?? 0 };
    });
  }

  /** Whether no event has come in the time of which `points` speaks, nor since. */
  isQuiet(nowMs: number): boolean {
    return this.#newest < Math.floor(nowMs / 1_000) - RATE_SECONDS;
  }
}
