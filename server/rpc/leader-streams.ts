import type { Cancel, Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";

/** Election timeouts in a row without a leader before the streams are told; etcd's number. */
const LEADERLESS_CHECKS_MAX = 3;

export interface LeaderDependent {
  /** Ends the call with an error that was not its own. */
  abort(error: EtcdError): void;
}

/** Streams whose clients asked to be told, by an error, that the member has lost its leader. */
export class LeaderStreams {
  readonly #streams = new Set<LeaderDependent>();
  readonly #stop: Cancel;
  #leaderless = 0;

  constructor(clock: Clock, electionTimeoutMs: number, hasLeader: () => boolean) {
    this.#stop = clock.every(electionTimeoutMs, () => this.#check(hasLeader()));
  }

  add(stream: LeaderDependent): void {
    this.#streams.add(stream);
  }

  delete(stream: LeaderDependent): void {
    this.#streams.delete(stream);
  }

  close(): void {
    this.#stop();
  }

  #check(hasLeader: boolean): void {
    this.#leaderless = hasLeader ? 0 : this.#leaderless + 1;
    if (this.#leaderless < LEADERLESS_CHECKS_MAX) return;
    const streams = [...this.#streams];
    this.#streams.clear();
    for (const stream of streams) stream.abort(new EtcdError("NoLeader"));
  }
}
