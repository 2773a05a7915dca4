import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import type { KeyHash } from "../mvcc/key-hash.ts";

/** Hashes that are being taken at once; others are refused with TooManyRequests. */
export const HASH_RUNS_MAX = 8;

export interface HashKvOptions {
  readonly state: ReplicatedState;
  readonly clock: Clock;
}

export interface TakenHash extends KeyHash {
  /** The store's when the hash was asked for. */
  readonly currentRevision: number;
}

/** Hashes for whoever asks, which may be many at once. */
export class HashRuns {
  readonly #options: HashKvOptions;
  /** By a name of what is hashed. */
  readonly #runs = new Map<string, Promise<KeyHash>>();

  constructor(options: HashKvOptions) {
    this.#options = options;
  }

  /**
   * As `hashKv`. Who asks for a hash that is being taken waits for that.
   * @throws EtcdError Compacted, FutureRev, LeaderChanged, TooManyRequests
   */
  async take(revision: number): Promise<TakenHash> {
    const { kv } = this.#options.state;
    const currentRevision = kv.revision;
    const shown = revision === 0 ? `now ${currentRevision}` : revision;
    const name = `${shown}, compacted at ${kv.compactRevision}`;
    let run = this.#runs.get(name);
    if (run === undefined) {
      if (this.#runs.size >= HASH_RUNS_MAX) throw new EtcdError("TooManyRequests");
      run = hashKv(this.#options, revision).finally(() => this.#runs.delete(name));
      this.#runs.set(name, run);
    }
    return { ...(await run), currentRevision };
  }
}

/**
 * The hash that members compare, taken in slices; 0 is the current revision.
 * @throws EtcdError Compacted, FutureRev, LeaderChanged
 */
export async function hashKv({ state, clock }: HashKvOptions, revision: number): Promise<KeyHash> {
  const { kv } = state;
  const hashing = kv.hashing(revision);
  for (let slice = hashing.next(); ; slice = hashing.next()) {
    if (slice.done === true) return slice.value;
    await new Promise<void>((resolve) => clock.soon(resolve));
    if (state.isReplacing || state.kv !== kv) {
      hashing.return(undefined as never);
      throw new EtcdError("LeaderChanged");
    }
  }
}
