import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { PREFACE } from "../../server/http2/protocol.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AuthDefinition,
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
} from "../../server/proto/gen/rpc.ts";
import { ClusterClient, must } from "../harness/cluster-client.ts";
import { dataFrame, openedCall, SETTINGS } from "../harness/http2-bytes.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { residentBytes } from "../harness/resident-memory.ts";

// A member under bad input of one kind after the other. After each: it lives, another client was
// served all the while, it spent no more than seconds of CPU time, its keys are what they were, and
// in the end its memory is back.

const SEED = 20_261;
/** CPU time is what a hang costs, on a loaded machine too. */
const CPU_SECONDS_MAX = 5;
const CLOCK_TICKS_PER_SECOND = 100;
const PROBE_LIMIT_MS = 10_000;

let cluster: ClusterProcess;
let member: MemberProcess;
let client: ClusterClient;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 1 });
  member = cluster.member(0);
  client = new ClusterClient([member]);
  for (let at = 0; at < 200; at++) must(await client.put(0, `kept/${at}`, "x".repeat(1000)));
});

afterAll(async () => {
  client?.close();
  await cluster?.stop();
});

function cpuSeconds(): number {
  const stat = readFileSync(`/proc/${member.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** The hash of all that the member keeps, and the revision it stands for. */
async function kept(): Promise<string> {
  const { header } = must(await client.get(0, "kept/1"));
  const revision = header?.revision ?? 0;
  return `${await client.hashKv(0, revision)} at ${revision}`;
}

/** Runs `attack` while another client reads; then asks how the member is. */
async function endures(attack: () => Promise<void>): Promise<void> {
  const pid = member.pid;
  const cpuBefore = cpuSeconds();
  let isOver = false;
  const served = (async () => {
    let calls = 0;
    while (!isOver || calls === 0) {
      must(await client.get(0, "kept/1"));
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    await attack();
  } finally {
    isOver = true;
  }
  await served;
  expect(member.isRunning && member.pid === pid, member.output).toBe(true);
  expect(cpuSeconds() - cpuBefore).toBeLessThan(CPU_SECONDS_MAX);
}

/** Sends each input on a connection of its own and waits until it is closed, or quiet a while. */
async function pour(url: string, inputs: readonly (Buffer | string)[]): Promise<void> {
  const { hostname, port } = new URL(url);
  const one = (input: Buffer | string) =>
    new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.on("data", () => {});
      socket.setTimeout(500, () => socket.destroy());
      socket.write(input);
    });
  for (let at = 0; at < inputs.length; at += 50) {
    await Promise.all(inputs.slice(at, at + 50).map(one));
  }
}

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/** Frames of known types with random flags, streams and payloads. */
function randomFrames(random: SeededRandom, count: number): Buffer {
  const frames = Array.from({ length: count }, () => {
    const payload = randomBytes(random, random.below(60));
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = random.below(11);
    head[4] = random.below(256);
    head.writeUInt32BE(random.below(12), 5);
    return Buffer.concat([head, payload]);
  });
  return Buffer.concat([PREFACE, SETTINGS, ...frames]);
}

const HTTP1: readonly string[] = [
  "GET / HTTP/1.1\r\n\r\n",
  "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
  "POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
  `GET /${"a".repeat(200_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /health HTTP/1.1\r\n${"x: y\r\n".repeat(20_000)}\r\n`,
  "GET /health?exclude=%00%ff HTTP/1.1\r\nHost: a\r\n\r\n",
  "\0\0\0\0\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
];

test("bytes that are no protocol, on the client's port and on the peers'", async () => {
  const random = new SeededRandom(SEED);
  const inputs = Array.from({ length: 200 }, () => randomBytes(random, 1 + random.below(2_000)));
  const before = await kept();
  await endures(() => pour(member.clientUrl, inputs));
  await endures(() => pour(member.peerUrl, inputs));
  expect(await kept()).toBe(before);
});

test("HTTP/2 frames of every type with random content", async () => {
  const random = new SeededRandom(SEED);
  const inputs = Array.from({ length: 300 }, () => randomFrames(random, 1 + random.below(20)));
  const before = await kept();
  await endures(() => pour(member.clientUrl, inputs));
  expect(await kept()).toBe(before);
});

test("HTTP/1 requests that no client sends", async () => {
  const before = await kept();
  await endures(() => pour(member.clientUrl, HTTP1));
  await endures(() => pour(member.peerUrl, HTTP1));
  expect(await kept()).toBe(before);
});

const DEEP = 100_000;
const JSON_BODIES: readonly string[] = [
  "",
  "null",
  "[]",
  "{",
  '"text"',
  `${"[".repeat(DEEP)}${"]".repeat(DEEP)}`,
  `${'{"success":[{"requestTxn":'.repeat(10_000)}{}${"}]}".repeat(10_000)}`,
  '{"key":1e400}',
  '{"key":"%%%"}',
  '{"key":"a2V5","value":"not base64!"}',
  '{"key":"a2V5","lease":"99999999999999999999999"}',
  '{"key":"a2V5","lease":1.5}',
  '{"key":"a2V5","lease":{"__proto__":1}}',
  '{"__proto__":{"key":"a2V5"},"constructor":1}',
  '{"key":"a2V5","key":"b2"}',
  '{"key":"\\ud800"}',
  `{"key":"${"A".repeat(3_000_000)}"}`,
  `{"key":"a2V5","limit":${"9".repeat(100_000)}}`,
  "\ufeff{}",
  "{}{}{}",
];
const JSON_PATHS = ["/v3/kv/range", "/v3/kv/txn", "/v3/lease/grant", "/v3/nothing"];

test("JSON that the gateway cannot mean: each is refused by name or answered", async () => {
  const before = await kept();
  await endures(async () => {
    for (const path of JSON_PATHS) {
      for (const body of JSON_BODIES) {
        const signal = AbortSignal.timeout(PROBE_LIMIT_MS);
        const response = await fetch(member.clientUrl + path, { method: "POST", body, signal });
        await response.text();
        expect([200, 400, 404, 413, 429, 500, 501], body.slice(0, 60)).toContain(response.status);
      }
    }
  });
  expect(await kept()).toBe(before);
});

interface AnyMethod {
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestType: { fromPartial(values: object): unknown; encode(value: never): Encoded };
}

interface Encoded {
  finish(): Uint8Array;
}

/** A request of each method, as a client would send it. */
const SAMPLES: Readonly<Record<string, object>> = {
  Range: { key: Buffer.from("kept/"), rangeEnd: Buffer.from("kept0"), limit: 10 },
  Put: { key: Buffer.from("bad/key"), value: Buffer.from("value"), lease: 7n },
  DeleteRange: { key: Buffer.from("bad/"), rangeEnd: Buffer.from("bad0") },
  Txn: {
    compare: [{ result: 0, target: 3, key: Buffer.from("bad/key"), value: Buffer.from("v") }],
    success: [{ requestPut: { key: Buffer.from("bad/1"), value: Buffer.from("1") } }],
    failure: [{ requestRange: { key: Buffer.from("bad/1") } }],
  },
  Compact: { revision: 5, physical: true },
  LeaseGrant: { ID: 9n, TTL: 100 },
  LeaseTimeToLive: { ID: 9n, keys: true },
  HashKV: { revision: 3 },
  UserAdd: { name: "user", password: "word", options: { noPassword: true } },
  RoleGrantPermission: { name: "role", perm: { permType: 2, key: Buffer.from("a") } },
};

/** What would change the cluster itself is left to the tests of the cluster. */
const SPARED = new Set(["AuthEnable", "Alarm", "Downgrade", "MoveLeader"]);

function methods(): { path: string; method: AnyMethod }[] {
  const all = [
    KVDefinition,
    LeaseDefinition,
    ClusterDefinition,
    MaintenanceDefinition,
    AuthDefinition,
  ];
  return all.flatMap(({ fullName, methods: each }) =>
    Object.values(each as unknown as Record<string, AnyMethod>)
      .filter((method) => !method.requestStream && !method.responseStream)
      .filter(({ name }) => !SPARED.has(name) && !name.startsWith("Member"))
      .map((method) => ({ path: `/${fullName}/${method.name}`, method })),
  );
}

/** Flips, cuts, repeats and inserts, a few at a time. */
function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(result.length + 1);
    const kind = random.below(4);
    const piece = kind === 3 ? result.subarray(0, at) : randomBytes(random, 1 + random.below(12));
    if (kind === 0 && at < result.length) result[at] = random.below(256);
    else if (kind === 1) result = result.subarray(0, at);
    else result = Buffer.concat([result.subarray(0, at), piece, result.subarray(at)]);
  }
  return result;
}

test("requests of every method, mutated: each is answered, and what was taken survives a kill", async () => {
  const random = new SeededRandom(SEED);
  const raw = new Client(new URL(member.clientUrl).host, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const ask = (path: string, request: Buffer) =>
    new Promise<number>((resolve, reject) => {
      const options = { deadline: Date.now() + PROBE_LIMIT_MS };
      raw.makeUnaryRequest(path, same, same, request, new Metadata(), options, answered);
      function answered(error: ServiceError | null): void {
        if (error?.code === status.DEADLINE_EXCEEDED) reject(error);
        else resolve(error?.code ?? 0);
      }
    });
  await endures(async () => {
    for (const { path, method } of methods()) {
      const sample = method.requestType.fromPartial(SAMPLES[method.name] ?? {});
      const bytes = Buffer.from(method.requestType.encode(sample as never).finish());
      for (let round = 0; round < 10; round++) {
        const batch = Array.from({ length: 8 }, () => ask(path, mutated(random, bytes)));
        await Promise.all(batch);
      }
    }
  });
  raw.close();
  const disarm = AlarmRequest.fromPartial({ action: AlarmRequest_AlarmAction.DEACTIVATE });
  await client.at(0).unary(MaintenanceDefinition, MaintenanceDefinition.methods.alarm, disarm);
  const before = await kept();
  await member.stop("SIGKILL");
  member.start();
  await member.ready();
  expect(await kept()).toBe(before);
});

function peerRequest(path: string, headers: readonly string[], body: Buffer, length?: number) {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: a",
    "Connection: close",
    `Content-Length: ${length ?? body.length}`,
    "Content-Type: application/protobuf",
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

test("messages, streams and snapshots that no peer of ours sends", async () => {
  const random = new SeededRandom(SEED);
  const own = ["X-Server-From: 1", "X-Server-Version: 3.5.16", "X-Min-Cluster-Version: 3.0.0"];
  const foreign = [...own, "X-Etcd-Cluster-ID: 1"];
  const inputs = [
    ...Array.from({ length: 60 }, () => peerRequest("/raft", foreign, randomBytes(random, 300))),
    ...Array.from({ length: 60 }, () => peerRequest("/raft", own, randomBytes(random, 300))),
    peerRequest("/raft", own, Buffer.alloc(0), 2 ** 40),
    peerRequest("/raft/snapshot", own, Buffer.alloc(8, 0xff)),
    peerRequest("/raft/snapshot", own, Buffer.alloc(100_000, 1)),
    peerRequest("/raft/snapshot", foreign, randomBytes(random, 5_000)),
    Buffer.from("GET /raft/stream/msgapp/1 HTTP/1.1\r\nHost: a\r\nX-Server-From: zz\r\n\r\n"),
    Buffer.from(`GET /raft/stream/message/${"f".repeat(40)} HTTP/1.1\r\nHost: a\r\n\r\n`),
    Buffer.from("GET /members/promote/18446744073709551616 HTTP/1.1\r\nHost: a\r\n\r\n"),
  ];
  const before = await kept();
  await endures(() => pour(member.peerUrl, inputs));
  expect(await kept()).toBe(before);
});

test("half-sent requests that fill what a client may make a member hold: it comes back", async () => {
  const flood = async (): Promise<void> => {
    const body = Buffer.concat([Buffer.from([0, 0, 0x17, 0, 0]), Buffer.alloc(16_000)]);
    const call = Buffer.concat([PREFACE, SETTINGS, openedCall(), dataFrame(body)]);
    await pour(
      member.clientUrl,
      Array.from({ length: 200 }, () => call),
    );
  };
  for (let round = 0; round < 2; round++) await endures(flood);
  const before = residentBytes(member);
  for (let round = 0; round < 4; round++) await endures(flood);
  await expect
    .poll(() => residentBytes(member), { timeout: 30_000, interval: 200 })
    .toBeLessThan(before * 1.2);
});
