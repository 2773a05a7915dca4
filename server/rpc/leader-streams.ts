import type { Cancel, Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";

/** Election timeouts in a row without a leader before the streams are told; etcd's number. */
const LEADERLESS_CHECKS_MAX = 3;
/** Streams told in one turn. */
const TOLD_PER_TURN = 1000;

export interface LeaderDependent {
  /** Ends the call with an error that was not its own. */
  abort(error: EtcdError): void;
}

/** Streams whose clients asked to be told, by an error, that the member has lost its leader. */
export class LeaderStreams {
  readonly #clock: Clock;
  #streams = new Set<LeaderDependent>();
  /** Those that are to be told. */
  #untold = new Set<LeaderDependent>();
  readonly #stop: Cancel;
  #leaderless = 0;

  constructor(clock: Clock, electionTimeoutMs: number, hasLeader: () => boolean) {
    this.#clock = clock;
    this.#stop = clock.every(electionTimeoutMs, () => this.#check(hasLeader()));
  }

  add(stream: LeaderDependent): void {
    this.#streams.add(stream);
  }

  delete(stream: LeaderDependent): void {
    this.#streams.delete(stream);
    this.#untold.delete(stream);
  }

  close(): void {
    this.#stop();
  }

  #check(hasLeader: boolean): void {
    this.#leaderless = hasLeader ? 0 : this.#leaderless + 1;
    // Who is left of an earlier check comes first; the others are told at the next.
    if (this.#leaderless < LEADERLESS_CHECKS_MAX || this.#untold.size > 0) return;
    this.#untold = this.#streams;
    this.#streams = new Set();
    this.#tell();
  }

  /** Whoever comes meanwhile has a check to wait for. */
  #tell(): void {
    let left = TOLD_PER_TURN;
    for (const stream of this.#untold) {
      if (left-- === 0) {
        this.#clock.soon(() => this.#tell());
        return;
      }
      this.#untold.delete(stream);
      stream.abort(new EtcdError("NoLeader"));
    }
  }
}
