import { EtcdError } from "../errors.ts";
import { LockDefinition, type LockRequest, type LockResponse } from "../proto/gen/lock.ts";
import { type RangeResponse, RequestOp } from "../proto/gen/rpc.ts";
import type { WatchHub } from "../watch/hub.ts";
import type { CallContext, Dispatcher } from "./dispatch.ts";
import {
  CallerGoneError,
  createdAt,
  firstKey,
  ownKey,
  queueRange,
  sessionLease,
  waitForTurn,
  withdrawn,
} from "./key-queue.ts";
import { LocalClient, LocalServices } from "./local-client.ts";

export interface LockServiceOptions {
  readonly hub: WatchHub;
}

/** Locks on names, held by keys that live as long as their owners' leases. */
export function registerLock(dispatcher: Dispatcher, { hub }: LockServiceOptions): void {
  const services = new LocalServices(dispatcher);
  dispatcher.unary(LockDefinition, "lock", (request, context) => {
    return lock(new LocalClient(services, context), hub, request, context);
  });
  dispatcher.unary(LockDefinition, "unlock", async ({ key }, context) => {
    const { header } = await new LocalClient(services, context).deleteKey(key);
    return { header };
  });
}

async function lock(
  client: LocalClient,
  hub: WatchHub,
  request: LockRequest,
  context: CallContext,
): Promise<LockResponse> {
  const lease = await sessionLease(client, request.lease);
  const queue = queueRange(request.name);
  const key = ownKey(queue, lease);
  const requestRange = firstKey(queue);
  const { header, succeeded, responses } = await client.txn({
    compare: [createdAt(key, 0)],
    success: ops({ requestPut: { key, lease } }, { requestRange }),
    failure: ops({ requestRange: { key } }, { requestRange }),
  });
  const own = succeeded ? header?.revision : responses[0]?.responseRange?.kvs[0]?.createRevision;
  const revision = own ?? 0;
  const owner = responses[1]?.responseRange?.kvs[0];
  if (owner === undefined || owner.createRevision === revision) {
    // What the lease held before is not this call's to give up.
    if (!succeeded || !context.isCanceled) return { header, key };
    await withdrawn(client.deleteKey(key));
    throw new CallerGoneError();
  }
  let kept: RangeResponse;
  try {
    await waitForTurn(client, hub, queue, revision - 1, context);
    kept = await client.range({ key });
    if (context.isCanceled) throw new CallerGoneError();
  } catch (thrown) {
    // Who does not wait any longer must not be waited for.
    await withdrawn(client.deleteKey(key));
    throw thrown;
  }
  if (kept.kvs.length === 0) throw new EtcdError("SessionExpired");
  return { header: kept.header, key };
}

function ops(...each: readonly Parameters<typeof RequestOp.fromPartial>[0][]): RequestOp[] {
  return each.map((op) => RequestOp.fromPartial(op));
}
