import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { GrpcServer, type Handshakes } from "./grpc-server.ts";
import { KEPT_BYTES, streamBytes } from "./held-bytes.ts";
import type { HttpCall } from "./http-call.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

// Ordinary requests of HTTP/2, as Node's own client makes them. The handshake is left out: what
// comes behind one is all that matters here.

const NO_HANDSHAKE: Handshakes = { accept: (socket, accepted) => accepted(socket, "alice") };
const MIB = 1024 * 1024;

let server: GrpcServer;
let address: AddressInfo;
let session: ClientHttp2Session;
let answer: (call: HttpCall) => void;

beforeEach(async () => {
  server = new GrpcServer({
    clock: new SystemClock(),
    log: SILENT_LOG,
    dispatch: (call) => ({ message: () => call.end(), halfClose() {}, cancel() {} }),
    acceptHttp1: (socket) => socket.destroy(),
    dispatchHttp: (call) => answer(call),
  });
  const access = { isPlain: false, handshakes: NO_HANDSHAKE };
  address = await server.listen("127.0.0.1", 0, access);
  session = connect(`http://127.0.0.1:${address.port}`, { maxOutstandingPings: 100 });
});

afterEach(async () => {
  session.destroy();
  await server.stop(0);
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status: number | undefined;
    let headers = {};
    const chunks: Buffer[] = [];
    stream.on("response", (received) => {
      status = received[":status"];
      headers = received;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve({ status, headers, body: Buffer.concat(chunks) }));
    stream.on("error", reject);
  });
}

/** Answers with the body as it came. */
function echo(call: HttpCall): void {
  call.start(200, ["Content-Type", "text/plain"]);
  call.read({ data: (bytes) => call.write(bytes), end: () => call.end() });
}

test("a request comes with method, target, headers and the name on its certificate", async () => {
  answer = (call) => {
    const { method, target, headerPairs } = call.head;
    call.start(404, ["X-Name", call.certificateName ?? ""]);
    call.write(Buffer.from(JSON.stringify([method, target, headerPairs])));
    call.end();
  };
  const headers = { ":path": "/health?x=1", "x-mine": "value", "content-type": "text/plain" };
  const { status, headers: got, body } = await answerOf(session.request(headers));
  expect(status).toBe(404);
  expect(got["x-name"]).toBe("alice");
  const host = `127.0.0.1:${address.port}`;
  const pairs = ["host", host, "x-mine", "value", "content-type", "text/plain"];
  expect(JSON.parse(body.toString())).toEqual(["GET", "/health?x=1", pairs]);
});

test("an answer may be without a body", async () => {
  answer = (call) => {
    call.start(204, []);
    call.end();
  };
  const { status, body } = await answerOf(session.request({ ":method": "POST" }));
  expect([status, body.length]).toEqual([204, 0]);
});

test("bodies of any length pass in both directions, many at once", async () => {
  answer = echo;
  const bodies = [1, 65_535, 65_536, 3 * MIB].map((length) => Buffer.alloc(length, length % 251));
  const answers = bodies.map((body) => {
    const stream = session.request({ ":method": "POST" });
    stream.end(body);
    return answerOf(stream);
  });
  for (const [at, { body }] of (await Promise.all(answers)).entries()) {
    expect(body.equals(bodies[at] as Buffer)).toBe(true);
  }
  expect(server.heldBytes).toBe(0);
});

test("of a body that nobody reads, no more than a window is kept", async () => {
  const arrived = Promise.withResolvers<HttpCall>();
  answer = (call) => arrived.resolve(call);
  const stream = session.request({ ":method": "POST" });
  stream.write(Buffer.alloc(MIB, 1));
  const call = await arrived.promise;
  const windowed = 65_535 + streamBytes(call.head.bytes);
  while (server.heldBytes < windowed) await new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(server.heldBytes).toBeLessThan(windowed + 64 * KEPT_BYTES);
  const rest = answerOf(stream);
  echo(call);
  stream.end();
  expect((await rest).body.length).toBe(MIB);
  expect(server.heldBytes).toBe(0);
});

test("an answer that is not read is kept back, and its writer told when to go on", async () => {
  let drains = 0;
  answer = (call) => {
    let left = 8;
    const more = (): void => {
      while (left > 0 && call.backlogBytes === 0) {
        left--;
        call.write(Buffer.alloc(MIB));
      }
      if (left === 0) call.end();
    };
    call.onDrain = () => {
      drains++;
      more();
    };
    call.start(200, []);
    more();
  };
  expect((await answerOf(session.request({}))).body.length).toBe(8 * MIB);
  expect(drains).toBe(7);
});

test("a client that leaves is noticed once; what is still written goes nowhere", async () => {
  const gone = Promise.withResolvers<HttpCall>();
  let count = 0;
  answer = (call) => {
    call.onGone = () => {
      count++;
      gone.resolve(call);
    };
    call.start(200, []);
    call.write(Buffer.from("begin"));
  };
  const stream = session.request({ ":method": "POST" });
  stream.once("data", () => stream.close());
  const call = await gone.promise;
  call.write(Buffer.alloc(MIB));
  call.end();
  session.destroy();
  expect([count, server.heldBytes]).toEqual([1, 0]);
});

test("calls of gRPC go their way on the same connection", async () => {
  answer = echo;
  const call = session.request({
    ":method": "POST",
    ":path": "/a.B/C",
    "content-type": "application/grpc",
  });
  call.end(Buffer.alloc(5));
  const plain = session.request({ ":method": "POST" });
  plain.end("plain");
  const [{ headers }, { body }] = await Promise.all([answerOf(call), answerOf(plain)]);
  expect(headers["content-type"]).toBe("application/grpc");
  expect(body.toString()).toBe("plain");
});

test("headers that fit no frame cost the request, not the connection", async () => {
  answer = (call) => {
    call.start(200, ["x-long", "x".repeat(20_000)]);
    call.end();
  };
  await expect(answerOf(session.request({}))).rejects.toThrow("INTERNAL_ERROR");
  answer = echo;
  const next = session.request({ ":method": "POST" });
  next.end("next");
  expect((await answerOf(next)).body.toString()).toBe("next");
});

test("without TLS only gRPC is answered over HTTP/2", async () => {
  const { port } = await server.listen("127.0.0.1", 0);
  const plain = connect(`http://127.0.0.1:${port}`);
  const { status } = await answerOf(plain.request({ ":path": "/health" }));
  plain.destroy();
  expect(status).toBe(415);
});

test("behind TLS nobody counts pings, as long as they are no flood", async () => {
  await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
  const acknowledged = Array.from(
    { length: 100 },
    () => new Promise<Error | null>((resolve) => void session.ping((error) => resolve(error))),
  );
  expect(new Set(await Promise.all(acknowledged))).toEqual(new Set([null]));
});

test("ordinary requests that are many at once are begun a few in each turn, in order", async () => {
  let begunInTurn = 0;
  let most = 0;
  const targets: string[] = [];
  answer = (call) => {
    if (begunInTurn++ === 0) setImmediate(() => (begunInTurn = 0));
    most = Math.max(most, begunInTurn);
    targets.push(call.head.target);
    call.start(200, []);
    call.end();
  };
  const paths = Array.from({ length: 500 }, (_, at) => `/${at}`);
  const requests = paths.map((path) => answerOf(session.request({ ":path": path })));
  const statuses = (await Promise.all(requests)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(targets).toEqual(paths);
  expect(most).toBeLessThanOrEqual(3 * DEFAULT_LIMITS.startsPerTurn);
});

test("ordinary requests wait while too much of the answers before them is unread", async () => {
  let begun = 0;
  answer = (call) => {
    begun++;
    call.start(200, []);
    call.write(Buffer.alloc(MIB));
    call.end();
  };
  const streams = Array.from({ length: 40 }, () => session.request({}));
  for (const stream of streams) stream.pause();
  while (begun === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toBeLessThan(25);
  for (const stream of streams) stream.resume();
  const lengths = (await Promise.all(streams.map(answerOf))).map(({ body }) => body.length);
  expect([new Set(lengths), begun]).toEqual([new Set([MIB]), 40]);
});
