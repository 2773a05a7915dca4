import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeUtf8 } from "./key-text.ts";
import { rangeFault, rangeParams, readRange, type WatchRange } from "./watch-range.ts";

const range = (start: string, end: string): WatchRange => ({
  kind: "range",
  start: encodeUtf8(start),
  end: encodeUtf8(end),
});

test("a range of any bytes comes back the same from its address", () => {
  const bytes = fc.uint8Array({ maxLength: 6 });
  const anyRange: fc.Arbitrary<WatchRange> = fc.oneof(
    fc.record({ kind: fc.constantFrom("key" as const, "prefix" as const), bytes }),
    fc.record({ kind: fc.constant("range" as const), start: bytes, end: bytes }),
  );
  fc.assert(
    fc.property(anyRange, (wanted) => {
      fc.pre(rangeFault(wanted) === null);
      const address = new URLSearchParams(rangeParams(wanted)).toString();
      expect(readRange(new URLSearchParams(address))).toEqual({ ok: true, range: wanted });
    }),
  );
});

test("an address without an end is open, and one without anything names nothing", () => {
  expect(readRange(new URLSearchParams("start=a"))).toEqual({ ok: true, range: range("a", "\0") });
  expect(readRange(new URLSearchParams("end=b"))).toEqual({ ok: true, range: range("", "b") });
  expect(readRange(new URLSearchParams("cluster=local"))).toEqual({ ok: true, range: null });
});

test("what etcd would refuse is named before it is asked", () => {
  expect(rangeFault(range("b", "a"))).toContain("end must come after its start");
  expect(rangeFault(range("a", "a"))).toContain("end must come after its start");
  expect(rangeFault(range("ab", "a"))).toContain("end must come after its start");
  expect(rangeFault(range("a", "a\0"))).toBeNull();
  expect(rangeFault(range("b", "\0"))).toBeNull();
  expect(rangeFault({ kind: "key", bytes: new Uint8Array(0) })).toContain("at least one byte");
  expect(readRange(new URLSearchParams("start=\\x"))).toMatchObject({ ok: false });
});
