// LeaseInternalRequest and LeaseInternalResponse: what members ask each other about one lease.
import { LeaseInternalRequest, LeaseInternalResponse } from "../proto/gen/lease.ts";
import { WireError } from "../proto/wire.ts";
import type { LeaseTime } from "./transport.ts";

export interface LeaseTimeRequest {
  readonly id: bigint;
  readonly withKeys: boolean;
}

export function encodeLeaseTimeRequest({ id, withKeys }: LeaseTimeRequest): Buffer {
  const request = LeaseInternalRequest.encode({
    LeaseTimeToLiveRequest: { ID: id, keys: withKeys },
  });
  return Buffer.from(request.finish());
}

/** @throws WireError */
export function decodeLeaseTimeRequest(bytes: Buffer): LeaseTimeRequest {
  const inner = decoded(() => LeaseInternalRequest.decode(bytes)).LeaseTimeToLiveRequest;
  if (inner === undefined) throw new WireError("request without lease");
  return { id: inner.ID, withKeys: inner.keys };
}

/** The empty header must be there: a Go member fills it in. */
export function encodeLeaseTime(time: LeaseTime): Buffer {
  const response = LeaseInternalResponse.encode({
    LeaseTimeToLiveResponse: {
      header: { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 },
      ID: time.id,
      TTL: time.ttlSeconds,
      grantedTTL: time.grantedTtlSeconds,
      keys: [...time.keys],
    },
  });
  return Buffer.from(response.finish());
}

/** @throws WireError */
export function decodeLeaseTime(bytes: Buffer): LeaseTime {
  const inner = decoded(() => LeaseInternalResponse.decode(bytes)).LeaseTimeToLiveResponse;
  if (inner === undefined) throw new WireError("answer without lease");
  const { ID: id, TTL: ttlSeconds, grantedTTL: grantedTtlSeconds, keys } = inner;
  return { id, ttlSeconds, grantedTtlSeconds, keys };
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch {
    throw new WireError("broken lease message");
  }
}
