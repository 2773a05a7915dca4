import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Http2Session } from "node:http2";
import { connect as connectRaw } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, test } from "vitest";
import { CertificateAuthority } from "../harness/certificates.ts";
import type { Make } from "../harness/member-process.ts";
import { SecureMember } from "../harness/secure-member.ts";

// How long and how often connections may be idle, ping and open streams, with etcd's flags: each
// client does the same to a member of ours and to real etcd.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const PREFACE = Buffer.from(
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
  "latin1",
);
const PING = 6;

let folder: string;
const members = new Map<string, SecureMember>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  const authority = await CertificateAuthority.create(folder, "authority");
  const { cert, key } = await authority.issue("m", { commonName: "m", ips: ["127.0.0.1"] });
  const pair = ["", "peer-"].flatMap((side) => [
    `--${side}cert-file=${cert}`,
    `--${side}key-file=${key}`,
  ]);
  const told = [
    "--grpc-keepalive-min-time=100ms",
    "--grpc-keepalive-interval=1s",
    "--grpc-keepalive-timeout=1s",
    "--max-concurrent-streams=3",
  ];
  await Promise.all(
    MAKES.flatMap((make) => [
      SecureMember.start(make, pair).then((each) => members.set(make, each)),
      SecureMember.start(make, [...pair, ...told]).then((each) =>
        members.set(`${make} told`, each),
      ),
    ]),
  );
});

afterAll(async () => {
  await Promise.all([...members.values()].map((each) => each.stop()));
  rmSync(folder, { recursive: true });
});

/** What `ask` finds at each make: both must be the same. */
async function compare<T>(isTold: boolean, ask: (member: SecureMember) => Promise<T>) {
  const found = MAKES.map((make) => members.get(isTold ? `${make} told` : make) as SecureMember);
  const [etcds, ours] = await Promise.all(found.map(ask));
  return { ours: ours as T, etcds: etcds as T };
}

const url = (member: SecureMember, scheme: string) =>
  scheme === "https" ? member.secureUrl : member.process.clientUrl;

function open(at: string): Http2Session {
  const session = connect(at, { rejectUnauthorized: false, maxOutstandingPings: 100 });
  session.on("error", () => undefined);
  return session;
}

/** Pings one after the other; how many were answered, and what the server said in the end. */
async function pings(at: string, everyMs: number, count: number, withStream: boolean) {
  const session = open(at);
  let farewell = "";
  session.on("goaway", (code, _last, data) => {
    farewell = `${code} ${Buffer.from(data ?? "").toString()}`;
  });
  const gone = new Promise<void>((resolve) => session.once("close", () => resolve()));
  await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
  if (withStream && "request" in session) watch(session as ReturnType<typeof connect>);
  let answered = 0;
  for (let at = 0; at < count && !session.closed && !session.destroyed; at++) {
    const isAnswered = await Promise.race([
      new Promise<boolean>((resolve) => void session.ping((error) => resolve(error === null))),
      gone.then(() => false),
    ]);
    if (isAnswered) answered++;
    await delay(everyMs);
  }
  session.destroy();
  return { answered, farewell };
}

/** A call that stays open. */
function watch(session: ReturnType<typeof connect>): void {
  const stream = session.request({
    ":method": "POST",
    ":path": "/etcdserverpb.Watch/Watch",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
}

describe.concurrent("clients that ping", () => {
  test.for([
    ["http", false, false],
    ["http", false, true],
    ["http", true, false],
    ["https", false, false],
    ["https", true, true],
  ] as const)(
    "too often: %s, flags %s, with a call open %s",
    async ([scheme, isTold, hasStream], { expect }) => {
      const { ours, etcds } = await compare(isTold, (member) =>
        pings(url(member, scheme), 20, 8, hasStream),
      );
      expect(ours).toEqual(etcds);
      expect(ours.farewell).toBe(scheme === "http" ? "11 too_many_pings" : "");
    },
  );

  test("as often as the flag allows while a call is open", async ({ expect }) => {
    const { ours, etcds } = await compare(true, (member) =>
      pings(url(member, "http"), 150, 8, true),
    );
    expect(ours).toEqual(etcds);
    expect(ours).toEqual({ answered: 8, farewell: "" });
  });
});

describe.concurrent("clients that go silent", () => {
  test("are pinged after the interval, and cut off after the timeout", async ({ expect }) => {
    const { ours, etcds } = await compare(true, async (member) => {
      const socket = connectRaw(member.process.options.clientPort, "127.0.0.1");
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.write(PREFACE);
      await new Promise<void>((resolve) => socket.once("close", () => resolve()));
      return frameTypes(Buffer.concat(chunks)).includes(PING);
    });
    expect([ours, etcds]).toEqual([true, true]);
  });
});

function frameTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    types.push(bytes[at + 3] as number);
  }
  return types;
}

describe.concurrent("streams at a time", () => {
  test.for(["http", "https"])(
    "as many as the flag says are announced: %s",
    async (scheme, { expect }) => {
      const { ours, etcds } = await compare(true, async (member) => {
        const session = open(url(member, scheme));
        const streamsMax = await new Promise<number | undefined>((resolve) =>
          session.once("remoteSettings", (settings) => resolve(settings.maxConcurrentStreams)),
        );
        session.destroy();
        return streamsMax;
      });
      expect(ours).toBe(etcds);
      expect(ours).toBe(3);
    },
  );
});
