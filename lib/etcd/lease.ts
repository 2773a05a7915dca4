import { randomBytes } from "node:crypto";
import {
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
} from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";

export interface LeaseState {
  readonly id: bigint;
  /** Whole seconds left. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  /** Undefined where etcd does not let us know them all. */
  readonly keys: readonly Buffer[] | undefined;
  readonly revision: number;
}

/** One key that the user may not read hides them all; so does an answer beyond what we take. */
const WITHOUT_KEYS: ReadonlySet<string> = new Set(["etcd-permission-denied", "too-large"]);

/** `undefined` when the lease has expired, was revoked or never was. */
export async function timeToLive(client: EtcdClient, id: bigint): Promise<LeaseState | undefined> {
  const ask = (keys: boolean): Promise<LeaseTimeToLiveResponse> =>
    client.read(
      LeaseDefinition,
      LeaseDefinition.methods.leaseTimeToLive,
      LeaseTimeToLiveRequest.fromPartial({ ID: id, keys }),
    );
  let hasKeys = true;
  const reply = await ask(true).catch((error: unknown) => {
    if (!(error instanceof ClusterError) || !WITHOUT_KEYS.has(error.code)) throw error;
    hasKeys = false;
    return ask(false);
  });
  const ttlSeconds = Number(reply.TTL);
  if (ttlSeconds < 0) return undefined;
  return {
    id,
    ttlSeconds,
    grantedTtlSeconds: Number(reply.grantedTTL),
    keys: hasKeys ? reply.keys : undefined,
    revision: reply.header?.revision ?? 0,
  };
}

/** An id that no lease has: chosen here, a lease can be revoked even if no answer told of it. */
export function newLeaseId(): bigint {
  return BigInt.asUintN(63, randomBytes(8).readBigUInt64BE()) || 1n;
}

export async function grant(client: EtcdClient, id: bigint, ttlSeconds: number): Promise<void> {
  await client.write(
    LeaseDefinition,
    LeaseDefinition.methods.leaseGrant,
    LeaseGrantRequest.fromPartial({ ID: id, TTL: ttlSeconds }),
  );
}

/** Ends a lease and deletes its keys. To say it twice does no harm, so that it may be repeated. */
export async function revoke(client: EtcdClient, id: bigint): Promise<void> {
  try {
    await client.read(
      LeaseDefinition,
      LeaseDefinition.methods.leaseRevoke,
      LeaseRevokeRequest.fromPartial({ ID: id }),
    );
  } catch (error) {
    if (error instanceof ClusterError && error.etcdCode === "LeaseNotFound") return;
    throw error;
  }
}
