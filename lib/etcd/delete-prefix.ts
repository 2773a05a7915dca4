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
import { deleteRangeIfOlder, type KeyRecord, range } from "./kv.ts";
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

/**
 * Throws `modified` when the range is not what the preview showed; nothing is deleted then. Goes
 * through the keys page by page, all at the revision of the first page: one compare over the whole
 * range would make a member read every value in it at once. A page is as large as a step, because
 * etcd reads the values even of an answer without them.
 */
export async function checkPlan(
  client: EtcdClient,
  plan: DeletePlan,
  signal?: AbortSignal,
): Promise<void> {
  const { key, rangeEnd } = rangeOfPrefix(plan.prefix);
  let start: Buffer | undefined = key;
  let pinned: { readonly revision: number; readonly count: number } | undefined;
  while (start !== undefined) {
    const { revision } = pinned ?? {};
    const question = { key: start, rangeEnd, revision, limit: STEP_KEYS, keysOnly: true };
    const page: Awaited<ReturnType<typeof range>> = await range(client, question, { signal });
    // The count is of everything from the page's start on: only the first page tells the whole.
    pinned ??= { revision: page.revision, count: page.count };
    const { count } = pinned;
    if (page.kvs.some(({ modRevision }) => modRevision > plan.revision)) {
      throw changedSince(plan, count, "keys in it were written");
    }
    if (count !== plan.count) throw changedSince(plan, count, `it holds ${count} keys now`);
    const last = page.more ? page.kvs.at(-1) : undefined;
    start = last === undefined ? undefined : keyAfter(last.key);
  }
}

function changedSince(plan: DeletePlan, count: number, change: string): ClusterError {
  return new ClusterError(
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
    const question = { key: start, rangeEnd: whole.rangeEnd, limit: STEP_KEYS, keysOnly: true };
    const page = await range(client, question, { signal });
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
