import { once } from "node:events";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { PREFACE } from "../../server/http2/protocol.ts";
import { BAD_JSON } from "../compat/gateway-requests.ts";
import { ClusterClient, must } from "../harness/cluster-client.ts";
import {
  dataFrame,
  goodbyeOf,
  hasPong,
  openedCall,
  PING,
  PUT_HEADERS,
  SETTINGS,
} from "../harness/http2-bytes.ts";
import { ClusterProcess, type Make, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { exchange, exchanges, statusOf } from "../harness/raw-exchange.ts";

// A member under bad input of one kind after the other, and real etcd beside it: what either says
// to it, and whether ours, others who ask it and its keys stay unharmed. In the end its memory is back.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const SEED = 20_261;
const GIB = 2 ** 30;
/** What is closed without a word. */
const SILENCE = undefined;

let clusters: readonly ClusterProcess[] = [];
let theirs: MemberProcess;
let ours: MemberProcess;
let client: ClusterClient;
let ordeal: Ordeal;

beforeAll(async () => {
  clusters = await Promise.all(MAKES.map((make) => ClusterProcess.start({ make, size: 1 })));
  [theirs, ours] = clusters.map((cluster) => cluster.member(0)) as [MemberProcess, MemberProcess];
  client = new ClusterClient([ours]);
  for (let at = 0; at < 200; at++) must(await client.put(0, `kept/${at}`, "x".repeat(1000)));
  ordeal = await Ordeal.begin(ours, [`${ours.clientUrl}/health`, `${ours.peerUrl}/version`]);
});

afterAll(async () => {
  ordeal?.close();
  client?.close();
  for (const cluster of clusters) await cluster.stop();
});

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

const NOISE: readonly Buffer[] = (() => {
  const random = new SeededRandom(SEED);
  return Array.from({ length: 200 }, () => randomBytes(random, 1 + random.below(2_000)));
})();

async function statusesOf(url: string, isLast: boolean): Promise<Set<number | undefined>> {
  return new Set((await exchanges(url, NOISE, { isLast })).map(statusOf));
}

test("bytes that are no protocol are closed, on the peers' port with HTTP's 400", async () => {
  // Etcd waits for more of some of them.
  expect(await statusesOf(theirs.clientUrl, true)).toEqual(new Set([SILENCE]));
  expect(await statusesOf(theirs.peerUrl, true)).toEqual(new Set([400]));
  await ordeal.during(async () => {
    const said = await statusesOf(ours.clientUrl, false);
    expect([...said].filter((status) => status !== SILENCE)).toEqual([400]);
    expect(await statusesOf(ours.peerUrl, false)).toEqual(new Set([400]));
  });
});

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
  return Buffer.concat([PREFACE, SETTINGS, ...frames, PING]);
}

const FRAMES: readonly Buffer[] = (() => {
  const random = new SeededRandom(SEED);
  return Array.from({ length: 300 }, () => randomFrames(random, 1 + random.below(20)));
})();

/** What becomes of each: it is read to its end, or the connection is told to go. */
async function pourFrames(): Promise<void> {
  for (const heard of await exchanges(ours.clientUrl, FRAMES, { isEnough: hasPong })) {
    if (!hasPong(heard)) expect(goodbyeOf(heard)).toBeGreaterThan(0);
  }
}

test("HTTP/2 frames of every type with random content: read, or the connection is told why not", async () => {
  await ordeal.during(pourFrames);
});

type Status = number | undefined;

interface Request {
  readonly text: string;
  /** Of etcd and of ours, on the port of clients and on that of peers. */
  readonly client: Status | readonly [theirs: Status, ours: Status];
  readonly peer: Status | readonly [theirs: Status, ours: Status];
  /** Nothing is heard before the other side knows that nothing more comes. */
  readonly isHalf?: true;
}

const CLOSE = "Host: a\r\nConnection: close\r\n";

/** Where the two differ, server/README.md says why. */
const REQUESTS: readonly Request[] = [
  { text: "GET / HTTP/1.1\r\n\r\n", client: 400, peer: 400 },
  { text: `GET /../../etc/passwd HTTP/1.1\r\n${CLOSE}\r\n`, client: 301, peer: [301, 404] },
  {
    text: `GET /health HTTP/1.1\r\n${CLOSE}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    client: [200, 400],
    peer: [404, 400],
  },
  {
    text: "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    client: 400,
    peer: 400,
  },
  {
    text: `POST /v3/kv/put HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n`,
    client: 400,
    peer: 404,
    isHalf: true,
  },
  {
    text: `POST /v3/kv/put HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`,
    client: 400,
    peer: 404,
  },
  {
    text: `GET /${"a".repeat(200_000)} HTTP/1.1\r\n${CLOSE}\r\n`,
    client: [SILENCE, 431],
    peer: [404, 431],
  },
  {
    text: `GET /health HTTP/1.1\r\n${"x: y\r\n".repeat(20_000)}\r\n`,
    client: [400, 431],
    peer: [400, 431],
  },
  { text: `GET /health?exclude=%00%ff HTTP/1.1\r\n${CLOSE}\r\n`, client: 200, peer: 404 },
  { text: "\0\0\0\0\r\n\r\n", client: SILENCE, peer: 400 },
  { text: "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", client: [SILENCE, 400], peer: 400, isHalf: true },
  // A gibibyte that never comes.
  { text: declared("/v3/kv/put", "{"), client: 400, peer: 404, isHalf: true },
  { text: declared("/v3/kv/put", "{}"), client: 400, peer: 404 },
  { text: declared("/v3/kv/range", '{"key":"YQ=='), client: 400, peer: 404, isHalf: true },
  { text: declared("/raft", "{"), client: 404, peer: 412 },
];

function declared(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\n${CLOSE}Content-Length: ${GIB}\r\n\r\n${body}`;
}

/** @param isEnough of an answer, where its connection need not be closed */
function sayAll(url: string, isEnough?: (heard: Buffer) => boolean): Promise<Status[]> {
  return Promise.all(
    REQUESTS.map(async ({ text, isHalf = false }) => {
      const ended = isEnough === undefined ? {} : { isEnough };
      return statusOf(await exchange(url, text, { isLast: isHalf, ...ended }));
    }),
  );
}

function isHead(heard: Buffer): boolean {
  return heard.includes("\r\n\r\n");
}

function told(port: "client" | "peer", make: 0 | 1): Status[] {
  return REQUESTS.map((request) => {
    const said = request[port];
    return typeof said === "object" ? said[make] : said;
  });
}

test("HTTP/1 requests that no client sends are answered as by etcd", async () => {
  expect(await sayAll(theirs.clientUrl, isHead)).toEqual(told("client", 0));
  expect(await sayAll(theirs.peerUrl, isHead)).toEqual(told("peer", 0));
  await ordeal.during(async () => {
    expect(await sayAll(ours.clientUrl)).toEqual(told("client", 1));
    expect(await sayAll(ours.peerUrl)).toEqual(told("peer", 1));
  });
});

const JSON_REQUESTS: readonly Buffer[] = BAD_JSON.map(({ path, body = "" }) => {
  const length = Buffer.byteLength(body);
  const head = `POST ${path} HTTP/1.1\r\n${CLOSE}Content-Length: ${length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
});

/** What they are told in full, e2e/compat/gateway.test.ts compares with etcd. */
async function pourJson(): Promise<void> {
  const statuses = (await exchanges(ours.clientUrl, JSON_REQUESTS)).map(statusOf);
  expect(new Set(statuses)).toEqual(new Set([200, 400, 404]));
}

test("JSON that the gateway cannot mean is refused by name or answered", async () => {
  await ordeal.during(pourJson);
});

/** How a call ends whose message is said to have so many bytes, none of which comes. */
async function declare(url: string, bytes: number): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(url);
  const call = session.request(PUT_HEADERS);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes, 1);
  call.write(head);
  const [headers] = (await once(call, "response")) as [IncomingHttpHeaders];
  session.destroy();
  return headers;
}

test("a message of a gibibyte, by what it says of itself, is refused before it comes", async () => {
  const refusalOf = async ({ clientUrl }: MemberProcess, bytes: number) => {
    const { "grpc-status": status, "grpc-message": text } = await declare(clientUrl, bytes);
    return { status, text };
  };
  await ordeal.during(async () => {
    for (const bytes of [GIB, 2 ** 31, 2 ** 32 - 1]) {
      const refusal = await refusalOf(theirs, bytes);
      expect(refusal.status).toBe("8");
      expect(await refusalOf(ours, bytes)).toEqual(refusal);
    }
  });
});

function peerRequest(path: string, headers: readonly string[], body: Buffer, length?: number) {
  const head = [
    `POST ${path} HTTP/1.1`,
    ...headers,
    `Content-Length: ${length ?? body.length}`,
    "Content-Type: application/protobuf",
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n${CLOSE}\r\n`), body]);
}

const PEER_INPUTS: readonly Buffer[] = (() => {
  const random = new SeededRandom(SEED);
  const own = ["X-Server-From: 1", "X-Server-Version: 3.5.16", "X-Min-Cluster-Version: 3.0.0"];
  const foreign = [...own, "X-Etcd-Cluster-ID: 1"];
  const few = Array.from({ length: 60 });
  const get = (path: string, header = "") =>
    Buffer.from(`GET ${path} HTTP/1.1\r\n${header}${CLOSE}\r\n`);
  return [
    ...few.map(() => peerRequest("/raft", foreign, randomBytes(random, 300))),
    ...few.map(() => peerRequest("/raft", own, randomBytes(random, 300))),
    peerRequest("/raft", own, Buffer.alloc(0), 2 ** 40),
    peerRequest("/raft/snapshot", own, Buffer.alloc(8, 0xff)),
    peerRequest("/raft/snapshot", own, Buffer.alloc(100_000, 1)),
    peerRequest("/raft/snapshot", foreign, randomBytes(random, 5_000)),
    get("/raft/stream/msgapp/1", "X-Server-From: zz\r\n"),
    get(`/raft/stream/message/${"f".repeat(40)}`),
    get("/members/promote/18446744073709551616"),
  ];
})();

async function pourMessages({ peerUrl }: MemberProcess): Promise<Status[]> {
  const heard = await exchanges(peerUrl, PEER_INPUTS, { isLast: true });
  return heard.map(statusOf);
}

test("messages, streams and snapshots that no peer of ours sends are answered as by etcd", async () => {
  const statuses = await pourMessages(theirs);
  await ordeal.during(async () => {
    expect(await pourMessages(ours)).toEqual(statuses);
  });
});

/** Calls that are gone before their messages are whole. */
async function pourHalves(): Promise<void> {
  const body = Buffer.concat([Buffer.from([0, 0, 0x17, 0, 0]), Buffer.alloc(16_000)]);
  const call = Buffer.concat([PREFACE, SETTINGS, openedCall(), dataFrame(body), PING]);
  const calls = Array.from({ length: 200 }, () => call);
  const heard = await exchanges(ours.clientUrl, calls, { isEnough: hasPong });
  expect(heard.every(hasPong)).toBe(true);
}

test("half-sent requests that fill what a client may make a member hold", async () => {
  await ordeal.during(pourHalves);
});

test("when they are gone, so is what they took", async () => {
  await ordeal.outlasts(async () => {
    for (const url of [ours.clientUrl, ours.peerUrl]) {
      await exchanges(url, NOISE);
      await sayAll(url);
    }
    await pourFrames();
    await pourJson();
    await declare(ours.clientUrl, GIB);
    await pourMessages(ours);
    await pourHalves();
  });
});
