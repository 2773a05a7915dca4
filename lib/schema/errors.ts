// Every reply that is no success is `{ error }` with one of these codes; the HTTP status follows
// from the code. The message is a sentence for people, in the console's words or etcd's.
import "./without-eval.ts";
import * as z from "zod";

export const HTTP_STATUS = {
  /** The request itself is malformed; the message names what. */
  "bad-request": 400,
  /** The cluster has not reached the revision asked for; after a restore, not any more. */
  "future-revision": 400,
  /** No session, or it has ended. */
  unauthenticated: 401,
  /** The console refuses: foreign origin, or the user may not. */
  forbidden: 403,
  /** etcd refuses: the console's etcd user lacks the permission. */
  "etcd-permission-denied": 403,
  /** etcd wants credentials, or the ones given are wrong or expired. */
  "etcd-unauthenticated": 403,
  "not-found": 404,
  "method-not-allowed": 405,
  /** Create: the key exists. `detail.current` is a KeyValue. */
  exists: 409,
  /** Another conflict with the state of the cluster, in etcd's words. */
  conflict: 409,
  /** The revision asked for has been compacted. */
  compacted: 410,
  /** Save or delete: changed since it was read. `detail.current` is a KeyValue, or null: gone. */
  modified: 412,
  /** `detail` is { sizeBytes, limitBytes }. */
  "too-large": 413,
  /** `Retry-After` and `detail.retryAfterSeconds` say how long to wait. */
  "too-many-requests": 429,
  /** The console's own fault; `requestId` is in its log. */
  internal: 500,
  /** The endpoint answers, but not as etcd does. */
  "not-etcd": 502,
  /** TLS: certificate, name or handshake; the message says which. */
  tls: 502,
  /** A host name that does not resolve. */
  dns: 502,
  /** Nothing listens there, or the connection was lost. */
  unreachable: 503,
  /** The member answers, but there is no leader: quorum is lost, or an election runs. */
  "no-leader": 503,
  /** etcd is overloaded or stopping. */
  unavailable: 503,
  /** A CORRUPT alarm stands. */
  corrupt: 503,
  /** No answer within the deadline. */
  timeout: 504,
  /** The database quota is used up; a NOSPACE alarm stands. */
  "no-space": 507,
} as const;

export type ErrorName = keyof typeof HTTP_STATUS;
export const ErrorName = z.enum(Object.keys(HTTP_STATUS) as [ErrorName, ...ErrorName[]]);

export const ApiError = z.object({
  code: ErrorName,
  message: z.string(),
  detail: z.record(z.string(), z.unknown()).optional(),
  requestId: z.string().optional(),
  /** Of a request with an effect: nobody knows whether it took place. Left out where it did not. */
  mayHaveHappened: z.literal(true).optional(),
});
export type ApiError = z.infer<typeof ApiError>;

export const ErrorReply = z.object({ error: ApiError });
export type ErrorReply = z.infer<typeof ErrorReply>;
