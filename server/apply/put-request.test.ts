import { expect, test } from "vitest";
import { PutRequest } from "../proto/gen/rpc.ts";
import { decodePut, isExactPut } from "./put-request.ts";

const encode = (partial: Parameters<typeof PutRequest.fromPartial>[0]) =>
  Buffer.from(PutRequest.encode(PutRequest.fromPartial(partial)).finish());

test.each([
  {},
  { key: Buffer.from("k") },
  { key: Buffer.alloc(300, 1), value: Buffer.alloc(20_000, 2) },
  { key: Buffer.from("k"), lease: 1n },
  { key: Buffer.from("k"), lease: -1n },
  { key: Buffer.from("k"), lease: 2n ** 63n - 1n, prevKv: true },
  { key: Buffer.from("k"), ignoreValue: true, ignoreLease: true },
])("a put is read as the generated code reads it, and goes into the log as it is", (partial) => {
  const bytes = encode(partial);
  expect(decodePut(bytes)).toEqual(PutRequest.decode(bytes));
  expect(isExactPut(decodePut(bytes), bytes)).toBe(true);
});

test.each([
  ["an unknown field", "0a016b7a0178"],
  ["a field given twice", "0a016a0a016b"],
  ["a zero spelled out", "0a016b1800"],
  ["a number longer than it must be", "0a016b18818000"],
])("bytes that say more than the request are written anew: %s", (_name, hex) => {
  const bytes = Buffer.from(hex, "hex");
  expect(isExactPut(decodePut(bytes), bytes)).toBe(false);
});

test.each([
  ["0a05", "length beyond the message"],
  ["0a016b200a2201ff", "field 4 has wire type 2"],
  ["0a016b0001", "illegal tag 0"],
])("bytes that are no message are refused: %s", (hex, text) => {
  const bytes = Buffer.from(hex, "hex");
  expect(() => decodePut(bytes)).toThrow(text);
  expect(() => PutRequest.decode(bytes)).toThrow();
});
