import { expect, test } from "vitest";
import { AuthRoleGrantPermissionRequest, AuthUserAddRequest, RequestOp } from "./gen/rpc.ts";

// A message that is sent twice in one field, as encoders do that patch a message by appending.

/** A field with a message in it. */
const within = (number: number, bytes: readonly number[]) => [
  (number << 3) | 2,
  bytes.length,
  ...bytes,
];
const KEY = [0x12, 1, 0x61];
const RANGE_END = [0x1a, 1, 0x62];

test("is one of both parts, and what both say is as it was said last", () => {
  const bytes = [...within(2, [...KEY, 0x08, 1]), ...within(2, [...RANGE_END, 0x08, 2])];
  const { perm } = AuthRoleGrantPermissionRequest.decode(Buffer.from(bytes));
  expect(perm).toEqual({ permType: 2, key: Buffer.from("a"), rangeEnd: Buffer.from("b") });
  const twice = [...within(3, [0x08, 1]), ...within(3, [])];
  const { options } = AuthUserAddRequest.decode(Buffer.from(twice));
  expect(options).toEqual({ noPassword: true });
});

test("is the last of both alone in a oneof", () => {
  const bytes = [...within(2, [0x0a, 1, 0x61]), ...within(2, [0x12, 1, 0x62])];
  const { requestPut } = RequestOp.decode(Buffer.from(bytes));
  expect([String(requestPut?.key), String(requestPut?.value)]).toEqual(["", "b"]);
});
