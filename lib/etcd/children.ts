// What stands directly below a prefix: asked of the cluster itself where it knows the question
// (the Tree service), else found out by Range alone.
import { compareBytes, EMPTY_BYTES, prefixEnd } from "../../server/base/bytes.ts";
import {
  ChildrenRequest,
  type ChildrenResponse,
  TreeDefinition,
} from "../../server/proto/gen/children.ts";
import type { KeyValue } from "../../server/proto/gen/kv.ts";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { OPEN_END, range } from "./kv.ts";
import { type KeySource, keyAfter, type LevelChild, walkLevel } from "./level-walk.ts";

export interface ChildrenQuery {
  readonly prefix: Buffer;
  readonly separator: Buffer;
  /** Undefined: the current one. */
  readonly revision?: number | undefined;
  /** `next` of the page before. */
  readonly after?: PagePosition | undefined;
  /** Starts at the child that this key is or lies in; not with `after`. */
  readonly from?: Buffer | undefined;
  readonly limit: number;
  /** Answered from one member's own state, which may be behind. */
  readonly serializable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a level goes on. */
export interface PagePosition {
  /** The last child of the page. */
  readonly child: Buffer;
  /** Keys below the prefix: counting them again would cost as much as the page. */
  readonly count: number;
  /** How many keys to ask for at first; 0: no advice. */
  readonly pageKeys: number;
}

export type KeyChild = {
  readonly kind: "key";
  readonly key: Buffer;
  readonly record: KeyValue;
  /** Undefined where it is not known without reading the value. */
  readonly sizeBytes: number | undefined;
};
export type FolderChild = { readonly kind: "folder"; readonly key: Buffer; readonly count: number };

export interface ChildrenPage {
  readonly revision: number;
  /** The member that answered. */
  readonly memberId: bigint;
  /** Keys below the prefix, at any depth. */
  readonly count: number;
  readonly children: readonly (KeyChild | FolderChild)[];
  /** `after` for the next page; undefined on the last one. */
  readonly next: PagePosition | undefined;
}

/** A page is handed out after so much time, even if it could hold more … */
const PAGE_MS = 400;
/** … or after so many times what its first question took, where the cluster is slow. */
const PAGE_QUESTIONS = 4;
const withoutTree = new WeakSet<EtcdClient>();

export async function children(client: EtcdClient, query: ChildrenQuery): Promise<ChildrenPage> {
  if (withoutTree.has(client)) return childrenByRange(client, query);
  try {
    return await childrenByTree(client, query);
  } catch (error) {
    if (!(error instanceof ClusterError) || !error.isUnimplemented) throw error;
    withoutTree.add(client);
    return childrenByRange(client, query);
  }
}

async function childrenByTree(client: EtcdClient, query: ChildrenQuery): Promise<ChildrenPage> {
  const { prefix, separator, revision, after, from, limit, serializable, signal } = query;
  const request = ChildrenRequest.fromPartial({
    prefix,
    separator,
    revision: revision ?? 0,
    limit,
    after: after?.child ?? EMPTY_BYTES,
    from: from ?? EMPTY_BYTES,
    serializable: serializable ?? false,
  });
  const { children: method } = TreeDefinition.methods;
  const reply: ChildrenResponse = await client.read(TreeDefinition, method, request, {
    signal,
    leaderless: serializable,
    mayBeUnimplemented: true,
  });
  return {
    revision: reply.revision,
    memberId: reply.header?.memberId ?? 0n,
    count: reply.count,
    children: reply.children.map((child): KeyChild | FolderChild => {
      const { key, folder, count, kv, valueSize } = child;
      if (folder) return { kind: "folder", key, count };
      if (kv === undefined) throw new ClusterError("not-etcd", "the reply lacks a key");
      return { kind: "key", key, record: kv, sizeBytes: valueSize };
    }),
    next: positionBehind(reply.more ? reply.children.at(-1)?.key : undefined, reply.count, 0),
  };
}

async function childrenByRange(client: EtcdClient, query: ChildrenQuery): Promise<ChildrenPage> {
  const { prefix, separator, after, limit, serializable, signal } = query;
  let pinned = query.revision;
  let memberId = 0n;
  const startedAt = performance.now();
  let lateAt = Number.POSITIVE_INFINITY;
  const source: KeySource = {
    async page(key, end, keysMax) {
      const rangeEnd = end ?? OPEN_END;
      const question = { key, rangeEnd, limit: keysMax, keysOnly: true, revision: pinned };
      const reply = await range(client, { ...question, serializable }, { signal });
      memberId = reply.header?.memberId ?? 0n;
      pinned ??= reply.revision;
      const now = performance.now();
      const budgetMs = Math.max(PAGE_MS, PAGE_QUESTIONS * (now - startedAt));
      lateAt = Math.min(lateAt, startedAt + budgetMs);
      return { records: reply.kvs, count: reply.count };
    },
  };
  const start = startOf(query);
  if (start === null) {
    return { revision: pinned ?? 0, memberId, count: 0, children: [], next: undefined };
  }
  const level = await walkLevel(source, {
    prefix,
    separator,
    start,
    childrenMax: limit,
    pageKeys: after?.pageKeys || undefined,
    isLate: () => performance.now() >= lateAt,
  });
  const count = after?.count ?? (await countOf(source, query, level.count));
  const last = level.resume === undefined ? undefined : level.children.at(-1)?.key;
  return {
    revision: pinned ?? 0,
    memberId,
    count,
    children: level.children.map(fromLevel),
    next: positionBehind(last, count, level.pageKeys),
  };
}

function positionBehind(
  child: Buffer | undefined,
  count: number,
  pageKeys: number,
): PagePosition | undefined {
  return child === undefined ? undefined : { child, count, pageKeys };
}

function fromLevel(child: LevelChild): KeyChild | FolderChild {
  return child.kind === "folder" ? child : { ...child, sizeBytes: undefined };
}

/** The range of all keys that start with these bytes, as etcd wants it. */
export function rangeOfPrefix(prefix: Buffer): { key: Buffer; rangeEnd: Buffer } {
  const key = prefix.length === 0 ? OPEN_END : prefix;
  return { key, rangeEnd: prefixEnd(prefix) ?? OPEN_END };
}

/** Where the walk begins; undefined: at the first child; null: nothing is left. */
function startOf({ prefix, separator, after, from }: ChildrenQuery): Buffer | null | undefined {
  if (after !== undefined) return behindChild(after.child, prefix, separator);
  if (from === undefined) return undefined;
  const nameEnd = from.indexOf(separator, prefix.length);
  const child = nameEnd < 0 ? from : from.subarray(0, nameEnd + separator.length);
  const { key } = rangeOfPrefix(prefix);
  return compareBytes(child, key) < 0 ? key : child;
}

/** Keys below the prefix: a walk from further on has counted its own part alone. */
async function countOf(source: KeySource, query: ChildrenQuery, walked: number): Promise<number> {
  if (query.from === undefined) return walked;
  const { key } = rangeOfPrefix(query.prefix);
  return (await source.page(key, prefixEnd(query.prefix), 1)).count;
}

/** Where the level goes on behind a child; null: nowhere. */
function behindChild(child: Buffer, prefix: Buffer, separator: Buffer): Buffer | null {
  const isFolder = child.indexOf(separator, prefix.length) >= 0;
  return isFolder ? (prefixEnd(child) ?? null) : keyAfter(child);
}
