import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";

export interface LeadershipView {
  readonly isLeader: boolean;
  /** 0n: none. */
  readonly leader: bigint;
}

export interface LeadershipOptions {
  readonly memberId: bigint;
  readonly clock: Clock;
  readonly timing: { readonly heartbeatMs: number; readonly electionTicks: number };
  readonly voters: () => readonly bigint[];
  readonly sink: { activeSince(id: bigint): number | undefined };
}

/** Who leads, since when, and what that says about a request that got no answer in time. */
export class Leadership {
  readonly #options: LeadershipOptions;
  #view: LeadershipView = { isLeader: false, leader: 0n };
  /** When this member last became the leader, monotonic ms: etcd blames a loss nowhere else. */
  #electedMs = Number.NEGATIVE_INFINITY;
  #changes = 0;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get isLeader(): boolean {
    return this.#view.isLeader;
  }

  /** 0n: none. */
  get leader(): bigint {
    return this.#view.leader;
  }

  get hasLeader(): boolean {
    return this.#view.leader !== 0n;
  }

  /** How often another leader was seen. */
  get changes(): number {
    return this.#changes;
  }

  observe(view: LeadershipView): "same" | "newLeader" | "changed" {
    const before = this.#view;
    const isSame = view.leader === before.leader && view.isLeader === before.isLeader;
    this.#view = view;
    if (isSame) return "same";
    if (view.leader === 0n || view.leader === before.leader) return "changed";
    if (view.isLeader) this.#electedMs = this.#options.clock.monotonic();
    this.#changes++;
    return "newLeader";
  }

  /** etcd's choice among its three texts. @param startedMs when the request came, monotonic */
  timeoutError(startedMs: number): EtcdError {
    const { timing, sink, memberId, voters } = this.#options;
    const lostMs = this.#electedMs - 2 * timing.electionTicks * timing.heartbeatMs;
    if (startedMs > lostMs && startedMs < this.#electedMs) {
      return new EtcdError("TimeoutDueToLeaderFail");
    }
    const { leader } = this.#view;
    if (leader === 0n) return new EtcdError("Timeout");
    const wasConnected = (id: bigint) => {
      const since = sink.activeSince(id);
      return id === memberId || (since !== undefined && since <= startedMs);
    };
    const members = voters();
    const isReached =
      leader === memberId
        ? members.filter(wasConnected).length > members.length / 2
        : wasConnected(leader);
    return new EtcdError(isReached ? "Timeout" : "TimeoutDueToConnectionLost");
  }
}
