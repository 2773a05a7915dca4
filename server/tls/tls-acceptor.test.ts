import { once } from "node:events";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { Credentials } from "./credentials.ts";
import { HurriedClock } from "./hurried-clock.suite.ts";
import { selfSignedProfile } from "./self-signed.ts";
import { HANDSHAKE_MS, TlsAcceptor } from "./tls-acceptor.ts";
import type { TlsProfile } from "./tls-profile.ts";

const TERMS = { cipherSuites: [], minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } as const;

let folder: string;
let clock: HurriedClock;
let profile: TlsProfile;
let acceptor: TlsAcceptor;
let server: Server;
let port: number;
const accepted: Socket[] = [];
const opened: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-tls-"));
  clock = new HurriedClock();
  const plan = { folder, hosts: ["127.0.0.1"], validityYears: 1 };
  profile = await selfSignedProfile(plan, clock, SILENT_LOG);
  acceptor = accepting(profile);
  // As HTTP's servers are; half-open connections must not outlive their handshakes.
  server = createServer({ allowHalfOpen: true }, (socket) =>
    acceptor.accept(socket, (secure) => accepted.push(secure)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  acceptor.close();
  for (const socket of [...opened.splice(0), ...accepted.splice(0)]) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(folder, { recursive: true });
});

const PENDING_MAX = 100;

function accepting(shown: TlsProfile): TlsAcceptor {
  return new TlsAcceptor({
    clock,
    log: SILENT_LOG,
    credentials: new Credentials(shown, TERMS),
    side: "client",
    checksAddress: false,
    protocols: ["h2"],
    pendingMax: PENDING_MAX,
  });
}

/** A connection that says nothing by itself. */
function silent(localPort?: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const from = localPort === undefined ? {} : { localPort };
    const socket = connect({ port, host: "127.0.0.1", ...from });
    opened.push(socket);
    socket.once("connect", () => resolve(socket));
    socket.on("error", reject);
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const found = (probe.address() as AddressInfo).port;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return found;
}

function closed(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => void socket.once("close", () => resolve()));
}

/** Resolves with what the handshake came to: a version, or the error's text. */
function handshake(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    opened.push(socket);
    socket.once("secureConnect", () => resolve(socket.getProtocol() ?? ""));
    socket.once("error", (error) => resolve(error.message));
  });
}

async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

test("a handshake that is done leaves nothing pending", async () => {
  expect(await handshake()).toBe("TLSv1.3");
  await eventually(() => accepted.length === 1);
  expect(acceptor.pendingCount).toBe(0);
});

test("who says nothing, or goes on slowly, has so long and no longer", async () => {
  const [mute, slow] = [await silent(), await silent()];
  slow.write(Buffer.from([0x16, 0x03, 0x01, 0x02]));
  await eventually(() => acceptor.pendingCount === 2);
  clock.forward(HANDSHAKE_MS / 2);
  slow.write(Buffer.from([0x00]));
  expect(acceptor.pendingCount).toBe(2);
  const ended = [closed(mute), closed(slow)];
  clock.forward(HANDSHAKE_MS / 2 + 1);
  await Promise.all(ended);
  await eventually(() => acceptor.pendingCount === 0);
});

test("those who wait are bounded; the oldest makes room for one that finishes", async () => {
  const first = await silent();
  await eventually(() => acceptor.pendingCount === 1);
  const gone = closed(first);
  for (let at = 0; at < PENDING_MAX; at++) await silent();
  await gone;
  expect(acceptor.pendingCount).toBeLessThanOrEqual(PENDING_MAX);
  expect(await handshake()).toBe("TLSv1.3");
});

/** Joins a client with the server, which hears these pieces first. */
async function relay(client: Socket, pieces: readonly Buffer[]): Promise<void> {
  const served = await silent();
  served.on("data", (bytes) => client.write(bytes));
  for (const piece of pieces) {
    served.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  client.on("data", (bytes) => served.write(bytes));
}

/** A client whose first message reaches the server as `rewrite` says, a piece at a time. */
async function handshakeBy(rewrite: (hello: Buffer) => Buffer[]): Promise<string> {
  const proxy = createServer((client) => {
    opened.push(client);
    client.once("data", (hello: Buffer) => void relay(client, rewrite(hello)));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port: proxied } = proxy.address() as AddressInfo;
  const socket = connectTls({ port: proxied, host: "127.0.0.1", rejectUnauthorized: false });
  opened.push(socket);
  const outcome = await new Promise<string>((resolve) => {
    socket.once("secureConnect", () => resolve(socket.getProtocol() ?? ""));
    socket.once("error", (error) => resolve(error.message));
  });
  proxy.close();
  return outcome;
}

function record(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x16, 3, 1, payload.length >> 8, payload.length]), payload]);
}

test("a first message is understood byte for byte, and over any number of records", async () => {
  const bytewise = (hello: Buffer) => [
    ...Array.from({ length: 12 }, (_, at) => hello.subarray(at, at + 1)),
    hello.subarray(12),
  ];
  expect(await handshakeBy(bytewise)).toBe("TLSv1.3");
  const inRecords = (hello: Buffer) =>
    [hello.subarray(5, 25), hello.subarray(25, 100), hello.subarray(100)].map(record);
  expect(await handshakeBy(inRecords)).toBe("TLSv1.3");
});

test("however many have half a first message, none of them is begun; all get their turn", async () => {
  const greetings: Socket[] = [];
  const waiting = Array.from({ length: 60 }, () =>
    handshakeBy((hello) => [hello.subarray(0, 50), hello.subarray(50)]),
  );
  for (let at = 0; at < 20; at++) {
    const half = await silent();
    half.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]));
    greetings.push(half);
  }
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["TLSv1.3"]));
  await eventually(() => acceptor.pendingCount === greetings.length);
  expect(greetings.every((socket) => !socket.destroyed)).toBe(true);
});

/** What a client says first, as it is. */
async function firstMessage(): Promise<Buffer> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port: asked } = listener.address() as AddressInfo;
  const client = connectTls({ port: asked, host: "127.0.0.1" }).on("error", () => undefined);
  const [socket] = (await once(listener, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  listener.close();
  return hello;
}

test("those who let begin and do not go on are bounded by themselves; who waits to begin stays", async () => {
  const waiting = await silent();
  const hello = await firstMessage();
  const begun: Socket[] = [];
  for (let at = 0; at < PENDING_MAX / 2; at++) {
    const socket = await silent();
    socket.write(hello);
    socket.resume();
    begun.push(socket);
  }
  await eventually(() => begun.filter(({ destroyed }) => destroyed).length >= PENDING_MAX / 4);
  await eventually(() => acceptor.startedCount === PENDING_MAX / 4);
  expect([begun[0]?.destroyed, begun.at(-1)?.destroyed]).toEqual([true, false]);
  expect([waiting.destroyed, acceptor.pendingCount]).toEqual([false, PENDING_MAX / 4 + 1]);
  expect(await handshake()).toBe("TLSv1.3");
});

test("bytes that are no handshake end their connection and no other", async () => {
  const garbage = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Buffer.alloc(4096, 0xff),
    Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, ...Buffer.alloc(70_000)]),
    Buffer.from([0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00]),
    Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]),
    Buffer.from([0x80, 0x2e, 0x01, 0x03, 0x01]),
  ];
  for (const bytes of garbage) {
    const socket = await silent();
    socket.removeAllListeners("error").on("error", () => undefined);
    const ended = closed(socket);
    socket.end(bytes);
    await ended;
  }
  await eventually(() => acceptor.pendingCount === 0);
  expect(accepted).toEqual([]);
  expect(await handshake()).toBe("TLSv1.3");
});

test("a file that is broken fails each handshake by an alert, until it is whole again", async () => {
  const { certFile } = profile;
  const { mtime } = statSync(certFile);
  const whole = await selfSignedProfile(
    { folder: join(folder, "again"), hosts: ["127.0.0.1"], validityYears: 1 },
    clock,
    SILENT_LOG,
  );
  writeFileSync(certFile, "no certificate");
  for (const _ of [1, 2]) expect(await handshake()).toContain("internal error");
  rmSync(certFile);
  expect(await handshake()).toContain("internal error");
  copyFileSync(whole.certFile, certFile);
  expect(await handshake()).toContain("internal error");
  copyFileSync(whole.keyFile, profile.keyFile);
  utimesSync(certFile, mtime, mtime);
  expect(await handshake()).toBe("TLSv1.3");
});

test("who closes during the handshake is gone at once", async () => {
  const socket = await silent();
  await eventually(() => acceptor.pendingCount === 1);
  socket.end(Buffer.from([0x16, 0x03, 0x01]));
  await eventually(() => acceptor.pendingCount === 0);
});

test("who does not trust the certificate is gone at once", async () => {
  const socket = connectTls({ port, host: "127.0.0.1" });
  opened.push(socket);
  await new Promise<void>((resolve) => void socket.once("error", () => resolve()));
  await eventually(() => acceptor.pendingCount === 0);
});

test("one client that comes from one port to two is two connections", async () => {
  const arrived: string[] = [];
  const second = createServer((socket) => acceptor.accept(socket, () => arrived.push("second")));
  await new Promise<void>((resolve) => second.listen(0, "127.0.0.1", resolve));
  const localPort = await freePort();
  const first = await silent(localPort);
  const { port: secondPort } = second.address() as AddressInfo;
  const own = { localPort, host: "127.0.0.1", rejectUnauthorized: false };
  opened.push(connectTls({ ...own, port: secondPort }));
  await eventually(() => arrived.length === 1 && acceptor.pendingCount === 1);
  opened.push(connectTls({ socket: first, rejectUnauthorized: false }));
  await eventually(() => accepted.length === 1 && acceptor.pendingCount === 0);
  expect(arrived).toEqual(["second"]);
  for (const socket of opened) socket.destroy();
  await new Promise<void>((resolve) => second.close(() => resolve()));
});

describe("clients that must show a certificate", () => {
  beforeEach(() => {
    acceptor = accepting({ ...profile, trustedCaFile: profile.certFile, clientCertAuth: true });
  });

  /** The error that a client sees, be it after its own handshake. */
  function refusal(options: ConnectionOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const own = { port, host: "127.0.0.1", rejectUnauthorized: false };
      const socket = connectTls({ ...own, ...options });
      opened.push(socket);
      socket.once("error", (error) => resolve("code" in error ? error.code : error));
      socket.once("close", () => reject(new Error("closed without a reason")));
      socket.resume();
    });
  }

  test.for(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])(
    "hear that there is none, under %s",
    async (ciphers) => {
      const code = await refusal({ ciphers, minVersion: "TLSv1.3" });
      expect(code).toBe("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
      await eventually(() => acceptor.pendingCount === 0);
    },
  );

  test("hear that it is for something else, and are not accepted", async () => {
    const pair = { cert: readFileSync(profile.certFile), key: readFileSync(profile.keyFile) };
    expect(await refusal(pair)).toBe("ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE");
    await eventually(() => acceptor.pendingCount === 0);
    expect(accepted).toEqual([]);
  });

  test("are cut off in TLS 1.2, and those who stay nevertheless in the end", async () => {
    await expect(refusal({ maxVersion: "TLSv1.2" })).rejects.toThrow("closed without a reason");
    const staying = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    staying.on("error", () => undefined);
    opened.push(staying);
    await new Promise<void>((resolve) => void staying.once("secureConnect", () => resolve()));
    const ended = closed(staying);
    clock.forward(HANDSHAKE_MS + 1);
    await ended;
    await eventually(() => acceptor.pendingCount === 0);
    expect(accepted).toEqual([]);
  });
});
