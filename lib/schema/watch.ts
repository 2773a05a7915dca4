// GET /api/clusters/[cluster]/watch: server-sent events from an etcd watch. Every message that
// moves the position carries `id: <revision>`: everything up to that revision has been delivered,
// and a reconnect with `Last-Event-ID: <revision>` goes on at the next one. Nothing is ever left
// out silently: what compaction has taken is named by `reset`.
//
//   event: open       OpenEvent      id; before anything else, and once more where the cluster was
//                                    restored: the stream goes on behind `revision`
//   event: change     ChangeEvent    id; one message per revision. A large revision comes in
//                                    parts; only the last one has the id, and a break of
//                                    any kind in between delivers all parts again, from part 0
//   event: progress   ProgressEvent  id; nothing new up to here (about every 10 s when idle)
//   event: reset      ResetEvent     id; a gap: compaction took [from, compactRevision], or a
//                                    restored cluster has other revisions there: then `open`
//                                    comes next, also where none came before
//   event: link       LinkEvent      the way to etcd broke or is back; the stream resumes by itself
//   event: failure    ErrorReply     final; the server closes the stream, do not reconnect at once
//   : heartbeat                      comment, every 15 s

import { Base64, Base64Url, Decimal } from "./bytes.ts";
import { ApiError } from "./errors.ts";
import { KeyValue } from "./keys.ts";
import "./without-eval.ts";
import * as z from "zod";

/** Exactly one of `key`, `prefix` and `start`; prefix "" watches everything. */
export const WatchQuery = z
  .object({
    key: Base64Url.min(1).optional(),
    prefix: Base64Url.optional(),
    /** The range [start, end); start "" is the first key of all. */
    start: Base64Url.optional(),
    /** With `start` alone; default: a zero byte, which is no end. */
    end: Base64Url.optional(),
    /** First revision to deliver; default: the next one. `Last-Event-ID` wins over it. */
    revision: Decimal.optional(),
    /** As the last `open` told them, where everything before the first revision was received. */
    clusterId: Decimal.optional(),
    raftTerm: Decimal.optional(),
    /** Only these; default both. */
    only: z.enum(["put", "delete"]).optional(),
  })
  .refine(
    ({ key, prefix, start }) => [key, prefix, start].filter((it) => it !== undefined).length === 1,
    { message: "give either key, prefix or start" },
  )
  .refine(({ start, end }) => end === undefined || start !== undefined, {
    message: "an end needs a start",
  });
export type WatchQuery = z.infer<typeof WatchQuery>;

/** What tells the history that revisions are of from that of a restore; 0 where etcd does not. */
export const WatchHistory = z.object({ clusterId: Decimal, raftTerm: Decimal });
export type WatchHistory = z.infer<typeof WatchHistory>;

export const OpenEvent = z.object({
  ...WatchHistory.shape,
  /** The first revision that will be delivered. */
  from: Decimal,
  /**
   * The cluster's revision when the watch began, confirmed by a majority where it is before `from`:
   * before what a reader has received, it says that the cluster has gone back.
   */
  revision: Decimal,
});
export type OpenEvent = z.infer<typeof OpenEvent>;

export const WatchEvent = z.object({
  type: z.enum(["put", "delete"]),
  key: Base64,
  /** What a put wrote; null for a delete. */
  kv: KeyValue.nullable(),
  /** What stood there before; null for a creation, or when compaction has taken it. */
  previous: KeyValue.nullable(),
});
export type WatchEvent = z.infer<typeof WatchEvent>;

export const ChangeEvent = z.object({
  revision: Decimal,
  /** ISO time at which the console received it; etcd itself keeps no times. */
  receivedAt: z.string(),
  /** Counted from 0; more than one only for revisions of many events. */
  part: z.number(),
  /** The revision is complete; so it is when a message of a later one comes. */
  isLast: z.boolean(),
  events: z.array(WatchEvent),
});
export type ChangeEvent = z.infer<typeof ChangeEvent>;

export const ProgressEvent = z.object({ revision: Decimal });
export type ProgressEvent = z.infer<typeof ProgressEvent>;

export const ResetEvent = z.object({
  /** The first revision that is missing. */
  from: Decimal,
  /** The last one that may be missing; the stream goes on behind it. */
  compactRevision: Decimal,
});
export type ResetEvent = z.infer<typeof ResetEvent>;

export const LinkEvent = z.object({
  state: z.enum(["lost", "restored"]),
  error: ApiError.nullable(),
  /** The cluster's when the watch went on; null while the way is lost. */
  revision: Decimal.nullable(),
});
export type LinkEvent = z.infer<typeof LinkEvent>;
