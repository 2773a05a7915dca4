import { expect, test } from "vitest";
import { AssertionError, assert } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import { EtcdError, Status } from "../errors.ts";
import type { GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import { Metadata } from "../http2/metadata.ts";
import { GrpcMetrics } from "../metrics/grpc-metrics.ts";
import { KVDefinition, PutRequest, RangeRequest, WatchDefinition } from "../proto/gen/rpc.ts";
import { CallGuards, type ServingState } from "./call-guards.ts";
import { Dispatcher } from "./dispatch.ts";
import { HealthReporter } from "./health.ts";
import { LeaderStreams } from "./leader-streams.ts";

class FakeCall implements GrpcCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly remote = "127.0.0.1:1";
  readonly peerCertificateName = undefined;
  readonly deadlineMs = undefined;
  readonly backlogBytes = 0;
  onDrain: (() => void) | undefined = undefined;
  readonly sent: Buffer[] = [];
  readonly ended: [Status, string][] = [];

  constructor(path: string, metadata: readonly string[] = []) {
    this.path = path;
    this.metadata = new Metadata(metadata);
  }

  send(message: Uint8Array): void {
    this.sent.push(Buffer.from(message));
  }

  sendPieces(pieces: readonly Uint8Array[]): void {
    this.send(Buffer.concat(pieces));
  }

  end(): void {
    this.ended.push([Status.OK, ""]);
  }

  fail(status: Status, text: string): void {
    this.ended.push([status, text]);
  }
}

/** Time that stands still; `tick` runs everything periodic once. */
class FakeClock implements Clock {
  readonly #periodic: (() => void)[] = [];
  now = () => 0;
  monotonic = () => 0;
  after = () => () => {};
  soon = () => {};

  every(_periodMs: number, callback: () => void): Cancel {
    this.#periodic.push(callback);
    return () => {};
  }

  tick(): void {
    for (const callback of this.#periodic) callback();
  }
}

const READY: ServingState = {
  isCapable: () => true,
  isLearner: () => false,
  hasLeader: () => true,
};
const PUT = "/etcdserverpb.KV/Put";
const RANGE = "/etcdserverpb.KV/Range";
const WATCH = "/etcdserverpb.Watch/Watch";
const EMPTY = Buffer.alloc(0);

function dispatcher(state: Partial<ServingState> = {}) {
  const metrics = new GrpcMetrics();
  const guards = new CallGuards({ ...READY, ...state }, metrics);
  const clock = new FakeClock();
  const leaderStreams = new LeaderStreams(clock, 1000, () => state.hasLeader?.() ?? true);
  const callers = { checkRoot: () => undefined, checkUser: () => undefined };
  const server = new Dispatcher({
    clock,
    log: SILENT_LOG,
    guards,
    callers,
    metrics,
    leaderStreams,
    stats: { ended: () => undefined },
  });
  return { metrics, clock, server };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

function unary(server: Dispatcher, path: string, bytes: Uint8Array, metadata: string[] = []) {
  const call = new FakeCall(path, metadata);
  const handler = server.dispatch(call);
  handler.message(Buffer.from(bytes));
  handler.halfClose();
  return { call, handler };
}

test("a unary call is decoded, answered once and counted once", () => {
  const { server, metrics } = dispatcher();
  server.unary(KVDefinition, "put", (request) => {
    expect(request.key.toString()).toBe("a");
    return { header: undefined, prevKv: undefined };
  });
  const request = PutRequest.encode(PutRequest.fromPartial({ key: Buffer.from("a") })).finish();
  const { call, handler } = unary(server, PUT, request);
  handler.message(Buffer.from(request));
  handler.cancel("canceled");
  expect(call.sent).toHaveLength(1);
  expect(call.ended).toEqual([[Status.OK, ""]]);
  const counters = metrics.methods[0];
  expect(counters).toMatchObject({ type: "unary", started: 1, received: 1, sent: 1 });
  expect([...(counters?.handled ?? [])].reduce((sum, count) => sum + count)).toBe(1);
  expect(metrics.receivedBytes).toBe(request.length);
});

test("a raw handler's promise is awaited, and an error of the table reaches the client", async () => {
  const { server } = dispatcher();
  server.rawUnary(KVDefinition, "put", async (bytes) => Buffer.concat([bytes, bytes]));
  server.rawUnary(KVDefinition, "range", async () => {
    throw new EtcdError("Compacted");
  });
  const put = unary(server, PUT, Buffer.from("x"));
  const range = unary(server, RANGE, EMPTY);
  await settled();
  expect(put.call.sent).toEqual([Buffer.from("xx")]);
  expect(range.call.ended).toEqual([
    [Status.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"],
  ]);
});

test("unknown services and methods get grpc-go's texts", () => {
  const { server } = dispatcher();
  server.rawUnary(KVDefinition, "put", () => EMPTY);
  const textOf = (path: string) => unary(server, path, EMPTY).call.ended;
  expect(textOf("/a.B/C")).toEqual([[Status.UNIMPLEMENTED, "unknown service a.B"]]);
  expect(textOf("/etcdserverpb.KV/Nope")).toEqual([
    [Status.UNIMPLEMENTED, "unknown method Nope for service etcdserverpb.KV"],
  ]);
  expect(textOf("/nothing")).toEqual([[Status.UNIMPLEMENTED, 'malformed method name: "/nothing"']]);
});

test("a request that is no message, or nested without end, fails alone", () => {
  const { server } = dispatcher();
  server.unary(KVDefinition, "txn", () => expect.unreachable());
  let nested: Buffer = EMPTY;
  for (let depth = 0; depth < 20_000; depth++) {
    const length: number[] = [];
    for (let rest = nested.length; ; rest >>>= 7) {
      if (rest < 128) {
        length.push(rest);
        break;
      }
      length.push((rest & 127) | 128);
    }
    const field = depth % 2 === 0 ? 0x22 : 0x12;
    nested = Buffer.concat([Buffer.from([field, ...length]), nested]);
  }
  for (const bytes of [Buffer.from([0x0a, 0xff]), nested]) {
    const { call } = unary(server, "/etcdserverpb.KV/Txn", bytes);
    expect(call.ended).toHaveLength(1);
    expect(call.ended[0]?.[0]).toBe(Status.INTERNAL);
    expect(call.ended[0]?.[1]).toMatch(/^grpc: error unmarshalling request: /);
  }
});

test("an unexpected exception tells the client nothing; a broken invariant is thrown on", () => {
  const { server } = dispatcher();
  server.rawUnary(KVDefinition, "put", () => {
    throw new Error("secret");
  });
  server.rawUnary(KVDefinition, "range", () => {
    assert(false, "impossible");
    return EMPTY;
  });
  expect(unary(server, PUT, EMPTY).call.ended).toEqual([[Status.INTERNAL, "internal error"]]);
  expect(() => unary(server, RANGE, EMPTY)).toThrow(AssertionError);
});

test("a canceled call is told to its handler, and its late answer goes nowhere", async () => {
  const { server, metrics } = dispatcher();
  let canceled = 0;
  let answer: (bytes: Buffer) => void = () => {};
  server.rawUnary(KVDefinition, "put", (_bytes, context) => {
    context.onCancel = () => canceled++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const { call, handler } = unary(server, PUT, EMPTY);
  handler.cancel("deadline");
  handler.cancel("deadline");
  answer(Buffer.from("late"));
  await settled();
  expect(canceled).toBe(1);
  expect(call.sent).toEqual([]);
  expect(call.ended).toEqual([]);
  expect(metrics.methods[0]?.handled[Status.DEADLINE_EXCEEDED]).toBe(1);
});

test("guards stand in etcd's order: capability, learner, the client's version, leader", () => {
  const answer = (state: Partial<ServingState>, path: string, bytes: Uint8Array) => {
    const { server } = dispatcher(state);
    server.rawUnary(KVDefinition, "put", () => EMPTY);
    server.rawUnary(KVDefinition, "range", () => EMPTY);
    return unary(server, path, bytes, ["hasleader", "true"]).call.ended[0]?.[1];
  };
  const serializable = RangeRequest.encode(
    RangeRequest.fromPartial({ key: Buffer.from("a"), serializable: true }),
  ).finish();
  const none = { isCapable: () => false, isLearner: () => true, hasLeader: () => false };
  expect(answer(none, PUT, EMPTY)).toBe("etcdserver: not capable");
  const learner = { isLearner: () => true, hasLeader: () => false };
  expect(answer(learner, PUT, EMPTY)).toBe("etcdserver: rpc not supported for learner");
  expect(answer(learner, RANGE, EMPTY)).toBe("etcdserver: rpc not supported for learner");
  expect(answer(learner, RANGE, serializable)).toBe("etcdserver: no leader");
  expect(answer({ isLearner: () => true }, RANGE, serializable)).toBe("");
});

test("a client whose version is no text is refused before any leader is asked for, and not counted", () => {
  const { server, metrics } = dispatcher({ hasLeader: () => false });
  server.rawUnary(KVDefinition, "put", () => EMPTY);
  server.stream(WatchDefinition, "watch", () => ({ message() {}, halfClose() {}, cancel() {} }));
  const refused = [[Status.INVALID_ARGUMENT, "etcdserver: invalid client api version"]];
  const headers = (version: string) => ["hasleader", "true", "client-api-version", version];
  expect(unary(server, PUT, EMPTY, headers("3.\xff")).call.ended).toEqual(refused);
  const stream = new FakeCall(WATCH, headers("3.\xff"));
  server.dispatch(stream);
  expect(stream.ended).toEqual(refused);
  expect([...metrics.clientVersions("unary"), ...metrics.clientVersions("stream")]).toEqual([]);
  // Headers hold bytes: these two are one letter.
  expect(unary(server, PUT, EMPTY, headers("3.\xc3\xa9")).call.ended).toEqual([
    [Status.UNAVAILABLE, "etcdserver: no leader"],
  ]);
  expect([...metrics.clientVersions("unary")]).toEqual([["3.é", 1]]);
});

test("a call is counted by its client's version once its member may answer it", () => {
  const { server, metrics } = dispatcher({ isLearner: () => true });
  server.rawUnary(KVDefinition, "put", () => EMPTY);
  unary(server, PUT, EMPTY, ["client-api-version", "3.5.1"]);
  expect([...metrics.clientVersions("unary")]).toEqual([]);
});

test("a stream counts as handled at its end, and a throwing handler ends it", () => {
  const { server, metrics } = dispatcher();
  let canceled = 0;
  server.stream(WatchDefinition, "watch", (call): GrpcHandler => {
    return {
      message(bytes) {
        if (bytes.length === 0) throw new EtcdError("NoLeader");
        call.send(bytes);
      },
      halfClose() {},
      cancel: () => canceled++,
    };
  });
  const call = new FakeCall(WATCH);
  const handler = server.dispatch(call);
  handler.message(Buffer.from("a"));
  expect(metrics.methods[0]).toMatchObject({ started: 1, received: 1, sent: 1 });
  expect([...(metrics.methods[0]?.handled ?? [])].some((count) => count > 0)).toBe(false);
  handler.message(EMPTY);
  handler.message(Buffer.from("b"));
  expect(call.sent).toEqual([Buffer.from("a")]);
  expect(call.ended).toEqual([[Status.UNAVAILABLE, "etcdserver: no leader"]]);
  expect(canceled).toBe(1);
  expect(metrics.methods[0]?.handled[Status.UNAVAILABLE]).toBe(1);
});

test("only streams that demand a leader end after three leaderless election timeouts", () => {
  let hasLeader = true;
  const { server, clock } = dispatcher({ hasLeader: () => hasLeader });
  let canceled = 0;
  server.stream(WatchDefinition, "watch", () => ({
    message() {},
    halfClose() {},
    cancel: () => canceled++,
  }));
  const demanding = new FakeCall(WATCH, ["hasleader", "true"]);
  const patient = new FakeCall(WATCH, ["hasleader", "yes"]);
  server.dispatch(demanding);
  server.dispatch(patient);
  const timeouts = [false, false, true, false, false];
  for (hasLeader of timeouts) clock.tick();
  expect(demanding.ended).toEqual([]);
  clock.tick();
  expect(demanding.ended).toEqual([[Status.UNAVAILABLE, "etcdserver: no leader"]]);
  expect([patient.ended, canceled]).toEqual([[], 1]);
});

test("health is answered for the server as a whole, and watched", () => {
  const { server } = dispatcher();
  const lines: unknown[] = [];
  const note = (_message: string, fields?: LogFields) => void lines.push(fields);
  const reporter = new HealthReporter({ ...SILENT_LOG, info: note, warn: note });
  reporter.register(server);
  // A map of one entry: its empty key may be left out, its value is a HealthCheckResponse.
  const listed = (status: number) => Buffer.from([0x0a, 4, 0x12, 2, 8, status]);
  const named = Buffer.from([0x0a, 1, 0x78]);
  const check = (bytes: Buffer) => unary(server, "/grpc.health.v1.Health/Check", bytes).call;
  expect(check(EMPTY).sent).toEqual([Buffer.from([8, 1])]);
  expect(check(named).ended).toEqual([[Status.NOT_FOUND, "unknown service"]]);
  const noText = Buffer.from([0x0a, 1, 0xff]);
  expect(check(noText).ended).toMatchObject([
    [Status.INTERNAL, expect.stringMatching(/^grpc: error unmarshalling request: /)],
  ]);
  expect(unary(server, "/grpc.health.v1.Health/Watch", noText).call.ended).toMatchObject([
    [Status.INTERNAL, expect.stringMatching(/^grpc: failed to unmarshal the received message: /)],
  ]);
  const list = () => unary(server, "/grpc.health.v1.Health/List", EMPTY).call.sent;
  expect(list()).toEqual([listed(1)]);
  const { call, handler } = unary(server, "/grpc.health.v1.Health/Watch", EMPTY);
  reporter.stopServing("defrag is active");
  expect(list()).toEqual([listed(2)]);
  reporter.leave();
  expect(check(EMPTY).sent).toEqual([Buffer.from([8, 2])]);
  handler.cancel("canceled");
  reporter.serve();
  expect(call.sent).toEqual([Buffer.from([8, 1]), Buffer.from([8, 2])]);
  expect(lines).toEqual([
    { service: "", status: "NOT_SERVING", reason: "defrag is active" },
    { service: "", status: "SERVING" },
  ]);
});
