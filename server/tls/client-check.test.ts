import { lookup, reverse } from "node:dns/promises";
import type { TLSSocket } from "node:tls";
import { beforeEach, expect, test, vi } from "vitest";
import { checkClient } from "./client-check.ts";
import type { Credentials } from "./credentials.ts";

vi.mock("node:dns/promises", () => ({ lookup: vi.fn(), reverse: vi.fn() }));

const CREDENTIALS = { profile: { skipClientSanVerify: false } } as Credentials;

beforeEach(() => {
  vi.mocked(reverse).mockReset().mockResolvedValue([]);
  vi.mocked(lookup).mockReset().mockResolvedValue([] as never);
});

function check(remoteAddress: string, subjectaltname: string): Promise<void> {
  const certificate = { raw: Buffer.alloc(0), subject: {}, subjectaltname, serialNumber: "01" };
  const socket = { remoteAddress, getPeerCertificate: () => certificate };
  return checkClient(socket as unknown as TLSSocket, CREDENTIALS, [], true);
}

test("the name behind an IPv6 address is looked for under the bare address", async () => {
  vi.mocked(reverse).mockResolvedValue(["m1.example.test."]);
  await check("fd00::1", "DNS:*.example.test");
  await check("fd00:0:0::1%eth0", "DNS:*.example.test");
  await check("::ffff:10.0.0.1", "DNS:*.example.test");
  expect(vi.mocked(reverse).mock.calls).toEqual([["fd00::1"], ["fd00::1"], ["10.0.0.1"]]);
});

test("an IPv6 address is known however it is spelled, in the certificate and by its name", async () => {
  await check("fd00::1", "IP Address:FD00:0:0:0:0:0:0:1");
  vi.mocked(lookup).mockResolvedValue([{ address: "fd00:0::1", family: 6 }] as never);
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
