import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAuthorities } from "./authorities.ts";
import { Credentials } from "./credentials.ts";
import { type Issued, issue, profileOf } from "./issued-certificates.suite.ts";

const TERMS = { cipherSuites: [], minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } as const;

let folder: string;
let first: Issued;
let second: Issued;
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = keys.privateKey.export({ type: "sec1", format: "pem" }).toString();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-authorities-"));
  first = await issue({ folder, name: "first", serial: "01", isAuthority: true });
  second = await issue({ folder, name: "second", serial: "02", isAuthority: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

const parsed = (text: string) =>
  parseAuthorities(Buffer.from(text)).map((pem) => new X509Certificate(pem).subject);

/** The second certificate behind these bytes of its own block. */
function spoiled(pem: string, bytes: string): string {
  const [begin, ...rest] = pem.split("\n");
  return [begin, bytes, ...rest].join("\n");
}

test("all certificates of a file count, whatever stands between them and whatever they are called", () => {
  const called = second.pem.replaceAll("CERTIFICATE", "SOMETHING");
  expect(parsed(`Subject: first\n${first.pem}\r\n# and\n${called}`)).toEqual([
    "CN=first",
    "CN=second",
  ]);
  expect(parsed("no certificate at all")).toEqual([]);
  expect(parsed(first.pem.replace("MII", "M*I"))).toEqual([]);
});

test("a block that is no certificate is refused, also behind others", () => {
  expect(() => parsed(first.pem + spoiled(second.pem, "AAAA"))).toThrow(
    "x509: malformed certificate",
  );
  expect(() => parsed(first.pem + key)).toThrow("x509: malformed tbs certificate");
  const whole = Buffer.from(first.pem.replace(/-----.*-----|\s/g, ""), "base64");
  const longer = Buffer.concat([whole, Buffer.from([0, 0])]).toString("base64");
  const block = `-----BEGIN CERTIFICATE-----\n${longer}\n-----END CERTIFICATE-----\n`;
  expect(() => parsed(block)).toThrow("x509: trailing data");
});

test("a member does not start with such a file", () => {
  const trustedCaFile = join(folder, "authorities.pem");
  writeFileSync(trustedCaFile, first.pem + spoiled(second.pem, "AAAA"));
  const profile = profileOf(first, trustedCaFile);
  expect(() => new Credentials(profile, TERMS)).toThrow("x509: malformed certificate");
});
