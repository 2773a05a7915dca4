// What can go wrong between the console and a cluster, each with a name of its own: the browser
// shows a different page for a refused connection, a broken certificate and a lost quorum.
import { type ServiceError, status } from "@grpc/grpc-js";
import { type ErrorCode, errorCodeOf } from "../../server/errors.ts";
import type { ErrorName } from "../schema/errors.ts";

interface ClusterErrorContext {
  /** The error's name in etcd, when etcd itself said no. */
  readonly etcdCode?: ErrorCode | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
  /** The endpoint that was asked. */
  readonly endpoint?: string | undefined;
  readonly neverSent?: boolean | undefined;
  readonly isUnimplemented?: boolean | undefined;
  readonly mayHaveHappened?: boolean | undefined;
}

/** Expected: its message may be shown to the user. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ErrorName;
  readonly etcdCode: ErrorCode | undefined;
  readonly detail: Readonly<Record<string, unknown>> | undefined;
  readonly endpoint: string | undefined;
  /** True when the request certainly had no effect, so that even a write may go elsewhere. */
  readonly neverSent: boolean;
  /** True when the member does not know the service or the method. */
  readonly isUnimplemented: boolean;
  /** True of a write whose outcome is unknown. */
  readonly mayHaveHappened: boolean;

  constructor(code: ErrorName, message: string, context: ClusterErrorContext = {}) {
    super(message);
    this.code = code;
    this.etcdCode = context.etcdCode;
    this.detail = context.detail;
    this.endpoint = context.endpoint;
    this.neverSent = context.neverSent ?? false;
    this.isUnimplemented = context.isUnimplemented ?? false;
    this.mayHaveHappened = context.mayHaveHappened ?? false;
  }

  /** Next gives pages and routes each a copy of this class; to all of them it is the same error. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "ClusterError";
  }
}

const NAME_OF: Partial<Record<ErrorCode, ErrorName>> = {
  EmptyKey: "bad-request",
  KeyNotFound: "not-found",
  TooManyOps: "bad-request",
  DuplicateKey: "bad-request",
  Compacted: "compacted",
  FutureRev: "future-revision",
  NoSpace: "no-space",
  LeaseNotFound: "not-found",
  LeaseExist: "exists",
  MemberNotFound: "not-found",
  MemberExist: "exists",
  RequestTooLarge: "too-large",
  TooManyRequests: "unavailable",
  UserEmpty: "etcd-unauthenticated",
  AuthFailed: "etcd-unauthenticated",
  NoPasswordUser: "etcd-unauthenticated",
  InvalidAuthToken: "etcd-unauthenticated",
  AuthOldRevision: "unavailable",
  PermissionDenied: "etcd-permission-denied",
  NoLeader: "no-leader",
  LeaderChanged: "no-leader",
  Timeout: "timeout",
  TimeoutDueToLeaderFail: "timeout",
  TimeoutDueToConnectionLost: "timeout",
  TimeoutWaitAppliedIndex: "timeout",
  DeadlineExceeded: "timeout",
  UnsentInTime: "timeout",
  Corrupt: "corrupt",
  Stopped: "unavailable",
  NotCapable: "unavailable",
  NotSupportedForLearner: "unavailable",
  Unhealthy: "unavailable",
};

/** gRPC says so when it had no connection to send the call on. */
const NEVER_SENT = /^No connection established|^Name resolution failed|Waiting for LB pick/;
/** etcd says these before it proposes anything, given that every request asks for a leader. */
const REFUSED_AT_ONCE: ReadonlySet<ErrorCode> = new Set(["NoLeader", "NotSupportedForLearner"]);

/** With these etcd refuses, before it proposes a write or in place of applying it. */
const REFUSALS: ReadonlySet<ErrorName> = new Set([
  "bad-request",
  "compacted",
  "corrupt",
  "etcd-permission-denied",
  "etcd-unauthenticated",
  "exists",
  "future-revision",
  "not-found",
  "too-large",
]);
/** Refusals too, under names that other errors share. */
const REFUSED_BY_NAME: ReadonlySet<ErrorCode> = new Set([
  "AuthNotEnabled",
  "AuthOldRevision",
  "LeaseProvided",
  "NotCapable",
  "RoleNotFound",
  "TooManyRequests",
  "UserNotFound",
  "ValueProvided",
]);

/**
 * True of a write that certainly had no effect. A full database is no such refusal: etcd says the
 * same of a write that was refused and of the one that it has applied and that took the last room.
 */
export function isWithoutEffect(error: ClusterError): boolean {
  if (error.neverSent || error.isUnimplemented || REFUSALS.has(error.code)) return true;
  return error.etcdCode !== undefined && REFUSED_BY_NAME.has(error.etcdCode);
}

/** The error of a finished gRPC call, read backwards through etcd's texts. */
export function fromStatus(
  error: Pick<ServiceError, "code" | "details">,
  endpoint: string,
): ClusterError {
  const text = error.details;
  const etcdCode = errorCodeOf(text);
  if (etcdCode !== undefined) {
    const neverSent = REFUSED_AT_ONCE.has(etcdCode);
    return new ClusterError(NAME_OF[etcdCode] ?? "conflict", text, {
      etcdCode,
      endpoint,
      neverSent,
    });
  }
  const isUnimplemented = error.code === status.UNIMPLEMENTED && /unknown/.test(text);
  const context = { endpoint, neverSent: NEVER_SENT.test(text), isUnimplemented };
  switch (error.code) {
    case status.DEADLINE_EXCEEDED:
      return new ClusterError("timeout", `${endpoint} did not answer in time`, context);
    case status.CANCELLED:
      return new ClusterError("unavailable", "the request was cancelled", context);
    case status.UNAVAILABLE:
      return connectionError(text, context);
    case status.RESOURCE_EXHAUSTED:
      return /larger than max/.test(text)
        ? new ClusterError("too-large", "etcd refuses a message of this size", context)
        : new ClusterError("unavailable", text, context);
    case status.UNIMPLEMENTED:
    case status.INTERNAL:
    case status.UNKNOWN:
      if (isForeignAnswer(text)) return notEtcd(context);
      return new ClusterError("unavailable", text, context);
    case status.INVALID_ARGUMENT:
      return new ClusterError("bad-request", text, context);
    default:
      return new ClusterError("unavailable", text, context);
  }
}

function isForeignAnswer(text: string): boolean {
  return /HTTP status code|unknown (service|method)|Protocol error|without gRPC status|not implement/i.test(
    text,
  );
}

interface ConnectionContext extends ClusterErrorContext {
  readonly endpoint: string;
}

function notEtcd(context: ConnectionContext): ClusterError {
  const message = `${context.endpoint} answers, but it is not etcd`;
  return new ClusterError("not-etcd", message, context);
}

const TLS_CAUSES: readonly (readonly [RegExp, string])[] = [
  [/self.signed certificate/i, "its certificate is signed by an authority that is not trusted"],
  [/unable to (verify|get)|issuer/i, "its certificate is signed by an unknown authority"],
  [/certificate has expired/i, "its certificate has expired"],
  [/not yet valid/i, "its certificate is not valid yet"],
  [/does not match certificate/i, "its certificate is for another host name"],
  [
    /certificate required|bad certificate|unknown ca|handshake failure/i,
    "it refuses our certificate",
  ],
  [/before secure TLS|wrong version number|packet length too long/i, "it does not speak TLS"],
  [/SSL|TLS|certificate/i, "the TLS handshake failed"],
];

const BROKEN: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no route to it",
  ETIMEDOUT: "it does not answer",
  ECONNRESET: "the connection was lost",
  EPIPE: "the connection was lost",
};

/** `text` is gRPC's account of why there is no connection. */
function connectionError(text: string, context: ConnectionContext): ClusterError {
  if (isForeignAnswer(text)) return notEtcd(context);
  if (/Name resolution failed|ENOTFOUND|EAI_AGAIN/i.test(text)) {
    const message = `the host name of ${context.endpoint} does not resolve`;
    return new ClusterError("dns", message, context);
  }
  const broken = Object.keys(BROKEN).find((name) => text.includes(name));
  const cause = TLS_CAUSES.find(([pattern]) => pattern.test(text))?.[1];
  if (broken === undefined && cause !== undefined) {
    const message = `no secure connection to ${context.endpoint}: ${cause}`;
    return new ClusterError("tls", message, context);
  }
  const why = BROKEN[broken ?? "ECONNRESET"];
  return new ClusterError("unreachable", `no connection to ${context.endpoint}: ${why}`, context);
}
