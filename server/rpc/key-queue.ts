// Keys under a name as a queue, oldest first: what locks and elections are made of. A key is
// `<name>/<lease in hex>`; whoever's key was created first has the lock, or leads.
import { EtcdError, Status } from "../errors.ts";
import type { KeyValue } from "../proto/gen/kv.ts";
import {
  type Compare,
  Compare_CompareTarget as CompareTarget,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
} from "../proto/gen/rpc.ts";
import type { WatchHub } from "../watch/hub.ts";
import { StatusError } from "./call-errors.ts";
import type { CallContext } from "./dispatch.ts";
import type { LocalClient } from "./local-client.ts";

const SLASH = 0x2f;
/** Of a lease that is granted because the caller has none; etcd's. */
const SESSION_TTL_SECONDS = 60;

/** The queue's keys, as a range. */
export interface QueueRange {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
}

export function queueRange(name: Buffer): QueueRange {
  return {
    key: Buffer.concat([name, Buffer.from([SLASH])]),
    rangeEnd: Buffer.concat([name, Buffer.from([SLASH + 1])]),
  };
}

export function ownKey(queue: QueueRange, lease: bigint): Buffer {
  return Buffer.concat([queue.key, Buffer.from(lease.toString(16))]);
}

/** Of the key that was created first. */
export function firstKey(queue: QueueRange) {
  const { key, rangeEnd } = queue;
  return { key, rangeEnd, sortOrder: SortOrder.ASCEND, sortTarget: SortTarget.CREATE, limit: 1 };
}

/** That the key was created at this revision; 0: that there is none. */
export function createdAt(key: Buffer, revision: number): Compare {
  const createRevision = BigInt(revision);
  return {
    result: 0,
    target: CompareTarget.CREATE,
    key,
    createRevision,
    rangeEnd: Buffer.alloc(0),
  };
}

/** The caller's lease, or one of its own that nobody keeps alive. */
export async function sessionLease(client: LocalClient, lease: bigint): Promise<bigint> {
  return lease === 0n ? client.grant(SESSION_TTL_SECONDS) : lease;
}

/** The caller went away; nobody is left to hear of it. */
export class CallerGoneError extends StatusError {
  constructor() {
    super(Status.CANCELED, "context canceled");
  }
}

/** Waits for a key to be taken back; that this failed must not hide why it was to be. */
export async function withdrawn(withdrawal: Promise<unknown>): Promise<void> {
  try {
    await withdrawal;
  } catch (thrown) {
    if (!(thrown instanceof EtcdError || thrown instanceof StatusError)) throw thrown;
  }
}

/** Resolves when no key of the queue is left that was created at `revision` or before. */
export async function waitForTurn(
  client: LocalClient,
  hub: WatchHub,
  queue: QueueRange,
  revision: number,
  context: CallContext,
): Promise<void> {
  for (;;) {
    const { key, rangeEnd } = queue;
    const { kvs, header } = await client.range({
      key,
      rangeEnd,
      sortOrder: SortOrder.DESCEND,
      sortTarget: SortTarget.CREATE,
      maxCreateRevision: revision,
      limit: 1,
    });
    // Also when it is the caller's turn: a turn that nobody hears of must not be taken.
    if (context.isCanceled) throw new CallerGoneError();
    const [last] = kvs;
    if (last === undefined) return;
    await deletion(hub, last, header?.revision ?? 0, context);
  }
}

function deletion(
  hub: WatchHub,
  { key }: KeyValue,
  fromRevision: number,
  context: CallContext,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = hub.openStream({
    hasRoom: true,
    events: (_watcher, _revision, events) => {
      if (events.some(({ isDelete }) => isDelete)) resolve();
    },
    canceled() {},
    compacted: () => {
      reject(new StatusError(Status.UNKNOWN, new EtcdError("Compacted").message));
    },
    failed: reject,
    progress() {},
  });
  const made = stream.create({
    key,
    rangeEnd: Buffer.alloc(0),
    startRevision: fromRevision,
    id: 0n,
    wantsPrevious: false,
    wantsProgress: false,
    wantsPuts: false,
    wantsDeletes: true,
    takesFragments: false,
  });
  if ("refusal" in made) reject(new StatusError(Status.UNKNOWN, made.refusal));
  context.onCancel = () => reject(new CallerGoneError());
  return promise.finally(() => {
    context.onCancel = undefined;
    stream.close();
  });
}
