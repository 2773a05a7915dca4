import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import type { KeyHash } from "../mvcc/key-hash.ts";

/**
 * The hash that members compare, taken in slices; 0 is the current revision.
 * @throws EtcdError Compacted, FutureRev, LeaderChanged
 */
export async function hashKv(
  { state, clock }: { readonly state: ReplicatedState; readonly clock: Clock },
  revision: number,
): Promise<KeyHash> {
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
