import { authorizeLeaseKeys, authorizeRenewal } from "../admission/authorize.ts";
import { LEASE_COST_BYTES } from "../apply/lease-operations.ts";
import { bodyOf } from "../apply/outcome.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { inTurns, type Steps } from "../base/steps.ts";
import { EtcdError, type Status } from "../errors.ts";
import type { GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import {
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { Leases } from "../replica/leases.ts";
import { callFailure, decodeRequest } from "./call-errors.ts";
import type { Callers, CallOrigin } from "./callers.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";
import type { Proposer } from "./proposer.ts";

/** Renewals of one stream that wait at once; a client that sends more is cut off. */
const RENEWALS_PER_STREAM_MAX = 10_000;
/** Keys or leases that are judged between two pauses. */
const JUDGED_SLICE = 1024;

export interface LeaseServiceOptions {
  readonly state: ReplicatedState;
  readonly leases: Leases;
  readonly proposer: Proposer;
  readonly callers: Callers;
  readonly headers: Headers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function registerLease(dispatcher: Dispatcher, options: LeaseServiceOptions): void {
  const { state, proposer, callers, headers, clock } = options;
  dispatcher.unary(LeaseDefinition, "leaseGrant", async (request, call) => {
    const refusal = proposer.refusalFor(LEASE_COST_BYTES);
    if (refusal !== undefined) return refusal;
    const ID = request.ID === 0n ? freeLeaseId(options) : request.ID;
    const proposed = LeaseGrantRequest.encode({ ...request, ID }).finish();
    const field = InternalField.LEASE_GRANT;
    const outcome = await proposer.propose(call, field, proposed);
    return { ...LeaseGrantResponse.decode(bodyOf(outcome)), header: headers.at(outcome.revision) };
  });
  dispatcher.unary(LeaseDefinition, "leaseRevoke", async (request, call) => {
    const proposed = LeaseRevokeRequest.encode(request).finish();
    const { revision } = await proposer.propose(call, InternalField.LEASE_REVOKE, proposed);
    return LeaseRevokeResponse.create({ header: headers.at(revision) });
  });
  dispatcher.unary(LeaseDefinition, "leaseTimeToLive", (request, call) =>
    timeToLive(options, request, call),
  );
  dispatcher.unary(LeaseDefinition, "leaseLeases", async (_request, call) => {
    const access = await callers.access(call);
    const { lessor } = state;
    const ids = await inTurns(lessor.leases(), clock);
    await inTurns(
      judging(ids, (id) => authorizeLeaseKeys(access, lessor, id)),
      clock,
    );
    return { header: headers.now(), leases: ids.map((ID) => ({ ID })) };
  });
  dispatcher.stream(LeaseDefinition, "leaseKeepAlive", (call) => new KeepAliveCall(call, options));
}

/** A positive 63-bit number that no lease has now. */
function freeLeaseId({ state, random }: LeaseServiceOptions): bigint {
  for (;;) {
    const id = random.uint64() & 0x7fff_ffff_ffff_ffffn;
    if (id !== 0n && !state.lessor.has(id)) return id;
  }
}

/** One after the other, pausing; what `judge` throws ends it. */
function* judging<T>(each: readonly T[], judge: (one: T) => void): Steps<void> {
  for (const [at, one] of each.entries()) {
    if (at > 0 && at % JUDGED_SLICE === 0) yield;
    judge(one);
  }
}

/** A lease that is gone is no error here: it has −1 seconds. */
async function timeToLive(
  { state, leases, callers, headers, clock }: LeaseServiceOptions,
  { ID, keys: withKeys }: LeaseTimeToLiveRequest,
  call: CallOrigin,
): Promise<LeaseTimeToLiveResponse> {
  // Also before: who may not need not wait for a leader.
  if (withKeys) authorizeLeaseKeys(await callers.access(call), state.lessor, ID);
  try {
    const { ttlSeconds, grantedTtlSeconds, keys } = await leases.timeToLive(ID, withKeys);
    const access = await callers.access(call);
    // One stands for all to root, to whom none is closed.
    const asked = access.isRoot ? keys.slice(0, 1) : keys;
    await inTurns(
      judging(asked, (key) => access.checkRead(key)),
      clock,
    );
    return {
      header: headers.now(),
      ID,
      TTL: ttlSeconds,
      grantedTTL: grantedTtlSeconds,
      keys: [...keys],
    };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return { header: headers.now(), ID, TTL: -1, grantedTTL: 0, keys: [] };
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof EtcdError && error.code === "LeaseNotFound";
}

/** A client's stream of renewals: one answer per request, in their order; its end ends the stream. */
class KeepAliveCall implements GrpcHandler {
  readonly #call: GrpcCall;
  readonly #options: LeaseServiceOptions;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isOver = false;

  constructor(call: GrpcCall, options: LeaseServiceOptions) {
    this.#call = call;
    this.#options = options;
  }

  message(bytes: Buffer): void {
    if (this.#waiting >= RENEWALS_PER_STREAM_MAX) throw new EtcdError("TooManyRequests");
    this.#waiting++;
    const { ID } = decodeRequest(LeaseKeepAliveRequest, bytes);
    const header = this.#options.headers.now();
    const renewal = this.#renew(ID);
    const before = this.#last;
    this.#last = (async () => {
      const ttl = await renewal;
      await before;
      this.#waiting--;
      if (this.#isOver) return;
      if (typeof ttl === "number") {
        this.#call.send(LeaseKeepAliveResponse.encode({ header, ID, TTL: ttl }).finish());
        return;
      }
      this.#isOver = true;
      this.#call.fail(ttl.status, ttl.text);
    })();
  }

  halfClose(): void {
    void this.#last.then(() => {
      if (!this.#isOver) this.#call.end();
      this.#isOver = true;
    });
  }

  cancel(): void {
    this.#isOver = true;
  }

  /** Seconds, 0 for a lease that is gone; or with what the stream ends. */
  async #renew(id: bigint): Promise<number | { status: Status; text: string }> {
    try {
      const { leases, callers, state } = this.#options;
      const access = await callers.access(this.#call);
      authorizeRenewal(access, state.lessor, id);
      const ttlSeconds = await leases.renew(id);
      return ttlSeconds;
    } catch (error) {
      if (isNotFound(error)) return 0;
      return callFailure(error, this.#call.path, this.#options.log);
    }
  }
}
