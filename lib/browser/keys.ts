import { queryOptions } from "@tanstack/react-query";
import { encodeBase64, encodeBase64Url } from "../schema/bytes.ts";
import {
  ChildrenReply,
  DeletePreviewReply,
  DeleteReply,
  KeyValue,
  SaveReply,
  SearchReply,
  SummaryReply,
  ValueReply,
} from "../schema/keys.ts";
import { LeaseReply } from "../schema/leases.ts";
import { clusterPath } from "./clusters.ts";
import { compareDecimal } from "./decimal.ts";
import type { LeaseChoice } from "./lease-choice.ts";
import { MANY_READS_MS_MAX, RequestError, request } from "./request.ts";

export interface ChildrenPage {
  readonly prefix: Uint8Array;
  readonly separator: Uint8Array;
  readonly revision: string | undefined;
  /** Where the page before ended. */
  readonly cursor: string | undefined;
  /** Without a cursor: start at the child that this key is or lies in. */
  readonly from?: Uint8Array | undefined;
  readonly limit: number;
}

export function fetchChildren(cluster: string, page: ChildrenPage): Promise<ChildrenReply> {
  return request(ChildrenReply, clusterPath(cluster, "keys/children"), {
    query: {
      prefix: encodeBase64Url(page.prefix),
      separator: encodeBase64Url(page.separator),
      revision: page.revision,
      cursor: page.cursor,
      from: page.from === undefined ? undefined : encodeBase64Url(page.from),
      limit: page.limit,
    },
    limitMs: MANY_READS_MS_MAX,
  });
}

export interface SearchPage {
  readonly prefix: Uint8Array;
  readonly revision?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export function searchKeys(cluster: string, page: SearchPage, signal?: AbortSignal) {
  return request(SearchReply, clusterPath(cluster, "keys/search"), {
    query: {
      prefix: encodeBase64Url(page.prefix),
      revision: page.revision,
      cursor: page.cursor,
      limit: page.limit,
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The first keys with a prefix; a null prefix asks nothing. */
export function searchKeysQuery(cluster: string, prefix: Uint8Array | null, limit: number) {
  const isAsked = prefix !== null && prefix.length > 0;
  return queryOptions({
    queryKey: ["search", cluster, isAsked ? encodeBase64(prefix) : null, limit],
    queryFn: ({ signal }) =>
      searchKeys(cluster, { prefix: prefix ?? new Uint8Array(0), limit }, signal),
    enabled: isAsked,
    staleTime: 5_000,
  });
}

/** What stands below a prefix; while another revision is awaited, the last that was known of it. */
export function summaryQuery(cluster: string, prefix: Uint8Array, revision: string | undefined) {
  const about = ["summary", cluster, encodeBase64(prefix)] as const;
  return queryOptions({
    queryKey: [...about, revision ?? "now"],
    queryFn: ({ signal }) =>
      request(SummaryReply, clusterPath(cluster, "keys/summary"), {
        query: { prefix: encodeBase64Url(prefix), revision },
        signal,
        limitMs: MANY_READS_MS_MAX,
      }),
    placeholderData: (last, query) =>
      about.every((part, at) => query?.queryKey[at] === part) ? last : undefined,
    gcTime: 30_000,
  });
}

/** A key as of a revision; `kv` is null when it does not exist there. */
export interface KeySnapshot {
  /** Null when the reply did not name one. */
  readonly revision: string | null;
  /** Set without quorum: the id of the one member that was asked. */
  readonly onlyMember: string | null;
  readonly kv: KeyValue | null;
}

/** `key` in base64; `revision` undefined is the present. */
export function keyQueryKey(cluster: string, key: string, revision: string | undefined) {
  return ["key", cluster, key, revision ?? "now"] as const;
}

export function keyQuery(cluster: string, key: Uint8Array, revision: string | undefined) {
  return queryOptions({
    queryKey: keyQueryKey(cluster, encodeBase64(key), revision),
    queryFn: async ({ client, queryKey, signal }) => {
      const before = client.getQueryData<KeySnapshot>(queryKey);
      const read = await fetchKey(cluster, key, revision, signal);
      // A watch may have brought a later change while this was read. What was known before gives way:
      // a cluster that was restored stands at an earlier revision.
      const known = client.getQueryData<KeySnapshot>(queryKey);
      return known !== undefined && known !== before && isKept(known, read) ? known : read;
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  });
}

/** What one member alone knew gives way to any read. */
function isKept(known: KeySnapshot, read: KeySnapshot): boolean {
  if (known.onlyMember !== null || known.revision === null || read.revision === null) return false;
  return compareDecimal(known.revision, read.revision) > 0;
}

async function fetchKey(
  cluster: string,
  key: Uint8Array,
  revision?: string,
  signal?: AbortSignal,
): Promise<KeySnapshot> {
  try {
    return await request(ValueReply, clusterPath(cluster, "keys/value"), {
      query: { key: encodeBase64Url(key), revision },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof RequestError && error.code === "not-found") {
      const { revision: at, onlyMember } = error.detail;
      return { revision: textOr(at), onlyMember: textOr(onlyMember), kv: null };
    }
    throw error;
  }
}

function textOr(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Saves if the key still stands at `modRevision`; the lease stays. */
export function saveKey(cluster: string, key: Uint8Array, value: Uint8Array, modRevision: string) {
  return request(SaveReply, clusterPath(cluster, "keys/value"), {
    method: "PUT",
    query: { key: encodeBase64Url(key) },
    headers: { "if-match": `"${modRevision}"` },
    body: { value: encodeBase64(value) },
  });
}

/** Creates if the key does not exist, without a lease unless one is named. */
export function createKey(
  cluster: string,
  key: Uint8Array,
  value: Uint8Array,
  lease: LeaseChoice = { kind: "none" },
) {
  return request(SaveReply, clusterPath(cluster, "keys/value"), {
    method: "POST",
    body: {
      key: encodeBase64(key),
      value: encodeBase64(value),
      ...(lease.kind === "existing" ? { lease: lease.id } : {}),
      ...(lease.kind === "new" ? { ttlSeconds: lease.ttlSeconds } : {}),
    },
  });
}

export function deleteKey(cluster: string, key: Uint8Array, modRevision: string) {
  return request(DeleteReply, clusterPath(cluster, "keys/value"), {
    method: "DELETE",
    query: { key: encodeBase64Url(key) },
    headers: { "if-match": `"${modRevision}"` },
  });
}

/** What stands there instead, when a save or delete was refused for it; undefined otherwise. */
export function conflictOf(error: unknown): { readonly current: KeyValue | null } | undefined {
  if (!(error instanceof RequestError)) return undefined;
  if (error.code !== "modified" && error.code !== "exists") return undefined;
  const parsed = KeyValue.nullable().safeParse(error.detail["current"] ?? null);
  return parsed.success ? { current: parsed.data } : undefined;
}

export function deletePreview(cluster: string, prefix: Uint8Array, signal?: AbortSignal) {
  return request(DeletePreviewReply, clusterPath(cluster, "keys/delete-preview"), {
    query: { prefix: encodeBase64Url(prefix) },
    ...(signal === undefined ? {} : { signal }),
  });
}

export function leaseQuery(cluster: string, lease: string) {
  return queryOptions({
    queryKey: ["lease", cluster, lease],
    queryFn: ({ signal }) =>
      request(LeaseReply, clusterPath(cluster, `leases/${encodeURIComponent(lease)}`), { signal }),
    refetchInterval: 10_000,
    retry: false,
  });
}
