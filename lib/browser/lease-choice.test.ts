import { expect, test } from "vitest";
import { hexOfDecimal } from "../schema/bytes.ts";
import { NO_LEASE, parseLease } from "./lease-choice.ts";

const existing = (id: string) => parseLease({ ...NO_LEASE, kind: "existing", id });
const fresh = (seconds: string) => parseLease({ ...NO_LEASE, kind: "new", seconds });

test("without a lease nothing else counts", () => {
  const parsed = parseLease({ kind: "none", id: "zz", seconds: "-1" });
  expect(parsed).toEqual({ ok: true, lease: { kind: "none" } });
});

test("an id is the hex that etcdctl prints, over all 64 bits", () => {
  for (const hex of ["1", "694d8257012b2c4a", "ffffffffffffffff", "8000000000000000"]) {
    const parsed = existing(` 0x00${hex.toUpperCase()} `);
    if (!parsed.ok || parsed.lease.kind !== "existing") throw new Error(hex);
    expect(hexOfDecimal(parsed.lease.id)).toBe(hex);
  }
  expect(existing("ffffffffffffffff")).toEqual({ ok: true, lease: { kind: "existing", id: "-1" } });
});

test.each(["0", "00", "0x", "xyz", "1ffffffffffffffff", "1 2", "-1"])("%j is no id", (id) => {
  expect(existing(id)).toMatchObject({ ok: false, error: expect.stringMatching(/16 hex/) });
});

test("a time to live is whole seconds within what etcd grants", () => {
  expect(fresh("600")).toEqual({ ok: true, lease: { kind: "new", ttlSeconds: 600 } });
  expect(fresh("1").ok).toBe(true);
  expect(fresh("9000000000").ok).toBe(true);
  for (const wrong of ["0", "9000000001", "1.5", "1e3", "-5", "10m", "1,000", "99".repeat(200)]) {
    expect(fresh(wrong), wrong).toMatchObject({ ok: false, error: expect.stringMatching(/whole/) });
  }
});

test("an empty field is not yet wrong", () => {
  expect(existing(" ")).toEqual({ ok: false, error: null });
  expect(fresh("")).toEqual({ ok: false, error: null });
});
