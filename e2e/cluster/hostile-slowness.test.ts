import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectionPlaces } from "../../server/member/connection-places.ts";
import { CertificateAuthority } from "../harness/certificates.ts";
import { Crowd, type CrowdReport } from "../harness/crowd.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { freePorts } from "../harness/ports.ts";
import { SecureMember } from "../harness/secure-member.ts";
import { halfCalls, halfRequests, http, httpBody, SLOWLY } from "../harness/slow-requests.ts";

// Behind TLS, whose handshakes they go through like anybody: headers and bodies that come so slowly
// that they never end, of more connections than there are places.

const FILES_MAX = 1_000;
const PLACES = connectionPlaces(FILES_MAX);
/** Few, for a client may be through its handshake before the member is, and so lose its place there. */
const AT_ONCE = 10;
const LIMIT_MS = 20_000;

let folder: string;
let member: SecureMember;
let figuresUrl: string;
let ordeal: Ordeal;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  const authority = await CertificateAuthority.create(folder, "authority");
  const { cert, key } = await authority.issue("server", {
    commonName: "server",
    ips: ["127.0.0.1"],
  });
  const [figures = 0] = await freePorts(1);
  figuresUrl = `https://127.0.0.1:${figures}`;
  const flags = [
    `--listen-metrics-urls=${figuresUrl}`,
    ...["", "peer-"].flatMap((side) => [`--${side}cert-file=${cert}`, `--${side}key-file=${key}`]),
  ];
  member = await SecureMember.start("quorate", flags, FILES_MAX);
  ordeal = await Ordeal.begin(member.process, [
    `${member.secureUrl}/health`,
    `${member.securePeerUrl}/version`,
    `${figuresUrl}/health`,
  ]);
});

afterAll(async () => {
  ordeal?.close();
  await member?.stop();
  rmSync(folder, { recursive: true });
});

interface Kind {
  readonly name: string;
  readonly url: () => string;
  readonly places: number;
  readonly offers: readonly string[];
  readonly says: () => readonly Buffer[];
}

const KINDS: readonly Kind[] = [
  {
    name: "HTTP/1 to the client port",
    url: () => member.secureUrl,
    places: PLACES.http,
    offers: ["http/1.1"],
    says: halfRequests,
  },
  {
    name: "gRPC to the client port",
    url: () => member.secureUrl,
    places: PLACES.clients,
    offers: ["h2"],
    says: halfCalls,
  },
  {
    name: "HTTP/1 to the peer port",
    url: () => member.securePeerUrl,
    places: PLACES.peers,
    offers: ["http/1.1"],
    says: () => [http("GET /version HTTP/1.1")],
  },
  {
    name: "HTTP/1 to the metrics port",
    url: () => figuresUrl,
    places: PLACES.http,
    offers: ["http/1.1"],
    says: () => [http("GET /metrics HTTP/1.1"), httpBody("POST /health HTTP/1.1")],
  },
];

async function dawdle({ url, places, offers, says }: Kind): Promise<void> {
  const size = Math.ceil(places * 1.2) + AT_ONCE;
  const crowd = await Crowd.come({
    size,
    atOnce: AT_ONCE,
    hosts: 3,
    port: Number(new URL(url()).port),
    isSecure: true,
    offers,
    answerBytes: 1,
    says: says(),
    slowly: SLOWLY,
  });
  const isIn = ({ opened, open }: CrowdReport) => opened === size && open <= places;
  const report = await crowd.until(isIn, LIMIT_MS);
  await crowd.leave();
  expect(report).toMatchObject({ opened: size, failed: 0 });
  expect(report.open).toBeLessThanOrEqual(places);
  expect(report.oldestOpen).toBeGreaterThan(0);
}

test.each(KINDS)("of those who are slow with $name the oldest make room", async (kind) => {
  await ordeal.during(() => dawdle(kind));
});

test("when they are gone, so is what they took", async () => {
  await ordeal.outlasts(async () => {
    for (const kind of KINDS) if (kind.places < PLACES.clients) await dawdle(kind);
  });
});
