import type { Clock } from "../base/clock.ts";
import { Distribution, exponentialBounds } from "../base/distribution.ts";

/** How much of a new measurement goes into the smoothed value. */
const WEIGHT = 1 / 8;
/** Between two observations, as in etcd: a healthy peer, and one that does not answer. */
const PERIOD_MS = 30_000;
const ERROR_PERIOD_MS = 5000;

/** Round trips to one peer, smoothed, so that a single hiccup does not count as slowness. */
export class RoundTrips {
  readonly seconds: Distribution = new Distribution(exponentialBounds(0.0001, 2, 16));
  readonly #clock: Clock;
  #smoothedMs = 0;
  #dueMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#dueMs = clock.monotonic() + ERROR_PERIOD_MS;
  }

  succeeded(roundTripMs: number): void {
    this.#smoothedMs += (roundTripMs - this.#smoothedMs) * (this.#smoothedMs === 0 ? 1 : WEIGHT);
    this.#observe(PERIOD_MS);
  }

  failed(): void {
    this.#observe(ERROR_PERIOD_MS);
  }

  #observe(periodMs: number): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + periodMs;
    this.seconds.observe(this.#smoothedMs / 1000);
  }
}
