import { expect, test, vi } from "vitest";
import { auditAct } from "./audit.ts";

/** The line that a request leaves, and what it says. */
function audited(body: unknown): { line: string; told: Record<string, unknown> } {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const request = new Request("http://console.test/api/x", { method: "POST" });
  auditAct({ request, requestId: "id", user: "admin", body }, new Response());
  const line = String(write.mock.calls[0]?.[0]);
  write.mockRestore();
  return { line, told: JSON.parse(line) as Record<string, unknown> };
}

const keyed = (key: string | Buffer) => ({ key: Buffer.from(key).toString("base64") });

test("what a key was put on stands in the line", () => {
  expect(audited({ ...keyed("a"), lease: "4611686018427387905" }).told).toMatchObject({
    lease: "4611686018427387905",
  });
  expect(audited({ ...keyed("a"), lease: "0" }).told).toMatchObject({ lease: "0" });
  expect(audited({ ...keyed("a"), ttlSeconds: 60 }).told).toMatchObject({ ttlSeconds: 60 });
  const { told } = audited({ ...keyed("a"), value: "canary" });
  expect(Object.keys(told)).not.toContain("lease");
  expect(Object.keys(told)).not.toContain("ttlSeconds");
  expect(Object.keys(told)).not.toContain("keyBytes");
});

test("a key that is cut says how long it is, and stays text", () => {
  const start = "ä".repeat(511);
  expect(audited(keyed(`${start}aäb`)).told).toMatchObject({ key: `${start}a`, keyBytes: 1026 });
  expect(audited(keyed("x".repeat(1_024))).told).not.toHaveProperty("keyBytes");
  const bytes = Buffer.alloc(2_000, 0xff);
  const keyBase64 = bytes.subarray(0, 1_024).toString("base64");
  const other = audited({ prefix: Buffer.alloc(3_000, 0x80).toString("base64") });
  expect(audited(keyed(bytes)).told).toMatchObject({ keyBase64, keyBytes: 2_000 });
  expect(other.told).toMatchObject({ prefixBytes: 3_000 });
});

test("nothing in a key steers the terminal that shows the log", () => {
  const key = "a\u007f\u0085\u009b31m\u202egnp\u2066\u200b\ufeff\u2028\u{e0041}ä漢😀";
  const { line, told } = audited(keyed(key));
  expect(told["key"]).toBe(key);
  expect(line).toContain("\\u009b31m\\u202egnp\\u2066\\u200b\\ufeff\\u2028\\udb40\\udc41ä漢😀");
  expect(line.trimEnd()).not.toMatch(/[\u007f-\u009f\u2028\u2029\p{Cf}]/u);
});
