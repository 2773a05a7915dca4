import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Decimal,
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
  fromBase64Url,
  hexOfDecimal,
  SignedDecimal,
  toBase64Url,
} from "./bytes.ts";

test("any bytes survive base64 and base64url, and agree with Node's own coding", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      expect(encodeBase64(bytes)).toBe(buffer.toString("base64"));
      expect(encodeBase64Url(bytes)).toBe(buffer.toString("base64url"));
      expect(Buffer.from(decodeBase64(encodeBase64(bytes)))).toEqual(buffer);
      expect(Buffer.from(decodeBase64Url(encodeBase64Url(bytes)))).toEqual(buffer);
      expect(fromBase64Url(toBase64Url(encodeBase64(bytes)))).toBe(encodeBase64(bytes));
    }),
  );
});

test("a value longer than one chunk survives base64", () => {
  const bytes = Buffer.alloc(100_001, 0xfe);
  expect(Buffer.from(decodeBase64(encodeBase64(bytes)))).toEqual(bytes);
});

test("decimals hold the whole range of 64 bits and nothing beyond it", () => {
  expect(Decimal.safeParse("18446744073709551615").success).toBe(true);
  expect(Decimal.safeParse("18446744073709551616").success).toBe(false);
  expect(Decimal.safeParse("-1").success).toBe(false);
  expect(Decimal.safeParse("01").success).toBe(false);
  expect(SignedDecimal.safeParse("-9223372036854775808").success).toBe(true);
  expect(SignedDecimal.safeParse("9223372036854775808").success).toBe(false);
});

test("text that is no number is refused without an exception", () => {
  for (const text of ["", "x", "1e3", "0x10", " 1", "1.0", "--1"]) {
    expect(Decimal.safeParse(text).success, text).toBe(false);
    expect(SignedDecimal.safeParse(text).success, text).toBe(false);
  }
});

test("ids above 2^53 are shown as etcd shows them", () => {
  expect(hexOfDecimal("10501334649042878790")).toBe("91bc3c398fb3c146");
});
