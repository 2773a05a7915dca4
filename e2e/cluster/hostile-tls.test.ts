import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { clientHello } from "../harness/client-hello.ts";
import { Crowd, type CrowdPlan, type CrowdReport } from "../harness/crowd.ts";
import type { Ordeal } from "../harness/ordeal.ts";
import { SecureOrdeal } from "../harness/secure-ordeal.ts";

// A member behind TLS on every port, and crowds who are no good at handshakes, or mean not to be.
// They come to all three ports at once, and honest newcomers likewise.

const SEED = 20_262;
const SIZE = 1_100;
const LIMIT_MS = 20_000;
/** Of those who are not through their handshakes, at each port; fewer where few files may be open. */
const PENDING_MAX = 1_000;

let ports: readonly number[];
let ordeal: Ordeal;
let secure: SecureOrdeal;
let hello: Buffer;

beforeAll(async () => {
  secure = await SecureOrdeal.begin();
  ({ ordeal } = secure);
  const { member, figuresUrl } = secure;
  const urls = [member.secureUrl, member.securePeerUrl, figuresUrl];
  ports = urls.map((url) => Number(new URL(url).port));
  hello = await clientHello();
});

afterAll(() => secure?.stop());

type Conduct = Omit<CrowdPlan, "port" | "size" | "atOnce" | "hosts"> & { readonly size?: number };

/** A crowd to each port; resolves with how they stand when it is so for each, or never becomes so. */
async function swarm(
  conduct: Conduct,
  isSo: (report: CrowdReport) => boolean,
): Promise<readonly CrowdReport[]> {
  const plan = { size: SIZE, atOnce: 50, hosts: 3, ...conduct };
  const crowds = await Promise.all(ports.map((port) => Crowd.come({ ...plan, port })));
  const reports = await Promise.all(crowds.map((crowd) => crowd.until(isSo, LIMIT_MS)));
  await Promise.all(crowds.map((crowd) => crowd.leave()));
  return reports;
}

const CONDUCTS: readonly [string, () => Conduct][] = [
  ["say nothing, or half a message", () => ({ says: [Buffer.alloc(0), hello.subarray(0, 100)] })],
  ["let it begin and never go on", () => ({ says: [hello] })],
  [
    "say a byte now and then",
    () => ({ says: [hello], slowly: { last: hello.length - 6, everyMs: 200 } }),
  ],
];

test.each(CONDUCTS)("thousands who %s: the oldest of them make room", async (_name, conduct) => {
  await ordeal.during(async () => {
    const isCrowded = ({ opened, open }: CrowdReport) => opened === SIZE && open <= PENDING_MAX;
    for (const report of await swarm({ ...conduct(), answerBytes: 1 }, isCrowded)) {
      expect(report).toMatchObject({ opened: SIZE, failed: 0 });
      expect(report.open).toBeLessThanOrEqual(PENDING_MAX);
      expect(report.oldestOpen).toBeGreaterThan(0);
    }
  });
});

function garbage(): Buffer[] {
  const random = new SeededRandom(SEED);
  const noise = (length: number) => Array.from({ length }, () => random.below(256));
  return [
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Buffer.from("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    Buffer.alloc(4096, 0xff),
    // A record longer than any may be, one of an empty message, an alert, a hello of SSL 2.
    Buffer.from([0x16, 3, 1, 0xff, 0xff, ...noise(70_000)]),
    Buffer.from([0x16, 3, 1, 0, 4, 1, 0, 0, 0]),
    Buffer.from([0x15, 3, 3, 0, 2, 2, 40]),
    Buffer.from([0x80, 0x2e, 1, 3, 1, ...noise(0x2e)]),
    // A first message that is whole and makes no sense, and one that sense has left on the way.
    Buffer.from([0x16, 3, 1, 1, 4, 1, 0, 1, 0, ...noise(256)]),
    Buffer.concat([hello.subarray(0, 60), Buffer.from(noise(hello.length - 60))]),
    // A good one, and behind it what no handshake goes on with.
    Buffer.concat([hello, Buffer.from(noise(2_000))]),
    ...Array.from({ length: 10 }, () => Buffer.from(noise(1 + random.below(2_000)))),
  ];
}

const ALERT = "\x15\x03\x03";
const SERVER_HELLO = "\x16\x03\x03";
const REFUSALS = new Set(["", "HTTP/1.1 400", "HTTP/1.1 404"]);

test("thousands whose bytes are no handshake: each is closed, with an alert or without a word", async () => {
  await ordeal.during(async () => {
    const conduct = { says: garbage(), answerBytes: ALERT.length };
    for (const report of await swarm(conduct, ({ closed }) => closed === SIZE)) {
      expect(report).toMatchObject({ opened: SIZE, closed: SIZE, failed: 0 });
      expect(report.answers).toEqual(["", ALERT, SERVER_HELLO]);
    }
  });
});

test("hundreds who are through, and then speak what nobody does: each is closed", async () => {
  const size = 100;
  const [, ...says] = garbage();
  await ordeal.during(async () => {
    const conduct = { says, isSecure: true, answerBytes: 12, size };
    for (const report of await swarm(conduct, ({ closed }) => closed === size)) {
      expect(report).toMatchObject({ opened: size, closed: size, failed: 0 });
      expect(report.answers.filter((answer) => !REFUSALS.has(answer))).toEqual([]);
    }
  });
});

test("when they are gone, so is what they took", async () => {
  const size = 200;
  await ordeal.outlasts(async () => {
    const conduct = { says: [hello, ...garbage()], answerBytes: 1, size };
    await swarm(conduct, ({ opened }) => opened === size);
  });
});
