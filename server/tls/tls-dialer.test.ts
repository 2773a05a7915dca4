import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer as createMute } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { Credentials } from "./credentials.ts";
import { type Issued, issue, profileOf } from "./issued-certificates.suite.ts";
import { TlsDialer } from "./tls-dialer.ts";

const TERMS = { cipherSuites: [], minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } as const;

let folder: string;
let own: Issued;
let dialer: TlsDialer;
let server: Server;
let askedFor: string[];
const warnings: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-dialer-"));
  const root = await issue({ folder, name: "root", serial: "01", isAuthority: true });
  own = await issue({ folder, name: "own", serial: "02", issuer: root, dns: ["example.test"] });
  const profile = profileOf(own, root.cert);
  const credentials = new Credentials(profile, TERMS);
  const log = { ...SILENT_LOG, warn: (message: string) => void warnings.push(message) };
  dialer = new TlsDialer({ log, profile, terms: TERMS, credentials });
  askedFor = [];
  server = createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) });
  server.on("secureConnection", (socket) => {
    askedFor.push(String("servername" in socket && socket.servername));
    socket.on("error", () => undefined).end("welcome");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  warnings.splice(0);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(folder, { recursive: true });
});

function dialed(): Promise<string> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve) => {
    const socket = dialer.dial({ host: "127.0.0.1", port });
    socket.once("data", (text) => resolve(String(text)));
    socket.once("error", (error) => resolve(error.message));
  });
}

test("a certificate that is not there is told from one that is none", () => {
  const dial = () => dialer.dial({ host: "127.0.0.1", port: 1 });
  writeFileSync(own.cert, "no certificate");
  expect(dial).toThrow("tls: failed to find any PEM data in certificate input");
  rmSync(own.cert);
  expect(dial).toThrow(`open ${own.cert}: no such file or directory`);
  expect(warnings).toEqual([
    "failed to create client certificate",
    "failed to find client cert files",
  ]);
});

test("a name that is expected is asked for and checked, instead of what is dialed", async () => {
  expect(await dialed()).toContain("x509: cannot validate certificate for 127.0.0.1");
  dialer.expectName("example.test");
  askedFor.splice(0);
  expect(await dialed()).toBe("welcome");
  expect(askedFor).toEqual(["example.test"]);
  dialer.expectName("example.org");
  expect(await dialed()).toBe("x509: certificate is valid for example.test, not example.org");
});

test("a connection that rests says so, also before its handshake", async () => {
  const mute = createMute((socket) => void socket.resume().on("error", () => undefined));
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const { port } = mute.address() as AddressInfo;
  const socket = dialer.dial({ host: "127.0.0.1", port, timeout: 50 });
  await new Promise((resolve) => socket.once("timeout", resolve));
  socket.destroy();
  await new Promise<void>((resolve) => void mute.close(() => resolve()));
});
