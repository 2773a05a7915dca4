import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { PREFACE } from "../../server/http2/protocol.ts";
import { Crowd, type CrowdPlan, type CrowdReport } from "../harness/crowd.ts";
import { SETTINGS } from "../harness/http2-bytes.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { freePorts } from "../harness/ports.ts";

// A port of its own for metrics is open to whoever measures: bytes that are no request, and requests
// without end, of which the other ports get their share.

const SEED = 20_264;
const LIMIT_MS = 20_000;
const STATUS_BYTES = "HTTP/1.1 200".length;

let cluster: ClusterProcess;
let member: MemberProcess;
let ordeal: Ordeal;
let port: number;

beforeAll(async () => {
  [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const flags = [`--listen-metrics-urls=${url}`];
  cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags });
  member = cluster.member(0);
  ordeal = await Ordeal.begin(member, [
    `${url}/metrics`,
    `${url}/health`,
    `${member.clientUrl}/health`,
  ]);
});

afterAll(async () => {
  ordeal?.close();
  await cluster?.stop();
});

type Conduct = Pick<CrowdPlan, "says"> & Partial<CrowdPlan>;

/** How the crowd stands when it is so, or as it never becomes so. */
async function beset(
  conduct: Conduct,
  isSo: (report: CrowdReport) => boolean,
): Promise<CrowdReport> {
  const crowd = await Crowd.come({
    size: 1,
    atOnce: 50,
    hosts: 3,
    port,
    answerBytes: STATUS_BYTES,
    ...conduct,
  });
  const report = await crowd.until(isSo, LIMIT_MS);
  await crowd.leave();
  return report;
}

const CLOSE = "Host: a\r\nConnection: close\r\n";

const NO_REQUESTS: readonly string[] = [
  "GET /metrics HTTP/1.1\r\n\r\n",
  "GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n",
  "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
  "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "GET /metrics HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
  "GET /metrics HTTP/1.1\r\nHost: a\r\nA\0b: c\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
  "\r\n\r\n\r\n\0\0",
];

test("bytes that are no request: each is refused as bad and closed", async () => {
  const random = new SeededRandom(SEED);
  const noise = Array.from({ length: 30 }, () =>
    Buffer.from(Array.from({ length: 20 + random.below(2_000) }, () => random.below(256))),
  );
  const says = [...NO_REQUESTS.map((text) => Buffer.from(text)), ...noise];
  await ordeal.during(async () => {
    const size = says.length * 20;
    const report = await beset({ says, size }, ({ closed }) => closed === size);
    expect(report).toMatchObject({ closed: size, answers: ["HTTP/1.1 400"] });
  });
});

test.each([
  [
    "headers without end",
    `GET /metrics HTTP/1.1\r\nHost: a\r\n${"x: y\r\n".repeat(20_000)}`,
    "431",
  ],
  ["a path without end", `GET /${"a".repeat(200_000)}`, "431"],
  ["a path that is none", `GET /../etc/passwd HTTP/1.1\r\n${CLOSE}\r\n`, "301"],
  ["what clients have on their port", `GET /v3/kv/range HTTP/1.1\r\n${CLOSE}\r\n`, "404"],
  ["another method", `DELETE /health HTTP/1.1\r\n${CLOSE}\r\n`, "405"],
])("%s: refused", async (_name, text, status) => {
  await ordeal.during(async () => {
    const size = 200;
    const says = [Buffer.from(text)];
    const report = await beset({ says, size }, ({ closed }) => closed === size);
    expect(report).toMatchObject({ closed: size, answers: [`HTTP/1.1 ${status}`] });
  });
});

const SCRAPE = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
const VERSION = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n";
const STATUS = "POST /v3/maintenance/status HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";

test.each([
  ["the metrics port", SCRAPE, () => port],
  ["the client port, which has metrics, too", SCRAPE, () => member.options.clientPort],
  ["the client port", STATUS, () => member.options.clientPort],
  ["the peer port", VERSION, () => member.options.peerPort],
])("hundreds who ask %s, some of them thousands of times ahead", async (_name, text, portOf) => {
  await ordeal.during(async () => {
    const [few, many] = [5, 5_000].map((count) => Buffer.from(text.repeat(count)));
    const says = [few, many] as Buffer[];
    const size = 200;
    const isOver = ({ closed }: CrowdReport) => closed >= size / 2;
    const report = await beset({ says, size, port: portOf() }, isOver);
    expect(report.closed).toBe(size / 2);
  });
});

test("when they are gone, so is what they took", async () => {
  await ordeal.outlasts(async () => {
    const says = [Buffer.from(SCRAPE), Buffer.alloc(1_000, 1), Buffer.concat([PREFACE, SETTINGS])];
    await beset({ says, size: 600 }, ({ opened }) => opened === 600);
  });
});
