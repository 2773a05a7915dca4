// Reading and writing keys. Every write here names the state it was made for and does nothing when
// that state is gone: nobody's change is overwritten unseen.

import { EMPTY_BYTES } from "../../server/base/bytes.ts";
import type { KeyValue } from "../../server/proto/gen/kv.ts";
import {
  Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  KVDefinition,
  PutRequest,
  RangeRequest,
  type RangeResponse,
  type RequestOp,
  TxnRequest,
  type TxnResponse,
} from "../../server/proto/gen/rpc.ts";
import type { CallOptions, EtcdClient } from "./client.ts";
import { ClusterError, isWithoutEffect } from "./cluster-error.ts";

/** A key with its value and history, as etcd returns it. */
export type { KeyValue as KeyRecord } from "../../server/proto/gen/kv.ts";

/** `rangeEnd` of everything from the key on. */
export const OPEN_END: Buffer = Buffer.from([0]);

export interface RangeQuery {
  readonly key: Buffer;
  /** Default: the single key. */
  readonly rangeEnd?: Buffer | undefined;
  /** Default: the current one. */
  readonly revision?: number | undefined;
  readonly limit?: number | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  /** Answered from one member's own state, which may be behind. */
  readonly serializable?: boolean | undefined;
}

/** Never sorts on the server: before 3.7 a sort order makes etcd read the whole range. */
export async function range(
  client: EtcdClient,
  query: RangeQuery,
  options: CallOptions = {},
): Promise<RangeResponse & { readonly revision: number }> {
  const { key, rangeEnd, revision, limit, keysOnly, countOnly, serializable } = query;
  const request = RangeRequest.fromPartial({
    key,
    rangeEnd: rangeEnd ?? EMPTY_BYTES,
    revision: revision ?? 0,
    limit: limit ?? 0,
    keysOnly: keysOnly ?? false,
    countOnly: countOnly ?? false,
    serializable: serializable ?? false,
  });
  const leaderless = options.leaderless ?? serializable;
  const reply = await client.read(KVDefinition, KVDefinition.methods.range, request, {
    ...options,
    leaderless,
  });
  return { ...reply, revision: reply.header?.revision ?? 0 };
}

interface KeyAt {
  /** The key as it stood; `undefined` when it did not exist. */
  readonly kv: KeyValue | undefined;
  readonly revision: number;
  /** The member that answered. */
  readonly memberId: bigint;
}

export async function get(
  client: EtcdClient,
  key: Buffer,
  query: Pick<RangeQuery, "revision" | "serializable"> = {},
): Promise<KeyAt> {
  const { kvs, revision, header } = await range(client, { ...query, key });
  return { kv: kvs[0], revision, memberId: header?.memberId ?? 0n };
}

/** `done` false: nothing was written, and `current` is what stands there; undefined: nothing. */
export type GuardedWrite =
  | { readonly done: true; readonly revision: number; readonly kv: KeyValue | undefined }
  | { readonly done: false; readonly revision: number; readonly current: KeyValue | undefined };

/** The lease stays as it is unless `lease` says otherwise; 0n takes it away. */
export async function putIfUnchanged(
  client: EtcdClient,
  put: { key: Buffer; value: Buffer; modRevision: number; lease?: bigint | undefined },
): Promise<GuardedWrite> {
  const { key, value, modRevision, lease } = put;
  const request = PutRequest.fromPartial({
    key,
    value,
    lease: lease ?? 0n,
    ignoreLease: lease === undefined,
  });
  return guarded(client, modEquals(key, modRevision), { requestPut: request }, key);
}

/** Writes only where there is no key. */
export async function create(
  client: EtcdClient,
  put: { key: Buffer; value: Buffer; lease?: bigint | undefined },
): Promise<GuardedWrite> {
  const { key, value, lease } = put;
  const request = PutRequest.fromPartial({ key, value, lease: lease ?? 0n });
  return guarded(client, modEquals(key, 0), { requestPut: request }, key);
}

export async function deleteIfUnchanged(
  client: EtcdClient,
  target: { key: Buffer; modRevision: number },
): Promise<GuardedWrite> {
  const request = DeleteRangeRequest.fromPartial({ key: target.key });
  const compare = modEquals(target.key, target.modRevision);
  return guarded(client, compare, { requestDeleteRange: request }, target.key);
}

/**
 * Deletes [key, rangeEnd) if every key in it was last written at `revision` or before. Resolves to
 * the number of deleted keys, or undefined when something newer stands there.
 */
export async function deleteRangeIfOlder(
  client: EtcdClient,
  target: { key: Buffer; rangeEnd: Buffer; revision: number },
): Promise<{ readonly deleted: number | undefined; readonly revision: number }> {
  const { key, rangeEnd } = target;
  const reply = await writingTxn(client, {
    compare: [notNewer(target)],
    success: [{ requestDeleteRange: DeleteRangeRequest.fromPartial({ key, rangeEnd }) }],
    failure: [],
  });
  const deleted = reply.succeeded ? reply.responses[0]?.responseDeleteRange?.deleted : undefined;
  return { deleted, revision: reply.header?.revision ?? 0 };
}

function modEquals(key: Buffer, modRevision: number): Compare {
  return Compare.fromPartial({
    target: Compare_CompareTarget.MOD,
    result: Compare_CompareResult.EQUAL,
    key,
    modRevision: BigInt(modRevision),
  });
}

/** Holds for an empty range too: a key that is not there counts as written at 0. */
function notNewer(target: { key: Buffer; rangeEnd: Buffer; revision: number }): Compare {
  return Compare.fromPartial({
    target: Compare_CompareTarget.MOD,
    result: Compare_CompareResult.LESS,
    key: target.key,
    rangeEnd: target.rangeEnd,
    modRevision: BigInt(target.revision + 1),
  });
}

async function guarded(
  client: EtcdClient,
  compare: Compare,
  write: RequestOp,
  key: Buffer,
): Promise<GuardedWrite> {
  const read: RequestOp = { requestRange: RangeRequest.fromPartial({ key }) };
  const reply = await writingTxn(client, {
    compare: [compare],
    success: [write, read],
    failure: [read],
  });
  const revision = reply.header?.revision ?? 0;
  const kv = reply.responses.at(-1)?.responseRange?.kvs[0];
  if (!reply.succeeded) return { done: false, revision, current: kv };
  return { done: true, revision, kv };
}

async function writingTxn(client: EtcdClient, request: TxnRequest): Promise<TxnResponse> {
  try {
    const whole = TxnRequest.fromPartial(request);
    return await client.write(KVDefinition, KVDefinition.methods.txn, whole);
  } catch (error) {
    throw uncertain(error);
  }
}

/** A write that etcd has not refused may have happened: nobody must claim otherwise. */
function uncertain(error: unknown): unknown {
  if (!(error instanceof ClusterError) || isWithoutEffect(error)) return error;
  const { code, message, etcdCode, detail, endpoint } = error;
  return new ClusterError(code, message, { etcdCode, detail, endpoint, mayHaveHappened: true });
}
