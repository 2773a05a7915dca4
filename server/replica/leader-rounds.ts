import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";

export interface LeaderRoundsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly isLeader: () => boolean;
}

/** Something that the leader does again and again, each time a while after the last time ended. */
export class LeaderRounds {
  readonly #options: LeaderRoundsOptions;
  readonly #timers = new Map<string, Cancel>();
  #hasStopped = false;

  constructor(options: LeaderRoundsOptions) {
    this.#options = options;
  }

  /**
   * @param failure what the log says of a round that rejected; the next one comes all the same
   */
  start(failure: string, periodMs: number, round: () => Promise<void>): void {
    const { clock, log, isLeader } = this.#options;
    const next = (): void => {
      if (this.#hasStopped) return;
      const timer = clock.after(periodMs, () => {
        const ended = isLeader() ? round() : Promise.resolve();
        ended.catch((error: unknown) => log.warn(failure, { error })).finally(next);
      });
      this.#timers.set(failure, timer);
    };
    next();
  }

  stop(): void {
    this.#hasStopped = true;
    for (const cancel of this.#timers.values()) cancel();
  }
}
