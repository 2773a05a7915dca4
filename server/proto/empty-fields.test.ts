import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AuthRoleGrantPermissionRequest, TxnRequest, WatchRequest } from "./gen/rpc.ts";

// Two bytes of a request are a message with a field for everything.

const MESSAGES = 1000;
const repeated = (bytes: number[]) => Buffer.from(Array(MESSAGES).fill(bytes).flat());

test("bytes that were not sent take no buffer of their own", () => {
  const { compare } = TxnRequest.decode(repeated([0x0a, 0]));
  expect(compare).toHaveLength(MESSAGES);
  const buffers = new Set(compare.flatMap(({ key, rangeEnd }) => [key, rangeEnd]));
  const { createRequest } = WatchRequest.decode(repeated([0x0a, 0]));
  const { perm } = AuthRoleGrantPermissionRequest.decode(repeated([0x12, 0]));
  expect(buffers.size).toBe(1);
  expect(createRequest?.key).toBe(createRequest?.rangeEnd);
  expect(perm?.key).toBe(perm?.rangeEnd);
});

test("no generated code makes empty buffers message by message", () => {
  const generated = join(import.meta.dirname, "gen");
  for (const name of readdirSync(generated)) {
    const made = readFileSync(join(generated, name), "utf8").match(/Buffer\.alloc\(0\)/g) ?? [];
    expect(made.length, name).toBeLessThanOrEqual(1);
  }
});
