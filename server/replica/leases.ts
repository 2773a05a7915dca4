import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import { inTurns } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";
import type { LeaseTime } from "../transport/transport.ts";
import type { Replica } from "./replica.ts";

/** Between two attempts to reach a leader, or two looks whether an expired lease is gone. */
const RETRY_MS = 50;

export interface LeasesOptions {
  readonly replica: Pick<Replica, "isLeader" | "isStopped" | "leadership" | "readBarrier" | "term">;
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly calls: (id: bigint) => PeerCalls | undefined;
  /** Resolves when no new leader would go by the checkpoint of a lease any more. */
  readonly clearCheckpoint: (id: bigint) => Promise<void>;
}

/** A checkpoint being cleared. */
interface Clearing {
  readonly term: number;
  readonly done: Promise<void>;
}

/** What only the leader's clock can say about leases; every other member asks the leader. */
export class Leases {
  readonly #options: LeasesOptions;
  /** By lease: its renewals in one term all wait for the same one. */
  readonly #clearings = new Map<bigint, Clearing>();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /**
   * @returns the TTL in seconds from now
   * @throws EtcdError LeaseNotFound, also once an expired lease is revoked; NoLeader, Timeout
   */
  renew(id: bigint): Promise<number> {
    return this.#atLeader(
      () => this.renewHere(id),
      (leader) => leader.keepAlive(id),
    );
  }

  /** @throws EtcdError LeaseNotFound, NoLeader, Timeout */
  timeToLive(id: bigint, withKeys: boolean): Promise<LeaseTime> {
    return this.#atLeader(
      () => this.timeToLiveHere(id, withKeys),
      (leader) => leader.timeToLive(id, withKeys),
    );
  }

  /**
   * Renews as the leader. Leadership is confirmed first: a member that was replaced without
   * noticing must not promise its clients time that the new leader does not know of. Nor may a
   * checkpoint be left from which the next leader would give the lease less.
   * @throws EtcdError NotPrimaryLessor, NotLeader, TooManyRequests, and what `renew` throws
   */
  async renewHere(id: bigint): Promise<number> {
    const { replica, state, clock, timeoutMs } = this.#options;
    const deadlineMs = clock.monotonic() + timeoutMs;
    await replica.readBarrier();
    for (;;) {
      const { ttlSeconds, isShortened } = state.lessor.renew(id, clock.monotonic());
      if (ttlSeconds > 0) return ttlSeconds;
      if (clock.monotonic() > deadlineMs) throw new EtcdError("Timeout");
      await (isShortened ? this.#clearCheckpoint(id) : this.#pause());
    }
  }

  /** @throws EtcdError NotPrimaryLessor, and what `timeToLive` throws */
  async timeToLiveHere(id: bigint, withKeys: boolean): Promise<LeaseTime> {
    const { replica, state, clock } = this.#options;
    await replica.readBarrier();
    const { remainingSeconds, ttlSeconds } = state.lessor.timeToLive(id, clock.monotonic());
    const keys = withKeys ? await inTurns(state.lessor.keys(id), clock) : [];
    return { id, ttlSeconds: remainingSeconds, grantedTtlSeconds: ttlSeconds, keys };
  }

  async #atLeader<T>(here: () => Promise<T>, there: (leader: PeerCalls) => Promise<T>): Promise<T> {
    const { replica, clock, timeoutMs, calls } = this.#options;
    const deadlineMs = clock.monotonic() + timeoutMs;
    while (clock.monotonic() < deadlineMs) {
      if (replica.isStopped) throw new EtcdError("Stopped");
      const leader = calls(replica.leadership.leader);
      try {
        if (replica.isLeader) return await here();
        if (leader !== undefined) return await there(leader);
      } catch (error) {
        if (isFinal(error)) throw error;
      }
      await this.#pause();
    }
    throw new EtcdError(replica.leadership.hasLeader ? "Timeout" : "NoLeader");
  }

  #clearCheckpoint(id: bigint): Promise<void> {
    const { replica, clearCheckpoint } = this.#options;
    const { term } = replica;
    const begun = this.#clearings.get(id);
    // What was proposed in an earlier term may be lost.
    if (begun?.term === term) return begun.done;
    const done = clearCheckpoint(id).finally(() => {
      if (this.#clearings.get(id) === clearing) this.#clearings.delete(id);
    });
    const clearing = { term, done };
    this.#clearings.set(id, clearing);
    return done;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(RETRY_MS, resolve));
  }
}

/** Another attempt would end the same. Whatever else went wrong, another leader may do better. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof EtcdError)) return false;
  return error.code === "LeaseNotFound" || error.code === "Stopped";
}
