import type { TLSSocket } from "node:tls";
import { beforeEach, expect, test, vi } from "vitest";
import { checkClient, type NameLookups } from "./client-check.ts";
import type { Credentials } from "./credentials.ts";

const lookups = {
  namesOf: vi.fn<NameLookups["namesOf"]>(),
  addressesOf: vi.fn<NameLookups["addressesOf"]>(),
};
const CREDENTIALS = { profile: { skipClientSanVerify: false } } as Credentials;

beforeEach(() => {
  lookups.namesOf.mockReset().mockResolvedValue([]);
  lookups.addressesOf.mockReset().mockResolvedValue([]);
});

function check(remoteAddress: string, subjectaltname: string): Promise<void> {
  const certificate = { raw: Buffer.alloc(0), subject: {}, subjectaltname, serialNumber: "01" };
  const socket = { remoteAddress, getPeerCertificate: () => certificate };
  return checkClient(socket as unknown as TLSSocket, CREDENTIALS, [], lookups);
}

test("the name behind an IPv6 address is looked for under the bare address", async () => {
  lookups.namesOf.mockResolvedValue(["m1.example.test."]);
  await check("fd00::1", "DNS:*.example.test");
  await check("fd00:0:0::1%eth0", "DNS:*.example.test");
  await check("::ffff:10.0.0.1", "DNS:*.example.test");
  expect(lookups.namesOf.mock.calls).toEqual([["fd00::1"], ["fd00::1"], ["10.0.0.1"]]);
});

test("an IPv6 address is known however it is spelled, in the certificate and by its name", async () => {
  await check("fd00::1", "IP Address:FD00:0:0:0:0:0:0:1");
  lookups.addressesOf.mockResolvedValue(["fd00:0::1"]);
  await check("fd00::1", "DNS:m1.example.test");
});

test("a refusal names the bare address", async () => {
  await expect(check("fd00::1", "DNS:*.example.test")).rejects.toThrow(
    'tls: "fd00::1" does not match any of DNSNames ["*.example.test"]',
  );
  await expect(check("fd00::1", "IP Address:10.0.0.1")).rejects.toThrow(
    "x509: certificate is valid for 10.0.0.1, not fd00::1",
  );
});
