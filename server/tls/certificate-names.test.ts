import type { PeerCertificate } from "node:tls";
import { expect, test } from "vitest";
import { canonicalAddress, mismatch, namesOf } from "./certificate-names.ts";

const names = (dnsNames: string[], ipAddresses: string[] = [], commonName = "") => ({
  commonName,
  dnsNames,
  ipAddresses,
});

test("a name is matched label by label, without regard to case and a last dot", () => {
  expect(mismatch(names(["Member.Example"]), "member.example.")).toBeUndefined();
  expect(mismatch(names(["member.example"]), "a.member.example")).toBe(
    "x509: certificate is valid for member.example, not a.member.example",
  );
});

test("a wildcard stands for exactly one whole label, the first", () => {
  const wild = names(["*.example"]);
  expect(mismatch(wild, "a.example")).toBeUndefined();
  for (const host of ["example", "a.b.example", ".example"]) {
    expect(mismatch(wild, host)).toBeDefined();
  }
  expect(mismatch(names(["a*.example"]), "ab.example")).toBeDefined();
  expect(mismatch(names(["a.*"]), "a.example")).toBeDefined();
});

test("a name that is none is matched by itself alone, to the last dot", () => {
  for (const [name, host, isMatch] of [
    ["A.COM.", "a.com", false],
    ["A.COM.", "a.com.", true],
    ["*.com.", "a.com", false],
    ["*", "localhost", false],
    ["*", "*", true],
    ["a..com", "a..com", true],
    ["a b", "A B", true],
    ["-a.com", "-a.com", true],
    ["*.-a", "b.-a", false],
    ["a_b.com", "a_b.com.", true],
    ["\u212a.com", "k.com", false],
    [".", ".", false],
    ["", "", false],
  ] as const) {
    expect(mismatch(names([name]), host) === undefined, `${name} for ${host}`).toBe(isMatch);
  }
});

test("an address is compared as an address, and only with addresses", () => {
  const six = names([], ["0:0:0:0:0:0:0:1"]);
  expect(mismatch(six, "[::1]")).toBeUndefined();
  expect(mismatch(names([], ["10.0.0.1"]), "::ffff:10.0.0.1")).toBeUndefined();
  expect(mismatch(names(["127.0.0.1"]), "127.0.0.1")).toBe(
    "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
  );
  expect(mismatch(names([], ["10.0.0.1", "10.0.0.2"]), "10.0.0.3")).toBe(
    "x509: certificate is valid for 10.0.0.1, 10.0.0.2, not 10.0.0.3",
  );
});

test("the common name names no host", () => {
  expect(mismatch(names([], [], "member.example"), "member.example")).toBe(
    "x509: certificate relies on legacy Common Name field, use SANs instead",
  );
  expect(mismatch(names([]), "member.example")).toBe(
    "x509: certificate is not valid for any names, but wanted to match member.example",
  );
});

test("names are taken from a certificate as the runtime describes it", () => {
  const certificate = {
    subject: { CN: ["first", "last"] },
    subjectaltname: 'DNS:a.example, IP Address:10.0.0.1, DNS:"b, DNS:evil.example", URI:x:y',
  };
  expect(namesOf(certificate as unknown as PeerCertificate)).toEqual({
    commonName: "last",
    dnsNames: ["a.example", "b, DNS:evil.example"],
    ipAddresses: ["10.0.0.1"],
  });
  expect(namesOf({} as PeerCertificate)).toEqual(names([]));
});

test("the same address has one form", () => {
  expect(canonicalAddress("::FFFF:127.0.0.1")).toBe("127.0.0.1");
  expect(canonicalAddress("2001:DB8:0:0::1")).toBe(canonicalAddress("2001:db8::1"));
  expect(canonicalAddress("fe80::1%eth0")).toBe(canonicalAddress("fe80::1"));
  expect(canonicalAddress("host.example")).toBeUndefined();
});
