import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { type ErrorCode, EtcdError } from "../../server/errors.ts";
import { HTTP_STATUS } from "../schema/errors.ts";
import { ClusterError, fromStatus, isWithoutEffect } from "./cluster-error.ts";
import { parseEndpoint } from "./endpoint.ts";

const AT = "http://10.0.0.1:2379";
const of = (code: number, details: string): ClusterError => fromStatus({ code, details }, AT);

test("etcd's own refusals keep etcd's words, and get a name", () => {
  const named = [
    ["NoLeader", "no-leader"],
    ["Compacted", "compacted"],
    ["PermissionDenied", "etcd-permission-denied"],
    ["AuthFailed", "etcd-unauthenticated"],
    ["NoSpace", "no-space"],
    ["Corrupt", "corrupt"],
    ["RequestTooLarge", "too-large"],
    ["Timeout", "timeout"],
    ["LeaseNotFound", "not-found"],
    ["MemberNotEnoughStarted", "conflict"],
  ] as const;
  for (const [etcdCode, code] of named) {
    const told = new EtcdError(etcdCode);
    const error = of(told.status, told.message);
    expect(error).toMatchObject({ code, etcdCode, message: told.message, endpoint: AT });
    expect(HTTP_STATUS[error.code]).toBeGreaterThanOrEqual(400);
  }
});

test("what gRPC says of a connection is told apart", () => {
  const before = "No connection established. Last error: ";
  const connections: [string, string][] = [
    [`${before}Error: connect ECONNREFUSED 10.0.0.1:2379. Resolution note: `, "unreachable"],
    [`${before}Failed to connect (2026). Resolution note: `, "unreachable"],
    ["Name resolution failed for target dns:x:2379", "dns"],
    [`${before}Error: self-signed certificate in certificate chain. `, "tls"],
    [`${before}Error: certificate has expired. `, "tls"],
    [`${before}Error: Hostname/IP does not match certificate's altnames: x`, "tls"],
    [`${before}Error: Client network socket disconnected before secure TLS connection`, "tls"],
    [`${before}Protocol error (2026). Resolution note: `, "not-etcd"],
  ];
  for (const [details, code] of connections) {
    const error = of(status.UNAVAILABLE, details);
    expect(error.code, details).toBe(code);
    expect(error.neverSent, details).toBe(true);
    expect(error.message).toContain(AT);
  }
  expect(of(status.UNIMPLEMENTED, "Received HTTP status code 404").code).toBe("not-etcd");
  expect(of(status.INTERNAL, "Received RST_STREAM (Call ended without gRPC status)").code).toBe(
    "not-etcd",
  );
});

test("a write is free to go elsewhere only when it certainly had no effect", () => {
  expect(of(status.UNAVAILABLE, "read ECONNRESET").neverSent).toBe(false);
  expect(of(status.UNAVAILABLE, "Connection dropped").neverSent).toBe(false);
  expect(of(status.DEADLINE_EXCEEDED, "Deadline exceeded after 3s,Waiting for LB pick")).toEqual(
    expect.objectContaining({ code: "timeout", neverSent: true }),
  );
  expect(of(status.DEADLINE_EXCEEDED, "Deadline exceeded after 3s,remote_addr=x").neverSent).toBe(
    false,
  );
  expect(of(status.UNAVAILABLE, "etcdserver: no leader").neverSent).toBe(true);
  expect(of(status.UNAVAILABLE, "etcdserver: request timed out").neverSent).toBe(false);
  expect(of(status.UNAVAILABLE, "etcdserver: leader changed").neverSent).toBe(false);
});

test("only a refusal says that a write had no effect", () => {
  const refused = [
    "AuthOldRevision",
    "Corrupt",
    "EmptyKey",
    "InvalidAuthToken",
    "KeyNotFound",
    "LeaseNotFound",
    "LeaseProvided",
    "NoLeader",
    "NotCapable",
    "NotSupportedForLearner",
    "PermissionDenied",
    "RequestTooLarge",
    "TooManyRequests",
  ] as const;
  const open = [
    "Canceled",
    "DeadlineExceeded",
    "LeaderChanged",
    "NoSpace",
    "Stopped",
    "Timeout",
    "TimeoutDueToConnectionLost",
    "TimeoutDueToLeaderFail",
    "TimeoutWaitAppliedIndex",
    "UnsentInTime",
  ] as const;
  const isNothing = (etcdCode: ErrorCode) => {
    const told = new EtcdError(etcdCode);
    return isWithoutEffect(of(told.status, told.message));
  };
  expect(refused.filter((etcdCode) => !isNothing(etcdCode))).toEqual([]);
  expect(open.filter(isNothing)).toEqual([]);
});

test("what gRPC says of a call leaves open whether a write had an effect, unless it was not sent", () => {
  const isNothing = (code: number, details: string) => isWithoutEffect(of(code, details));
  expect(isNothing(status.INTERNAL, "Received RST_STREAM with code 2")).toBe(false);
  expect(isNothing(status.INTERNAL, "Received RST_STREAM (Call ended without gRPC status)")).toBe(
    false,
  );
  expect(isNothing(status.UNAVAILABLE, "Received HTTP status code 502")).toBe(false);
  expect(isNothing(status.UNAVAILABLE, "read ECONNRESET")).toBe(false);
  expect(isNothing(status.CANCELLED, "Cancelled on client")).toBe(false);
  expect(isNothing(status.UNAVAILABLE, "No connection established. Last error: x")).toBe(true);
  expect(isNothing(status.UNIMPLEMENTED, "unknown service etcdserverpb.KV")).toBe(true);
  expect(
    isNothing(status.RESOURCE_EXHAUSTED, "grpc: received message larger than max (2 vs. 1)"),
  ).toBe(true);
});

test("a missing method is told from a server that is no etcd", () => {
  expect(of(status.UNIMPLEMENTED, "unknown service quorate.v1.Tree").isUnimplemented).toBe(true);
  expect(of(status.UNIMPLEMENTED, "Received HTTP status code 404").isUnimplemented).toBe(false);
});

test("an endpoint is a host and a port, with or without a scheme", () => {
  expect(parseEndpoint("10.0.0.1:2379")).toMatchObject({ url: AT, tls: false });
  expect(parseEndpoint("https://etcd.test:2379/")).toEqual({
    url: "https://etcd.test:2379",
    target: "dns:etcd.test:2379",
    tls: true,
  });
  expect(parseEndpoint("http://[::1]:2379").target).toBe("dns:[::1]:2379");
  for (const wrong of [
    "",
    "http://",
    "unix:///x",
    "file:///etc",
    "http://u@h:1",
    "http://h:1/p?q",
  ]) {
    expect(() => parseEndpoint(wrong), wrong).toThrow(ClusterError);
  }
});
