// A key on a lease of its own is two requests, and only both together are wanted: whenever there is
// no key in the end, the lease is revoked. That settles what is uncertain too: a write without an
// answer is undone by it, or refused by etcd when it comes after it.
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { create, type GuardedWrite } from "./kv.ts";
import { grant, newLeaseId, revoke } from "./lease.ts";

/** As `create`. Throws when nothing was created, and names the lease should one be left. */
export async function createWithTtl(
  client: EtcdClient,
  put: { key: Buffer; value: Buffer; ttlSeconds: number },
): Promise<GuardedWrite> {
  const { key, value, ttlSeconds } = put;
  const lease = newLeaseId();
  try {
    await grant(client, lease, ttlSeconds);
  } catch (error) {
    const isWithout = error instanceof ClusterError && error.neverSent;
    if (!isWithout) await withdraw(client, lease, error);
    throw error;
  }
  let outcome: GuardedWrite;
  try {
    outcome = await create(client, { key, value, lease });
  } catch (error) {
    await withdraw(client, lease, error);
    throw undone(error);
  }
  if (!outcome.done) await withdraw(client, lease, new Error("there is such a key already"));
  return outcome;
}

/** With the lease gone it is certain that there is no key. */
function undone(error: unknown): unknown {
  if (!(error instanceof ClusterError) || !error.mayHaveHappened) return error;
  const { code, message, etcdCode, detail, endpoint } = error;
  return new ClusterError(code, message, { etcdCode, detail, endpoint });
}

/** Throws when the lease may be left, with what came before it. */
async function withdraw(client: EtcdClient, lease: bigint, cause: unknown): Promise<void> {
  try {
    await revoke(client, lease);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const why = cause instanceof Error ? cause.message : String(cause);
    const left = `the lease ${lease.toString(16)} that was granted for it may be left: ${error.message}`;
    throw new ClusterError(error.code, `${why}; ${left}`, {
      endpoint: error.endpoint,
      mayHaveHappened: cause instanceof ClusterError && cause.mayHaveHappened,
    });
  }
}
