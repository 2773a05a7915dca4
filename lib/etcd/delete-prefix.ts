// Deletes exactly what a preview showed, or nothing. etcd cannot compare a count, but it can
// compare every mod revision in a range, and a key that was last written at or before the
// preview's revision was in the preview, with that very value. So no step can ever take a key or
// a value that was not shown; what others have deleted meanwhile is only missing in the sum.
//
// A single DeleteRange over millions of keys would stop the cluster for seconds. The range is cut
// into steps of a few thousand keys, each guarded by itself.

import { prefixEnd } from "../../server/base/bytes.ts";
import { rangeOfPrefix } from "./children.ts";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { deleteRangeIfOlder, inspectRange, type KeyRecord, range } from "./kv.ts";
import { keyAfter } from "./level-walk.ts";

export interface DeletePlan {
  readonly prefix: Buffer;
  /** As previewed. */
  readonly revision: number;
  readonly count: number;
}

export type DeleteStep =
  | { readonly type: "progress"; readonly deleted: number; readonly total: number }
  | {
      readonly type: "done";
      readonly deleted: number;
      readonly alreadyGone: number;
      readonly revision: number;
    };

const STEP_KEYS = 4_000;

export interface DeletePreview {
  readonly revision: number;
  /** Exact at the revision. */
  readonly count: number;
  /** The first ones in byte order. */
  readonly sample: readonly KeyRecord[];
  readonly start: Buffer;
  /** Undefined: open. */
  readonly end: Buffer | undefined;
}

const SAMPLE_KEYS = 20;

export async function previewDelete(
  client: EtcdClient,
  prefix: Buffer,
  signal?: AbortSignal,
): Promise<DeletePreview> {
  const { key, rangeEnd } = rangeOfPrefix(prefix);
  const question = { key, rangeEnd, limit: SAMPLE_KEYS, keysOnly: true };
  const { revision, count, kvs } = await range(client, question, { signal });
  return { revision, count, sample: kvs, start: key, end: prefixEnd(prefix) };
}

/** Throws `modified` when the range is not what the preview showed; nothing is deleted then. */
export async function checkPlan(client: EtcdClient, plan: DeletePlan): Promise<void> {
  const target = { ...rangeOfPrefix(plan.prefix), revision: plan.revision };
  const { isOlder, count } = await inspectRange(client, target);
  if (isOlder && count === plan.count) return;
  const change = isOlder ? `it holds ${count} keys now` : "keys in it were written";
  throw new ClusterError(
    "modified",
    `the range has changed since the preview (${plan.count} keys): ${change}`,
    { detail: { count } },
  );
}

/** To be called behind `checkPlan`. Stops between steps when `signal` aborts. */
export async function* deletePrefix(
  client: EtcdClient,
  plan: DeletePlan,
  signal: AbortSignal,
): AsyncGenerator<DeleteStep> {
  const whole = rangeOfPrefix(plan.prefix);
  let start: Buffer | undefined = whole.key;
  let deleted = 0;
  let revision = plan.revision;
  while (start !== undefined && !signal.aborted) {
    const page = await range(client, {
      key: start,
      rangeEnd: whole.rangeEnd,
      limit: STEP_KEYS,
      keysOnly: true,
    });
    const last = page.more ? page.kvs.at(-1) : undefined;
    const rangeEnd: Buffer = last === undefined ? whole.rangeEnd : keyAfter(last.key);
    const step = { key: start, rangeEnd, revision: plan.revision };
    const outcome = await deleteRangeIfOlder(client, step);
    if (outcome.deleted === undefined) {
      throw new ClusterError("modified", "a key in the range was written while it was deleted");
    }
    deleted += outcome.deleted;
    revision = outcome.revision;
    start = last === undefined ? undefined : rangeEnd;
    yield { type: "progress", deleted, total: plan.count };
  }
  if (start !== undefined) throw new ClusterError("unavailable", "stopped before the end");
  yield { type: "done", deleted, alreadyGone: plan.count - deleted, revision };
}
