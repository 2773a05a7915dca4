import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectionPlaces } from "../../server/member/connection-places.ts";
import { openFilesMax } from "../../server/member/process-figures.ts";
import { Crowd, type CrowdReport } from "../harness/crowd.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { freePorts } from "../harness/ports.ts";
import { halfCalls, halfRequests, http, httpBody, SLOWLY } from "../harness/slow-requests.ts";

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
    says: halfRequests,
  },
  {
    name: "gRPC to the client port",
    url: () => member.clientUrl,
    places: PLACES.clients,
    says: halfCalls,
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

const MANY = 5_000;
/** As slow as leaves time for others: each byte is a read of its own. */
const MORE_SLOWLY = { ...SLOWLY, everyMs: 2_000 };
/** They and what they are told by, in one process each. */
const FILES_OF_MANY = MANY + 1_000;

describe.skipIf(openFilesMax() < FILES_OF_MANY)("five thousand of them, where so many fit", () => {
  let spacious: ClusterProcess;
  let long: Ordeal;
  beforeAll(async () => {
    spacious = await ClusterProcess.start({ make: "quorate", size: 1 });
    long = await Ordeal.begin(spacious.member(0), [`${spacious.member(0).clientUrl}/health`]);
  });
  afterAll(async () => {
    long?.close();
    await spacious?.stop();
  });

  test.each([
    ["HTTP/1", halfRequests, connectionPlaces().http],
    ["gRPC", halfCalls, Math.min(connectionPlaces().clients, MANY)],
  ])(
    "with %s: all come in, and no more stay than there are places",
    async (_name, says, places) => {
      const { clientPort: port } = spacious.member(0).options;
      const plan = { size: MANY, atOnce: AT_ONCE, hosts: 3, port, answerBytes: 1 };
      await long.during(async () => {
        const crowd = await Crowd.come({ ...plan, says: says(), slowly: MORE_SLOWLY });
        const isIn = ({ opened, open }: CrowdReport) => opened === MANY && open <= places;
        const report = await crowd.until(isIn, LIMIT_MS);
        await crowd.leave();
        expect(report).toMatchObject({ opened: MANY, failed: 0 });
        expect(report.open).toBeLessThanOrEqual(places);
      });
    },
  );
});
