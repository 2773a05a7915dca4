// Routes below /api/clusters/[cluster]/keys. Query parameters that hold bytes are base64url.

import { Base64, Base64Url, Decimal, SignedDecimal } from "./bytes.ts";
import { TtlSeconds } from "./leases.ts";
import "./without-eval.ts";
import * as z from "zod";

/** etcd's default limit for one request, key and value and framing together. */
export const REQUEST_BYTES_MAX = 1_572_864;

/** 64 bytes as base64url. */
const SEPARATOR_BASE64_MAX = 86;

/**
 * Null: as of now, or exactly at the revision asked for. Else the cluster has no quorum, and this is
 * the own state of the member with this id, which may be behind.
 */
const OnlyMember = Decimal.nullable();

export const KeyMeta = z.object({
  key: Base64,
  createRevision: Decimal,
  modRevision: Decimal,
  version: Decimal,
  /** Lease id; "0" is none. */
  lease: SignedDecimal,
  /** Length of the value; null where it is not known without reading the value. */
  sizeBytes: z.number().nullable(),
});
export type KeyMeta = z.infer<typeof KeyMeta>;

export const KeyValue = KeyMeta.extend({ value: Base64, sizeBytes: z.number() });
export type KeyValue = z.infer<typeof KeyValue>;

// ── GET keys/children: one level of the tree, one page of it ─────────────────────────────────────

export const ChildrenQuery = z.object({
  /** The folder: with its separator at the end; "" is the root. */
  prefix: Base64Url.default(""),
  /** 1 to 64 bytes, as the server takes them. Default "/". */
  separator: Base64Url.min(1).max(SEPARATOR_BASE64_MAX).default("Lw"),
  /** The revision to look at; the reply of the first page names the one to keep. */
  revision: Decimal.optional(),
  /** `cursor` of the page before. */
  cursor: Base64Url.optional(),
  /** Without a cursor: start at the child that this key is or lies in. */
  from: Base64Url.optional(),
  limit: z.coerce.number().int().min(1).max(2000).default(500),
});
export type ChildrenQuery = z.infer<typeof ChildrenQuery>;

/** A key and a folder of the same name are two children: "a" and "a/". `name` may be empty. */
export const Child = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("folder"),
    /** prefix + name + separator: the `prefix` that opens it. */
    key: Base64,
    name: Base64,
    /** Keys below, at any depth; exact at the revision. */
    count: z.number(),
  }),
  z.object({ kind: z.literal("key"), key: Base64, name: Base64, meta: KeyMeta }),
]);
export type Child = z.infer<typeof Child>;

export const ChildrenReply = z.object({
  /** The revision shown; pass it for the next pages and levels. */
  revision: Decimal,
  onlyMember: OnlyMember,
  /** Keys below the prefix at any depth; exact at the revision. */
  count: z.number(),
  /** In byte order of `key`. */
  children: z.array(Child),
  /** Null on the last page. */
  cursor: Base64Url.nullable(),
});
export type ChildrenReply = z.infer<typeof ChildrenReply>;

// ── GET keys/search: keys that start with a prefix, flat, one page ───────────────────────────────

export const SearchQuery = z.object({
  prefix: Base64Url.default(""),
  revision: Decimal.optional(),
  cursor: Base64Url.optional(),
  limit: z.coerce.number().int().min(1).max(2000).default(500),
});
export type SearchQuery = z.infer<typeof SearchQuery>;

export const SearchReply = z.object({
  revision: Decimal,
  onlyMember: OnlyMember,
  /** All keys with the prefix. */
  count: z.number(),
  keys: z.array(KeyMeta),
  cursor: Base64Url.nullable(),
});
export type SearchReply = z.infer<typeof SearchReply>;

// ── GET keys/summary: what stands below a prefix, at a glance ────────────────────────────────────

export const SummaryQuery = z.object({
  prefix: Base64Url.default(""),
  revision: Decimal.optional(),
});
export type SummaryQuery = z.infer<typeof SummaryQuery>;

export const SummaryReply = z.object({
  revision: Decimal,
  onlyMember: OnlyMember,
  /** All keys with the prefix; exact at the revision. */
  count: z.number(),
  /** How many of them, the first ones, `leased`, `recent` and `oldest` are of. */
  listed: z.number(),
  /** Keys on a lease. */
  leased: z.number(),
  /** A few, the newest first. */
  recent: z.array(KeyMeta),
  oldest: KeyMeta.nullable(),
  /** How many of them, the first ones, `valueBytes` and `largest` are of. */
  weighed: z.number(),
  valueBytes: z.number(),
  /** A few, the largest first. */
  largest: z.array(KeyMeta),
});
export type SummaryReply = z.infer<typeof SummaryReply>;

// ── keys/value ───────────────────────────────────────────────────────────────────────────────────

/** GET keys/value?key=…&revision=…; 404 when the key does not exist there. ETag: "<modRevision>". */
export const ValueQuery = z.object({ key: Base64Url.min(1), revision: Decimal.optional() });
export type ValueQuery = z.infer<typeof ValueQuery>;

export const ValueReply = z.object({
  /** The revision of the answer. */
  revision: Decimal,
  onlyMember: OnlyMember,
  kv: KeyValue,
});
export type ValueReply = z.infer<typeof ValueReply>;

/**
 * PUT keys/value?key=… with `If-Match: "<modRevision>"`. The lease stays unless `lease` names
 * another ("0": none). 200 SaveReply; 412 `modified` with detail { current: KeyValue | null }.
 */
export const SaveRequest = z.object({ value: Base64, lease: SignedDecimal.optional() });
export type SaveRequest = z.infer<typeof SaveRequest>;

/**
 * POST keys/value; 201 SaveReply; 409 `exists` with detail { current: KeyValue }. The key hangs on a
 * lease that is there, or on one of its own that is granted for it and goes with it if it fails.
 */
export const CreateRequest = z
  .object({
    key: Base64.refine((key) => key !== "", "a key has at least one byte"),
    value: Base64,
    lease: SignedDecimal.optional(),
    ttlSeconds: TtlSeconds.optional(),
  })
  .refine(({ lease, ttlSeconds }) => lease === undefined || ttlSeconds === undefined, {
    message: "give either a lease or a time to live",
  });
export type CreateRequest = z.infer<typeof CreateRequest>;

export const SaveReply = z.object({ revision: Decimal, kv: KeyMeta });
export type SaveReply = z.infer<typeof SaveReply>;

/** DELETE keys/value?key=… with `If-Match`; 412 as for a save. */
export const DeleteReply = z.object({ revision: Decimal });
export type DeleteReply = z.infer<typeof DeleteReply>;

// ── delete-prefix ────────────────────────────────────────────────────────────────────────────────

/** GET keys/delete-preview?prefix=… ; "" is the whole key space. */
export const DeletePreviewQuery = z.object({ prefix: Base64Url });
export type DeletePreviewQuery = z.infer<typeof DeletePreviewQuery>;

export const DeletePreviewReply = z.object({
  revision: Decimal,
  /** Exact at the revision. */
  count: z.number(),
  /** The first few in byte order. */
  sample: z.array(KeyMeta),
  /** The range is [start, end); end null: open. */
  start: Base64,
  end: Base64.nullable(),
});
export type DeletePreviewReply = z.infer<typeof DeletePreviewReply>;

/**
 * POST keys/delete-prefix with what the preview showed. 412 `modified` and nothing deleted when
 * the range has changed since. Else 200 and a stream of DeleteProgress, one JSON object per line.
 */
export const DeletePrefixRequest = z.object({
  prefix: Base64,
  revision: Decimal,
  count: z.number().int().min(0),
});
export type DeletePrefixRequest = z.infer<typeof DeletePrefixRequest>;
