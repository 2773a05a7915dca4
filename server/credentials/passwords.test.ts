import { hashSync } from "bcrypt";
import { expect, test } from "vitest";
import { decodeText } from "../base/text.ts";
import { isPossibleCost, Passwords, WAITING_MAX } from "./passwords.ts";

const passwords = new Passwords(4);
const caller = { remote: "10.0.0.1:50000", isCanceled: false, onCancel: undefined };

test("a password is right for its own hash, whatever its bytes, and no other is", async () => {
  for (const password of ["", "pw", "p\0w", "ü".repeat(36), "x".repeat(72)]) {
    const hash = await passwords.hash(password, caller);
    expect(hash.toString()).toMatch(/^\$2a\$04\$[./A-Za-z0-9]{53}$/);
    expect(await passwords.isRight(password, hash, caller)).toBe(true);
    expect(await passwords.isRight(`${password.slice(0, -1)}!`, hash, caller)).toBe(false);
  }
});

test("a hash of Go's own making is understood", async () => {
  const hash = Buffer.from("$2a$10$7EqJtq98hPqEX7fNZaFWoOhi5sWX4OQkmaHV3Iq0NAWFFyfhOVDsO");
  expect(await passwords.isRight("", hash, caller)).toBe(false);
  expect(await passwords.isRight("pw", Buffer.from(hashSync("pw", 4)), caller)).toBe(true);
});

test("too long a password cannot be set; behind the 72nd byte nothing counts", async () => {
  expect(() => passwords.hash("x".repeat(73), caller)).toThrow(
    "bcrypt: password length exceeds 72 bytes",
  );
  const hash = await passwords.hash("x".repeat(72), caller);
  for (const length of [73, 254, 255, 256, 100_000]) {
    expect(await passwords.isRight("x".repeat(length), hash, caller)).toBe(true);
    expect(await passwords.isRight("y".repeat(length), hash, caller)).toBe(false);
  }
});

test("bytes that are no UTF-8 are a password like any other, and each is another", async () => {
  const right = Buffer.from("70e473", "hex");
  const hash = Buffer.from(hashSync(right, 4));
  for (const bytes of ["70e473", "70e573", "70ff73", "70efbfbd73", "70c3a473"]) {
    const password = decodeText(Buffer.from(bytes, "hex"));
    const isRight = right.equals(Buffer.from(bytes, "hex"));
    expect(await passwords.isRight(password, hash, caller), bytes).toBe(isRight);
    const made = await passwords.hash(password, caller);
    expect(await passwords.isRight(decodeText(right), made, caller)).toBe(isRight);
  }
  expect(() => passwords.hash("\udcff".repeat(73), caller)).toThrow(
    "password length exceeds 72 bytes",
  );
  expect((await passwords.hash("\udcff".repeat(72), caller)).length).toBe(60);
});

test.each(["", "nonsense", "$2a$04$short", "$9z$04$"])("nothing is right for %j", async (hash) => {
  expect(await passwords.isRight("pw", Buffer.from(hash), caller)).toBe(false);
});

test("calls wait for their turn, and beyond a limit are refused", async () => {
  const busy = new Passwords(4);
  const calls = Array.from({ length: WAITING_MAX + 10 }, () => busy.hash("pw", caller));
  const ended = await Promise.allSettled(calls);
  const refused = ended.filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(8);
  expect(String(refused[0] && "reason" in refused[0] && refused[0].reason)).toContain("too many");
  expect(await busy.isRight("pw", await busy.hash("pw", caller), caller)).toBe(true);
});

test("costs are bcrypt's", () => {
  expect([3, 4, 10, 31, 32].map(isPossibleCost)).toEqual([false, true, true, true, false]);
});
