import type { Clock } from "../base/clock.ts";
import { Distribution, exponentialBounds } from "../base/distribution.ts";
import type { SnapshotTraffic } from "./transport.ts";

/** The databases of one peer in one direction. */
export class SnapshotCounts implements SnapshotTraffic {
  successes = 0;
  failures = 0;
  readonly seconds: Distribution = new Distribution(exponentialBounds(0.1, 2, 10));
  readonly #clock: Clock;
  readonly #startedMs: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get inFlight(): number {
    return this.#startedMs.length;
  }

  begin(): void {
    this.#startedMs.push(this.#clock.monotonic());
  }

  /** The one that began first has ended: a peer is sent one at a time. */
  end(isDelivered: boolean): void {
    const startedMs = this.#startedMs.shift() ?? this.#clock.monotonic();
    if (!isDelivered) {
      this.failures++;
      return;
    }
    this.successes++;
    this.seconds.observe((this.#clock.monotonic() - startedMs) / 1000);
  }
}
