import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import { Credentials } from "./credentials.ts";
import { HurriedClock } from "./hurried-clock.suite.ts";
import { selfSignedProfile } from "./self-signed.ts";
import { HANDSHAKE_MS, TlsAcceptor } from "./tls-acceptor.ts";

// What the log says of those who are not let in, and of whom.

const TERMS = { cipherSuites: [], minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } as const;

let folder: string;
let clock: HurriedClock;
let acceptor: TlsAcceptor;
let server: Server;
let lines: (readonly [level: string, error: unknown, remote: unknown])[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-rejected-"));
  clock = new HurriedClock();
  lines = [];
  const plan = { folder, hosts: ["127.0.0.1"], validityYears: 1 };
  const profile = await selfSignedProfile(plan, clock, SILENT_LOG);
  const note =
    (level: string) =>
    (_: string, fields: LogFields = {}) =>
      void lines.push([level, fields["error"], fields["remote-addr"]]);
  acceptor = new TlsAcceptor({
    clock,
    log: { ...SILENT_LOG, debug: note("debug"), warn: note("warn") },
    credentials: new Credentials(profile, TERMS),
    side: "client",
    checksAddress: false,
    protocols: ["h2"],
    pendingMax: 4,
  });
  server = createServer((raw) => acceptor.accept(raw, (secure) => secure.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  acceptor.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(folder, { recursive: true });
});

async function opened(): Promise<{ socket: Socket; local: string }> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined).resume();
  await new Promise<void>((resolve) => void socket.once("connect", () => resolve()));
  return { socket, local: `127.0.0.1:${socket.localPort}` };
}

async function written(count: number): Promise<void> {
  while (lines.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(lines).toHaveLength(count);
}

/** A client's first message. */
async function hello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const listener = createServer((socket) =>
      socket.once("data", (bytes) => {
        resolve(bytes);
        client.destroy();
        listener.close();
      }),
    ).listen(0, "127.0.0.1", () => {
      client = connectTls({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1" });
      client.on("error", () => undefined);
    });
    let client: Socket;
  });
}

test("who only looks whether the port is open is no warning", async () => {
  const { socket, local } = await opened();
  socket.end();
  await written(1);
  expect(lines).toEqual([["debug", "EOF", local]]);
});

test("who keeps the others waiting is a warning, and so is who makes room for them", async () => {
  const first = await opened();
  for (let count = 0; count < 4; count++) await opened();
  await written(1);
  expect(lines).toEqual([["warn", "too many connections wait for their handshakes", first.local]]);
  clock.forward(HANDSHAKE_MS + 1);
  await written(5);
  const others = lines.slice(1).map(([level, error]) => [level, error]);
  expect(others).toEqual(Array.from({ length: 4 }, () => ["warn", "i/o timeout"]));
});

test("a lost connection is its own, whoever went before", async () => {
  const first = await hello();
  const before = await opened();
  before.socket.end("GET / HTTP/1.1\r\n\r\n");
  await written(1);
  expect(lines[0]?.[2]).toBe(before.local);
  const lost = await opened();
  lost.socket.write(first);
  await new Promise<void>((resolve) => void lost.socket.once("data", () => resolve()));
  lost.socket.resetAndDestroy();
  await written(2);
  expect(lines[1]).toEqual(["debug", "EOF", lost.local]);
});
