import "reflect-metadata";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
} from "@peculiar/x509";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import type { NameLookups } from "./client-check.ts";
import { Credentials } from "./credentials.ts";
import { HurriedClock } from "./hurried-clock.suite.ts";
import { type Issued, issue, profileOf, revoke } from "./issued-certificates.suite.ts";
import { HANDSHAKE_MS, TlsAcceptor } from "./tls-acceptor.ts";
import type { TlsProfile } from "./tls-profile.ts";

// Root and intermediate authority, a certificate for clients and one for the server: who is let in
// by which file of authorities and which list of what is revoked.

const TERMS = { cipherSuites: [], minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } as const;
const UNKNOWN = "certificate signed by unknown authority";
const AUTHORITY = new BasicConstraintsExtension(true, undefined, true);
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

let folder: string;
let root: Issued;
let middle: Issued;
let client: Issued;
let shown: Issued;
let server: Server;
let clock: HurriedClock;
let acceptor: TlsAcceptor;
const refusals: LogFields[] = [];
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  clock = new HurriedClock();
  root = await issue({ folder, name: "root", serial: "01", isAuthority: true });
  const issuer = root;
  middle = await issue({ folder, name: "middle", serial: "0a02", issuer, isAuthority: true });
  client = await issue({ folder, name: "client", serial: "03", issuer: middle });
  shown = await issue({ folder, name: "shown", serial: "04", issuer });
});

afterEach(async () => {
  acceptor.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  refusals.splice(0);
  rmSync(folder, { recursive: true });
});

async function serve(more: Partial<TlsProfile>, lookups?: NameLookups): Promise<void> {
  const profile = { ...profileOf(shown, root.cert), ...more };
  acceptor = new TlsAcceptor({
    clock,
    log: { ...SILENT_LOG, warn: (_, fields = {}) => void refusals.push(fields) },
    credentials: new Credentials(profile, TERMS),
    side: "client",
    checksAddress: lookups !== undefined,
    ...(lookups && { lookups }),
    protocols: ["h2"],
    pendingMax: 10,
  });
  server = createServer((raw) =>
    acceptor.accept(raw, (secure, name) => secure.write(`as ${name}`)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

/** What the server says, or why it says nothing. */
function answer(cert: string, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      cert,
      ...options,
    });
    sockets.push(socket);
    socket.once("data", (text) => resolve(String(text)));
    socket.once("error", () => undefined);
    socket.once("close", () => resolve(String(refusals.at(-1)?.["error"])));
  });
}

/** As `issue` wrote it: certificate, key, and what else is sent. */
const withChain = ({ pem, key }: Issued, ...more: readonly Issued[]) =>
  answer(pem + more.map((each) => each.pem).join(""), { key: readFileSync(key) });

test.for(VERSIONS)(
  "an intermediate authority alone is trusted for what it has issued, under %s",
  async (version) => {
    await serve({ trustedCaFile: middle.cert });
    const options = { key: readFileSync(client.key), minVersion: version, maxVersion: version };
    expect(await answer(client.pem, options)).toBe("as client");
    expect(await answer(client.pem + middle.pem, options)).toBe("as client");
    // Issued by the root, in which this file puts no trust.
    expect(await withChain(shown)).toContain("certificate signed by unknown authority");
  },
);

test.for<readonly [fault: string, says: readonly Extension[], verdict: string]>([
  ["may sign and is no authority", [new KeyUsagesExtension(KeyUsageFlags.keyCertSign)], UNKNOWN],
  ["may not sign", [AUTHORITY, new KeyUsagesExtension(KeyUsageFlags.digitalSignature)], UNKNOWN],
  [
    "stands for servers alone",
    [AUTHORITY, new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])],
    "certificate specifies an incompatible key usage",
  ],
  [
    "asks for what is not known",
    [AUTHORITY, new Extension("1.2.3.4", true, new Uint8Array([5, 0]))],
    "unhandled critical extension",
  ],
])("an issuer that %s is none, in etcd's words", async ([, says, verdict]) => {
  const issuer = await issue({ folder, name: "odd", serial: "05", issuer: root, says });
  const below = await issue({ folder, name: "below", serial: "06", issuer });
  await serve({});
  const told = await withChain(below, issuer);
  expect(told).toBe(`tls: failed to verify certificate: x509: ${verdict}`);
});

test("an authority above others than it allows is told so", async () => {
  const says = [new BasicConstraintsExtension(true, 0, true)];
  const upper = await issue({ folder, name: "upper", serial: "05", issuer: root, says });
  const lower = await issue({ folder, name: "lower", serial: "06", issuer: upper, says });
  const below = await issue({ folder, name: "below", serial: "07", issuer: lower });
  await serve({});
  const text = "x509: too many intermediates for path length constraint";
  expect(await withChain(below, lower, upper)).toContain(text);
});

test("a signature by SHA-1 is no authority's", async () => {
  const old = await issue({ folder, name: "old", serial: "05", issuer: root, hash: "SHA-1" });
  await serve({});
  expect(await withChain(old)).toContain(UNKNOWN);
});

describe.for(VERSIONS)("a list of revoked certificates, under %s,", (version) => {
  const asked = (cert: string) =>
    answer(cert, { key: readFileSync(client.key), minVersion: version, maxVersion: version });

  test("is about those that a client sends", async () => {
    await serve({ crlFile: await revoke(folder, root, ["0a02"]) });
    const refused = await asked(client.pem + middle.pem);
    expect(refused).toBe("Error: transport: certificate serial 0a02 revoked");
    expect(await withChain(shown)).toBe("as shown");
  });

  test("is not about the trusted ones", async () => {
    await serve({ crlFile: await revoke(folder, middle, ["01"]) });
    expect(await withChain(shown)).toBe("as shown");
    expect(await asked(client.pem + middle.pem)).toBe("as client");
  });

  test("refuses the client's own", async () => {
    await serve({ crlFile: await revoke(folder, middle, ["03"]) });
    const refused = await asked(client.pem + middle.pem);
    expect(refused).toBe("Error: transport: certificate serial 03 revoked");
  });
});

describe("name servers that are slow", () => {
  let named: Issued;
  let found: (names: string[]) => void;

  beforeEach(async () => {
    named = await issue({ folder, name: "named", serial: "05", issuer: root, dns: ["*.test"] });
  });

  /** What is said to one whose handshake took half of its time and whose name is looked up now. */
  async function lookedUp(): Promise<{ said: Promise<string> }> {
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const namesOf = (): Promise<string[]> => {
      asked();
      return new Promise((resolve) => {
        found = resolve;
      });
    };
    await serve({}, { namesOf, addressesOf: async () => [] });
    server.once("connection", () => clock.forward(HANDSHAKE_MS / 2));
    const said = withChain(named);
    await isAsked;
    return { said };
  }

  test("have as long as the handshake had", async () => {
    const { said } = await lookedUp();
    clock.forward(HANDSHAKE_MS - 1000);
    found(["m1.test"]);
    expect(await said).toBe("as named");
  });

  test("end a connection in the end, and the log says so once", async () => {
    const { said } = await lookedUp();
    clock.forward(HANDSHAKE_MS + 1);
    expect(await said).toBe("i/o timeout");
    found(["elsewhere"]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(refusals).toHaveLength(1);
    const remote = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(refusals[0]).toMatchObject({ "remote-addr": remote });
  });
});
