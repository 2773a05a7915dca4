import { LeaseDefinition, LeaseTimeToLiveRequest } from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";

export interface LeaseState {
  readonly id: bigint;
  /** Whole seconds left. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  readonly keys: readonly Buffer[];
  readonly revision: number;
}

/** `undefined` when the lease has expired, was revoked or never was. */
export async function timeToLive(client: EtcdClient, id: bigint): Promise<LeaseState | undefined> {
  const reply = await client.read(
    LeaseDefinition,
    LeaseDefinition.methods.leaseTimeToLive,
    LeaseTimeToLiveRequest.fromPartial({ ID: id, keys: true }),
  );
  const ttlSeconds = Number(reply.TTL);
  if (ttlSeconds < 0) return undefined;
  return {
    id,
    ttlSeconds,
    grantedTtlSeconds: Number(reply.grantedTTL),
    keys: reply.keys,
    revision: reply.header?.revision ?? 0,
  };
}
