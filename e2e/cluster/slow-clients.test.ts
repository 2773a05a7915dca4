import { afterAll, beforeAll, expect, test } from "vitest";
import { PREFACE } from "../../server/http2/protocol.ts";
import { connectionPlaces } from "../../server/member/connection-places.ts";
import { Crowd, type CrowdReport } from "../harness/crowd.ts";
import { dataFrame, openedCall, SETTINGS } from "../harness/http2-bytes.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { freePorts } from "../harness/ports.ts";

// A member that may have few files open, and crowds who ask for something so slowly that they never
// finish: for each kind of connection more of them than there are places.

const FILES_MAX = 2_000;
const PLACES = connectionPlaces(FILES_MAX);
const AT_ONCE = 50;
const LIMIT_MS = 20_000;

let cluster: ClusterProcess;
let member: MemberProcess;
let ordeal: Ordeal;
let figuresUrl: string;
let clusterId: string;

beforeAll(async () => {
  const [figures = 0] = await freePorts(1);
  figuresUrl = `http://127.0.0.1:${figures}`;
  const flags = [`--listen-metrics-urls=${figuresUrl}`];
  cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags, filesMax: FILES_MAX });
  member = cluster.member(0);
  ordeal = await Ordeal.begin(member, [
    `${member.clientUrl}/health`,
    `${member.peerUrl}/version`,
    `${figuresUrl}/metrics`,
  ]);
  const { headers } = await fetch(`${member.peerUrl}/members`);
  clusterId = headers.get("x-etcd-cluster-id") ?? "";
});

afterAll(async () => {
  ordeal?.close();
  await cluster?.stop();
});

/** All but the end of it is said at once. */
const SLOWLY = { last: 100, everyMs: 300 };

function http(start: string, headers: readonly string[] = []): Buffer {
  const head = [start, "Host: a", ...headers, "X-Slow: "].join("\r\n");
  return Buffer.from(head + "a".repeat(SLOWLY.last));
}

function httpBody(start: string, headers: readonly string[] = []): Buffer {
  const head = [start, "Host: a", "Content-Length: 5000", ...headers, "", ""].join("\r\n");
  return Buffer.from(head + "{".repeat(SLOWLY.last + 1));
}

/** A frame whose last bytes are long in coming, and whose rest never comes. */
function half(whole: Buffer): Buffer {
  return Buffer.concat([PREFACE, SETTINGS, whole.subarray(0, whole.length - 1)]);
}

function peerHeaders(): string[] {
  return [`X-Etcd-Cluster-ID: ${clusterId}`, "X-Server-Version: 3.5.16", "X-Server-From: 7"];
}

interface Kind {
  readonly name: string;
  readonly url: () => string;
  readonly places: number;
  readonly says: () => readonly Buffer[];
}

const KINDS: readonly Kind[] = [
  {
    name: "HTTP/1 to the client port",
    url: () => member.clientUrl,
    places: PLACES.http,
    says: () => [
      http("GET /health HTTP/1.1"),
      http("GET /v3/watch HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket"]),
      httpBody("POST /v3/kv/put HTTP/1.1"),
    ],
  },
  {
    name: "gRPC to the client port",
    url: () => member.clientUrl,
    places: PLACES.clients,
    says: () => [
      Buffer.concat([PREFACE, SETTINGS]),
      half(openedCall(1, { "x-slow": "a".repeat(100) })),
      half(Buffer.concat([openedCall(), dataFrame(Buffer.alloc(1_000))])),
      half(Buffer.concat([openedCall(), ...bytewise(Buffer.from([0, 0, 0, 3, 232]))])),
    ],
  },
  {
    name: "HTTP/1 to the peer port",
    url: () => member.peerUrl,
    places: PLACES.peers,
    says: () => [http("GET /version HTTP/1.1"), httpBody("POST /raft HTTP/1.1", peerHeaders())],
  },
  {
    name: "HTTP/1 to the metrics port",
    url: () => figuresUrl,
    places: PLACES.http,
    says: () => [http("GET /metrics HTTP/1.1"), httpBody("GET /health HTTP/1.1")],
  },
];

/** A DATA frame for each byte. */
function bytewise(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => dataFrame(Buffer.from([byte])));
}

/** Resolves with how they stand when no more are left than there is room for. */
async function dawdle({ url, places, says }: Kind): Promise<CrowdReport> {
  const size = Math.ceil(places * 1.3) + AT_ONCE;
  const port = Number(new URL(url()).port);
  const plan = { size, atOnce: AT_ONCE, hosts: 3, port, answerBytes: 1 };
  const crowd = await Crowd.come({ ...plan, says: says(), slowly: SLOWLY });
  const isIn = ({ opened, open }: CrowdReport) => opened === size && open <= places;
  const report = await crowd.until(isIn, LIMIT_MS);
  await crowd.leave();
  expect(report).toMatchObject({ opened: size, failed: 0 });
  return report;
}

test.each(KINDS)("of those who are slow with $name the oldest make room", async (kind) => {
  await ordeal.during(async () => {
    const { open, oldestOpen, newestClosed } = await dawdle(kind);
    expect(open).toBeLessThanOrEqual(kind.places);
    expect(newestClosed - oldestOpen).toBeLessThan(AT_ONCE);
  });
});

test("when they are gone, so is what they took", async () => {
  await ordeal.outlasts(async () => {
    for (const kind of KINDS) await dawdle(kind);
  });
});
