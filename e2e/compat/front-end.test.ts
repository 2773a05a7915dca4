import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KVDefinition, PutRequest, RangeRequest } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RpcClient } from "../harness/rpc-client.ts";

// What reaches the wire below gRPC's surface: our own HTTP/2 server beside etcd's grpc-go, and
// clients of several makes.

const run = promisify(execFile);

let ours: ClusterProcess;
let theirs: ClusterProcess;
beforeAll(async () => {
  ours = await ClusterProcess.start({ make: "quorate", size: 1 });
  theirs = await ClusterProcess.start({ make: "etcd-3.5", size: 1 });
});
afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

interface Answer {
  httpStatus?: number | undefined;
  status?: string | undefined;
  text?: string | undefined;
  messages: number;
}

function message(bytes: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const PUT = Buffer.from(
  PutRequest.encode(
    PutRequest.fromPartial({ key: Buffer.from("a"), value: Buffer.from("b") }),
  ).finish(),
);

/** One request as given, on a connection of its own. */
function ask(
  url: string,
  headers: Record<string, string>,
  chunks: readonly Buffer[],
  leavesOpen = false,
) {
  return new Promise<Answer>((resolve) => {
    const session = connectHttp2(url);
    const answer: Answer = { messages: 0 };
    const request = session.request(
      {
        ":method": "POST",
        ":path": "/etcdserverpb.KV/Put",
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      },
      { endStream: !leavesOpen && chunks.length === 0 },
    );
    const take = (fields: Record<string, unknown>) => {
      answer.status ??= fields["grpc-status"] as string | undefined;
      answer.text ??= fields["grpc-message"] as string | undefined;
    };
    request.on("response", (fields) => {
      answer.httpStatus = fields[":status"];
      take(fields);
    });
    request.on("trailers", take);
    request.on("data", () => answer.messages++);
    request.on("error", () => {});
    request.on("close", () => {
      session.destroy();
      resolve(answer);
    });
    for (const chunk of chunks) request.write(chunk);
    if (!leavesOpen && chunks.length > 0) request.end();
  });
}

interface Probe {
  readonly name: string;
  readonly headers?: Record<string, string>;
  readonly chunks?: readonly Buffer[];
  readonly leavesOpen?: boolean;
}

const PROBES: readonly Probe[] = [
  { name: "a call" },
  { name: "a call whose client does not close its side", leavesOpen: true },
  { name: "two messages", chunks: [message(PUT), message(PUT)] },
  { name: "a message in pieces", chunks: [...message(PUT)].map((byte) => Buffer.from([byte])) },
  { name: "half a message", chunks: [message(PUT).subarray(0, 8)] },
  { name: "half a message's head", chunks: [message(PUT).subarray(0, 3)] },
  { name: "a compressed flag without an encoding", chunks: [message(PUT, 1)] },
  {
    name: "an encoding that nobody knows",
    headers: { "grpc-encoding": "foo" },
  },
  { name: "a flag that nobody knows", chunks: [message(PUT, 2)] },
  {
    name: "a length above the limit",
    chunks: [Buffer.from([0, 0x7f, 0, 0, 0])],
    leavesOpen: true,
  },
  { name: "an unknown service", headers: { ":path": "/a.B/C" } },
  { name: "an unknown method", headers: { ":path": "/etcdserverpb.KV/Nope" } },
  { name: "a path without a method", headers: { ":path": "/x" } },
  { name: "a path without a slash", headers: { ":path": "x" } },
  { name: "a path of slashes", headers: { ":path": "//" } },
  { name: "GET", headers: { ":method": "GET" }, chunks: [] },
  { name: "another content type", headers: { "content-type": "text/html" } },
  { name: "no content type", headers: { "content-type": "" } },
  { name: "gRPC-Web", headers: { "content-type": "application/grpc-web" } },
  { name: "a content subtype", headers: { "content-type": "application/grpc+proto" } },
  { name: "a timeout too short", headers: { "grpc-timeout": "x" } },
  { name: "a timeout too long", headers: { "grpc-timeout": "1234567890S" } },
  { name: "a timeout of an unknown unit", headers: { "grpc-timeout": "5x" } },
  { name: "a timeout of 0", headers: { "grpc-timeout": "0S" } },
  { name: "headers of 60,000 bytes", headers: { "x-large": "a".repeat(60_000) } },
];

test.each(PROBES)("$name: status and text are etcd's", async ({ headers, chunks, leavesOpen }) => {
  const request = [headers ?? {}, chunks ?? [message(PUT)], leavesOpen] as const;
  const mine = await ask(ours.member(0).clientUrl, ...request);
  const real = await ask(theirs.member(0).clientUrl, ...request);
  expect({ ...mine, text: mine.text ?? "" }).toEqual({ ...real, text: real.text ?? "" });
});

test("a request compressed with gzip is understood, as etcd understands it", async () => {
  for (const cluster of [ours, theirs]) {
    const gzip = { "grpc-encoding": "gzip" };
    const answer = await ask(cluster.member(0).clientUrl, gzip, [message(gzipSync(PUT), 1)]);
    expect(answer).toMatchObject({ status: "0", messages: 1 });
  }
});

describe("clients of other makes", () => {
  test("grpc-js reads a 12 MB answer and hundreds of calls at once over one connection", async () => {
    const client = new RpcClient(new URL(ours.member(0).clientUrl).host);
    const value = Buffer.alloc(1_200_000, "x");
    for (let at = 0; at < 10; at++) {
      const request = PutRequest.fromPartial({ key: Buffer.from(`large/${at}`), value });
      expect(await client.unary(KVDefinition, KVDefinition.methods.put, request)).toHaveProperty(
        "response",
      );
    }
    const all = RangeRequest.fromPartial({
      key: Buffer.from("large/"),
      rangeEnd: Buffer.from("large0"),
    });
    const one = RangeRequest.fromPartial({ key: Buffer.from("large/0"), keysOnly: true });
    const { range } = KVDefinition.methods;
    const [big, ...small] = await Promise.all([
      client.unary(KVDefinition, range, all),
      ...Array.from({ length: 300 }, () => client.unary(KVDefinition, range, one)),
    ]);
    expect(big).toMatchObject({ response: { count: 10 } });
    for (const outcome of small) expect(outcome).toMatchObject({ response: { count: 1 } });
    client.close();
  });

  test("nghttp and h2load speak with it", async () => {
    const url = `${ours.member(0).clientUrl}/etcdserverpb.KV/Put`;
    const body = join(ours.folder, "put.grpc");
    writeFileSync(body, message(PUT));
    const grpc = ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"];
    const shown = await run("/usr/bin/nghttp", ["-v", ...grpc, url]);
    expect(shown.stdout).toContain("grpc-status: 0");
    const load = ["-n", "2000", "-c", "4", "-m", "8", ...grpc, url];
    expect((await run("/usr/bin/h2load", load)).stdout).toContain("2000 2xx");
  });

  test("HTTP/1 lives on the same port", async () => {
    const response = await fetch(`${ours.member(0).clientUrl}/health`);
    expect(await response.text()).toBe('{"health":"true","reason":""}');
    const metrics = await fetch(`${ours.member(0).clientUrl}/metrics`);
    expect(await metrics.text()).toMatch(
      /^grpc_server_handled_total\{grpc_code="OK",grpc_method="Put",.*\} [1-9]/m,
    );
  });
});

test("a client that floods, stalls or talks nonsense harms nobody else", async () => {
  const { hostname, port } = new URL(ours.member(0).clientUrl);
  const preface = Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
  ]);
  const ping = Buffer.concat([Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0]), Buffer.alloc(8)]);
  const floods = [
    Buffer.concat(Array.from({ length: 50_000 }, () => ping)),
    Buffer.alloc(500_000, 0xff),
    Buffer.alloc(500_000),
  ];
  const sockets = Array.from({ length: 60 }, (_, at) => {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    if (at % 4 < 3) socket.write(Buffer.concat([preface, floods[at % 4] as Buffer]));
    return socket;
  });
  const client = new RpcClient(`${hostname}:${port}`);
  for (let at = 0; at < 50; at++) {
    const request = PutRequest.fromPartial({ key: Buffer.from("calm"), value: Buffer.from("x") });
    const outcome = await client.unary(KVDefinition, KVDefinition.methods.put, request, 5_000);
    expect(outcome).toHaveProperty("response");
  }
  client.close();
  for (const socket of sockets) socket.destroy();
  expect(ours.member(0).isRunning).toBe(true);
});
