import { EtcdError, Status } from "../errors.ts";
import {
  DeleteRangeRequest,
  type DeleteRangeResponse,
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  RangeRequest,
  type RangeResponse,
  TxnRequest,
  type TxnResponse,
} from "../proto/gen/rpc.ts";
import { StatusError } from "./call-errors.ts";
import type { CallContext, Dispatcher } from "./dispatch.ts";

/** The member's own KV and lease services, for services that are made of them. */
export class LocalServices {
  readonly range: (request: RangeRequest, context: CallContext) => Promise<RangeResponse>;
  readonly txn: (request: TxnRequest, context: CallContext) => Promise<TxnResponse>;
  readonly deleteRange: (
    request: DeleteRangeRequest,
    context: CallContext,
  ) => Promise<DeleteRangeResponse>;
  readonly grant: (request: LeaseGrantRequest, context: CallContext) => Promise<{ ID: bigint }>;

  /** After KV and Lease have been registered. */
  constructor(dispatcher: Dispatcher) {
    this.range = dispatcher.local(KVDefinition, "range");
    this.txn = dispatcher.local(KVDefinition, "txn");
    this.deleteRange = dispatcher.local(KVDefinition, "deleteRange");
    this.grant = dispatcher.local(LeaseDefinition, "leaseGrant");
  }
}

/** Whose call it is: with the caller's credentials everything is done. */
export type Caller = Pick<CallContext, "metadata" | "remote" | "peerCertificateName">;

/**
 * One caller's view of these services. Their errors travel as UNKNOWN with the same text, as
 * etcd's do that pass through its own client.
 */
export class LocalClient {
  readonly #services: LocalServices;
  readonly #context: CallContext;

  constructor(services: LocalServices, caller: Caller) {
    this.#services = services;
    const { metadata, remote, peerCertificateName } = caller;
    this.#context = {
      path: "",
      metadata,
      remote,
      peerCertificateName,
      deadlineMs: undefined,
      isCanceled: false,
      onCancel: undefined,
    };
  }

  range(request: Partial<RangeRequest>): Promise<RangeResponse> {
    return relayed(this.#services.range(RangeRequest.fromPartial(request), this.#context));
  }

  txn(request: Partial<TxnRequest>): Promise<TxnResponse> {
    return relayed(this.#services.txn(TxnRequest.fromPartial(request), this.#context));
  }

  deleteKey(key: Buffer): Promise<DeleteRangeResponse> {
    const request = DeleteRangeRequest.fromPartial({ key });
    return relayed(this.#services.deleteRange(request, this.#context));
  }

  /** Resolves with the lease's id. */
  async grant(ttlSeconds: number): Promise<bigint> {
    const request = LeaseGrantRequest.fromPartial({ TTL: ttlSeconds });
    return (await relayed(this.#services.grant(request, this.#context))).ID;
  }
}

async function relayed<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    // Of all errors Go itself gives this one its status.
    if (thrown instanceof EtcdError && thrown.status === Status.DEADLINE_EXCEEDED) throw thrown;
    if (thrown instanceof EtcdError || thrown instanceof StatusError) {
      throw new StatusError(Status.UNKNOWN, thrown.message);
    }
    throw thrown;
  }
}
