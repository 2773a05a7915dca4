import { afterAll, beforeAll, expect, test } from "vitest";
import { connectionPlaces } from "../../server/member/connection-places.ts";
import { Crowd, type CrowdReport } from "../harness/crowd.ts";
import type { Ordeal } from "../harness/ordeal.ts";
import type { SecureMember } from "../harness/secure-member.ts";
import { SecureOrdeal } from "../harness/secure-ordeal.ts";
import { halfCalls, halfRequests, http, httpBody, SLOWLY } from "../harness/slow-requests.ts";

// Behind TLS, whose handshakes they go through like anybody: headers and bodies that come so slowly
// that they never end, of more connections than there are places.

const FILES_MAX = 1_000;
const PLACES = connectionPlaces(FILES_MAX);
/** Few, for a client may be through its handshake before the member is, and so lose its place there. */
const AT_ONCE = 10;
const LIMIT_MS = 20_000;

let member: SecureMember;
let figuresUrl: string;
let ordeal: Ordeal;
let secure: SecureOrdeal;

beforeAll(async () => {
  secure = await SecureOrdeal.begin(FILES_MAX);
  ({ member, figuresUrl, ordeal } = secure);
});

afterAll(() => secure?.stop());

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
