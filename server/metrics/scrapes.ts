import type { Clock } from "../base/clock.ts";
import type { Metrics } from "./metrics.ts";

/** After a scrape so many times what it took is left to everybody else. */
const REST_FACTOR = 3;

interface Asker {
  readonly resolve: (text: Buffer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The exposition for those who ask for it. Making it costs milliseconds, and all of it at once: who
 * asks while it is made, or in the pause behind it, is answered together with the others that do,
 * and with what is true after he asked.
 */
export class Scrapes {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  #askers: Asker[] = [];
  #isBusy = false;

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  get contentType(): string {
    return this.#metrics.contentType;
  }

  /** Rejects when there is none to be had. */
  text(): Promise<Buffer> {
    const { scrapes } = this.#metrics;
    scrapes.inFlight++;
    return new Promise((resolve, reject) => {
      this.#askers.push({ resolve, reject });
      if (!this.#isBusy) void this.#answer();
    });
  }

  async #answer(): Promise<void> {
    this.#isBusy = true;
    const askers = this.#askers;
    this.#askers = [];
    const { scrapes } = this.#metrics;
    const startedMs = this.#clock.monotonic();
    try {
      const text = Buffer.from(await this.#metrics.text());
      scrapes.answered += askers.length;
      for (const { resolve } of askers) resolve(text);
    } catch (error) {
      scrapes.failed += askers.length;
      for (const { reject } of askers) reject(error);
    } finally {
      scrapes.inFlight -= askers.length;
    }
    const tookMs = this.#clock.monotonic() - startedMs;
    this.#clock.after(REST_FACTOR * tookMs, () => {
      this.#isBusy = false;
      if (this.#askers.length > 0) void this.#answer();
    });
  }
}
