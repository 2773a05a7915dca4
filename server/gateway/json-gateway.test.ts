import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { AssertionError } from "../base/assert.ts";
import { BytePool } from "../base/byte-pool.ts";
import { SILENT_LOG } from "../base/log.ts";
import { Status } from "../errors.ts";
import { type CancelReason, type GrpcCall, type GrpcHandler } from "../http2/grpc-call.ts";
import { MovableClock } from "../http2/raw-peer.suite.ts";
import { Metrics } from "../metrics/metrics.ts";
import { Scrapes } from "../metrics/scrapes.ts";
import { messageDescriptor } from "../proto/descriptors.ts";
import {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  PutRequest,
  PutResponse,
  RangeResponse,
  WatchResponse,
} from "../proto/gen/rpc.ts";
import { MessageTooLargeError } from "../proto/message-builder.ts";
import type { Exchange } from "./exchange.ts";
import { Gateway } from "./gateway.ts";
import { JsonBody } from "./json-body.ts";
import { JsonGateway } from "./json-gateway.ts";
import type { MemberProbe } from "./member-probe.ts";
import { Site } from "./site.ts";

const MESSAGE_BYTES_MAX = 10_000;
const BODIES_BYTES_MAX = 100_000;
const PROBE = {} as MemberProbe;

/** What a service saw of its call. */
interface Seen {
  call: GrpcCall;
  readonly messages: Buffer[];
  isHalfClosed: boolean;
  reason: CancelReason | undefined;
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const CONNECTIONS_MAX = 4;

/** @param answer called for every message */
async function serve(answer: (call: GrpcCall, message: Buffer) => void = () => {}) {
  const clock = new MovableClock();
  const seen: Seen[] = [];
  const dispatch = (call: GrpcCall): GrpcHandler => {
    const own: Seen = { call, messages: [], isHalfClosed: false, reason: undefined };
    seen.push(own);
    return {
      message: (bytes) => {
        own.messages.push(bytes);
        answer(call, bytes);
      },
      halfClose: () => {
        own.isHalfClosed = true;
      },
      cancel: (reason) => {
        own.reason = reason;
      },
    };
  };
  const json = new JsonGateway({
    clock,
    log: SILENT_LOG,
    dispatch,
    messageBytesMax: MESSAGE_BYTES_MAX,
    bodiesBytesMax: BODIES_BYTES_MAX,
  });
  const metrics = new Metrics();
  const site = new Site({
    log: SILENT_LOG,
    probe: PROBE,
    health: metrics.health,
    scrapes: new Scrapes(metrics, clock),
    access: undefined,
    json,
    profiling: undefined,
    isFull: true,
  });
  const gateway = new Gateway({ clock, serve: site.serve, connectionsMax: CONNECTIONS_MAX });
  const { port } = await gateway.listen({ host: "127.0.0.1", port: 0 });
  stops.push(() => gateway.close());
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body, headers });
  return { post, seen, port, clock, json };
}

function answerPut(call: GrpcCall): void {
  call.send(PutResponse.encode(PutResponse.fromPartial({ header: { revision: 7 } })).finish());
  call.end();
}

test("a call carries the request's token, its own metadata and no certificate's name", async () => {
  const { post, seen } = await serve(answerPut);
  const headers = { Authorization: "t0k", "Grpc-Metadata-HasLeader": "true", "X-Other": "x" };
  const response = await post("/v3/kv/put", '{"key":"YQ=="} and what follows', headers);
  expect(await response.text()).toBe('{"header":{"revision":"7"}}');
  const [{ call, messages } = { call: undefined, messages: [] }] = seen;
  expect(call?.path).toBe("/etcdserverpb.KV/Put");
  expect(call?.metadata.get("authorization")).toBe("t0k");
  expect(call?.metadata.get("hasleader")).toBe("true");
  expect([...(call?.metadata.entries() ?? [])].some(([name]) => name.includes("other"))).toBe(
    false,
  );
  expect(call?.peerCertificateName).toBeUndefined();
  expect(messages.map((bytes) => PutRequest.decode(bytes).key.toString())).toEqual(["a"]);
});

test("what comes behind the message of a call that is answered is not kept", async () => {
  const { post, port } = await serve(answerPut);
  for (let call = 0; call < 30; call++) {
    expect((await post("/v3/kv/put", `{"key":"YQ=="}{"${"x".repeat(4_000)}`)).status).toBe(200);
  }
  // Its value comes in two pieces, so that the first of them has to be kept.
  const [head, ...rest] = ['{"key":"', `${"A".repeat(4_000)}"}`];
  const socket = connect(port, "127.0.0.1");
  const length = head.length + rest.join("").length;
  socket.write(`POST /v3/kv/put HTTP/1.1\r\nHost: m\r\nContent-Length: ${length}\r\n\r\n${head}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.write(rest.join(""));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
});

test("who leaves cancels the call, whether it was answered in part or not at all", async () => {
  const { seen, port } = await serve((call, bytes) => {
    if (LeaseKeepAliveRequest.decode(bytes).ID !== 1n) return;
    call.send(LeaseKeepAliveResponse.encode(LeaseKeepAliveResponse.fromPartial({})).finish());
  });
  for (const body of ['{"ID":1}', '{"ID":2}', '{"ID']) {
    const socket = connect(port, "127.0.0.1");
    socket.write(
      `POST /v3/lease/keepalive HTTP/1.1\r\nHost: m\r\nContent-Length: 99\r\n\r\n${body}`,
    );
    const count = seen.length;
    if (body.endsWith("}")) await expect.poll(() => seen.length).toBe(count + 1);
    socket.destroy();
  }
  await expect.poll(() => seen.map(({ reason }) => reason)).toEqual(["canceled", "canceled"]);
});

test("a deadline ends the call on both sides", async () => {
  const { post, seen } = await serve();
  const answer = post("/v3/kv/put", "{}", { "Grpc-Timeout": "200m" });
  await expect.poll(() => seen[0]?.messages.length).toBe(1);
  const response = await answer;
  expect([response.status, await response.text()]).toEqual([
    504,
    '{"error":"context deadline exceeded","code":4,"message":"context deadline exceeded"}',
  ]);
  expect(seen[0]?.reason).toBe("deadline");
});

test("a deadline of no time is none, one that has passed or is no number is refused", async () => {
  const { post, seen } = await serve(answerPut);
  const statusFor = async (timeout: string) =>
    (await post("/v3/kv/put", "{}", { "Grpc-Timeout": timeout })).status;
  for (const timeout of ["0m", "-0S", "00000000000H", "+5S", "9223372036854775807n"]) {
    expect(await statusFor(timeout), timeout).toBe(200);
  }
  expect(seen.slice(0, 3).map(({ call }) => call.deadlineMs)).toEqual(Array(3).fill(undefined));
  for (const timeout of ["1n", "-1S", "-1n"]) expect(await statusFor(timeout), timeout).toBe(504);
  for (const timeout of ["9223372036854775808n", "1.5S", "+S"]) {
    expect(await statusFor(timeout), timeout).toBe(400);
  }
  expect(seen).toHaveLength(5);
});

test("a body that pauses for too long costs its connection, one that goes on does not", async () => {
  const { port, clock } = await serve();
  const head = "POST /v3/kv/put HTTP/1.1\r\nHost: member\r\nContent-Length: 1000\r\n\r\n{";
  const [silent, slow] = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  const closed = new Promise((resolve) => silent.on("close", resolve));
  let isCut = false;
  slow.on("close", () => {
    isCut = true;
  });
  for (const socket of [silent, slow]) {
    socket.resume();
    socket.write(head);
  }
  const passing = setInterval(() => {
    slow.write(" ");
    clock.advance(11_000);
  }, 40);
  await closed;
  clearInterval(passing);
  expect(isCut).toBe(false);
  slow.destroy();
});

test("errors before and within a stream are told, each in its place", async () => {
  const { post } = await serve((call, bytes) => {
    const { ID } = LeaseKeepAliveRequest.decode(bytes);
    if (ID === 9n) call.fail(Status.UNAVAILABLE, "etcdserver: no leader");
    else call.send(LeaseKeepAliveResponse.encode({ header: undefined, ID, TTL: 3 }).finish());
  });
  const error =
    '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader",' +
    '"http_status":"Service Unavailable","code":14}}\n';
  const first = await post("/v3/lease/keepalive", '{"ID":9}');
  expect([first.status, await first.text()]).toEqual([503, error]);
  const later = await post("/v3/lease/keepalive", '{"ID":1}{"ID":"9"}');
  expect([later.status, await later.text()]).toEqual([
    200,
    `{"result":{"ID":"1","TTL":"3"}}\n${error}`,
  ]);
});

test("what is no request is told in the form of a stream only where requests are one", async () => {
  const { post, seen } = await serve();
  const said = { error: "unexpected EOF", code: 3, message: "unexpected EOF" };
  for (const path of ["/v3/kv/range", "/v3/maintenance/snapshot", "/v3/election/observe"]) {
    const answer = await post(path, "{");
    expect([answer.status, await answer.text()], path).toEqual([400, JSON.stringify(said)]);
  }
  const stream = await post("/v3/watch", "{");
  expect([stream.status, await stream.json()]).toMatchObject([400, { error: { grpc_code: 3 } }]);
  expect(seen).toEqual([]);
});

function longRange() {
  const kvs = Array.from({ length: 300 }, (_, at) => ({
    key: Buffer.from(`${at}`),
    value: Buffer.alloc(10_000, at % 256),
  }));
  const bytes = RangeResponse.encode(RangeResponse.fromPartial({ kvs, count: 300 })).finish();
  return { values: kvs.map(({ value }) => value.toString("base64")), bytes };
}

test("a long answer comes whole, in slices between which others are served", async () => {
  const { values, bytes } = longRange();
  const { post, port } = await serve((call) => {
    call.send(bytes);
    call.end();
  });
  const response = await post("/v3/kv/range", '{"key":"YQ=="}');
  const found = (await response.json()) as { kvs: { value: string }[]; count: string };
  expect(found.count).toBe("300");
  expect(found.kvs.map(({ value }) => value)).toEqual(values);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v3/kv/range`);
  const messages: string[] = [];
  socket.onmessage = ({ data }) => messages.push(String(data));
  socket.onopen = () => socket.send('{"key":"YQ=="}');
  await new Promise((resolve) => {
    socket.onclose = resolve;
  });
  expect(messages.map((text) => JSON.parse(text) as unknown)).toEqual([found]);
});

test("a long message of a stream is one line, whose parts are escaped as the whole", async () => {
  const events = Array.from({ length: 300 }, (_, at) => ({
    type: 0 as const,
    kv: { key: Buffer.from(`${at}`), value: Buffer.alloc(10_000, 0xff) },
  }));
  const cancelReason = "<".repeat(300_000);
  const { post } = await serve((call) => {
    call.send(WatchResponse.encode(WatchResponse.fromPartial({ events, cancelReason })).finish());
    call.end();
  });
  const text = await (await post("/v3/watch", '{"create_request":{}}')).text();
  expect(text.indexOf("\n")).toBe(text.length - 1);
  expect(text).not.toContain("<");
  const { result } = JSON.parse(text) as { result: { events: unknown[]; cancel_reason: string } };
  expect(result.events).toHaveLength(300);
  expect(result.cancel_reason).toBe(cancelReason);
});

test("an answer that cannot be told fails its own call, however much of it was told", async () => {
  const cut = Buffer.from([0x0a, 100]);
  const { post, seen } = await serve((call, bytes) => {
    call.send(call.path.endsWith("Range") && bytes.length > 0 ? notWhole() : cut);
    call.end();
  });
  const internal = { code: 13, message: "internal error" };
  const answer = await post("/v3/kv/put", "{}");
  expect([answer.status, await answer.json()]).toMatchObject([500, internal]);
  await expect(
    post("/v3/kv/range", '{"key":"YQ=="}').then((part) => part.text()),
  ).rejects.toThrow();
  const stream = await post("/v3/watch", '{"create_request":{}}');
  expect([stream.status, await stream.json()]).toMatchObject([500, { error: internal }]);
  await expect.poll(() => seen[2]?.reason).toBe("canceled");
});

/** A range that is one up to its last key. */
function notWhole(): Buffer {
  const cut = Buffer.from([0x12, 0x02, 0x0a, 100]);
  return Buffer.concat([longRange().bytes, cut]);
}

test("what nobody foresaw fails its own call, a broken invariant ends the process", async () => {
  let thrown: Error = new RangeError("too many of something");
  const { post, seen, json } = await serve(() => {
    throw thrown;
  });
  const response = await post("/v3/kv/put", "{}");
  expect([response.status, await response.json()]).toMatchObject([
    500,
    { code: 13, message: "internal error" },
  ]);
  expect(seen[0]?.reason).toBe("canceled");
  thrown = new AssertionError("not as it must be");
  const readBody = (onChunk: (bytes: Buffer) => void) => onChunk(Buffer.from("{}"));
  const exchange = { method: "POST", headerPairs: [], header: () => undefined, readBody };
  expect(() => json.serve(exchange as unknown as Exchange, "/v3/kv/put")).toThrow(thrown);
});

describe("limits", () => {
  test("a message may be as large as gRPC's, its JSON a few times larger", async () => {
    const { post, seen } = await serve(answerPut);
    const put = (bytes: number, padding: number) => {
      const value = Buffer.alloc(bytes).toString("base64");
      return post("/v3/kv/put", `{"value":"${value}"${" ".repeat(padding)}}`);
    };
    expect((await put(9_990, 0)).status).toBe(200);
    const large = await put(10_001, 0);
    expect([large.status, await large.json()]).toMatchObject([
      429,
      { code: 8, message: "grpc: received message larger than max (10004 vs. 10000)" },
    ]);
    expect((await put(1, 39_000)).status).toBe(200);
    expect((await put(1, 41_000)).status).toBe(429);
    expect(seen).toHaveLength(2);
  });

  test("a message of any number of parts is one like any other, or too large", async () => {
    const { post, seen } = await serve(answerPut);
    const watch = (count: number) =>
      post("/v3/watch", `{"create_request":{"filters":[${Array(count).fill(0).join()}]}}`);
    const created = watch(4_000);
    await expect.poll(() => seen[0]?.messages[0]?.length).toBe(8_003);
    expect((await created).status).toBe(200);
    const refused = await watch(15_000);
    expect([refused.status, await refused.text()]).toMatchObject([
      429,
      expect.stringContaining("grpc: received message larger than max (10001 vs. 10000)"),
    ]);
  });

  test("unfinished bodies hold no more than all together may, and give it back", () => {
    const message = messageDescriptor("etcdserverpb.PutRequest");
    const pool = new BytePool(20_000);
    const limits = { valueBytesMax: 16_000, messageBytesMax: 16_000 };
    const body = () => new JsonBody({ message, pool, ...limits });
    const push = (to: JsonBody, text: string) => [...to.push(Buffer.from(text))];
    const [first, second] = [body(), body()];
    push(first, `{"value":"${"A".repeat(7_000)}`);
    expect(() => push(second, `{"value":"${"A".repeat(7_000)}`)).toThrow(MessageTooLargeError);
    second.close();
    const [whole] = push(first, '"}');
    expect(whole?.length).toBeGreaterThan(5_000);
    expect(push(body(), "{}")).toHaveLength(1);
    const third = body();
    push(third, `{"value":"${"A".repeat(7_000)}`);
    third.close();
    expect(pool.take(20_000)).toBe(true);
  });

  test("values are found wherever their bytes are cut", () => {
    const message = messageDescriptor("etcdserverpb.LeaseKeepAliveRequest");
    const text = Buffer.from(' {"ID":"1"}\n{"ID":2}{"ID":3} ');
    for (let cut = 0; cut <= text.length; cut++) {
      const pool = new BytePool(100_000);
      const body = new JsonBody({ message, pool, valueBytesMax: 50_000, messageBytesMax: 9 });
      const found = [...body.push(text.subarray(0, cut)), ...body.push(text.subarray(cut))];
      expect(body.finish()).toBeUndefined();
      expect(found.map((bytes) => LeaseKeepAliveRequest.decode(bytes).ID)).toEqual([1n, 2n, 3n]);
      body.close();
      expect(pool.take(100_000)).toBe(true);
    }
  });
});
