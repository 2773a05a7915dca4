import { expect, test } from "vitest";
import { type Log, type LogFields, SILENT_LOG } from "../base/log.ts";
import { checkPassword } from "./sign-in.ts";

function signIn(name: string, password: string, isEnabled = true) {
  const lines: (readonly [level: string, message: string, fields?: LogFields])[] = [];
  const log: Log = {
    ...SILENT_LOG,
    info: (message, fields = {}) => lines.push(["info", message, fields]),
    warn: (message, fields = {}) => lines.push(["warn", message, fields]),
  };
  const root = { name: Buffer.from("root"), password: Buffer.from("right"), roles: [] };
  const robot = { ...root, options: { noPassword: true } };
  const auth = {
    isEnabled,
    revision: 7,
    user: (wanted: string) =>
      wanted === "root" ? { ...root, options: undefined } : wanted === "robot" ? robot : undefined,
  };
  const passwords = {
    isRight: async (given: string, stored: Buffer) => given === stored.toString(),
  };
  const caller = { remote: "10.0.0.1:50000", isCanceled: false, onCancel: undefined };
  const outcome = checkPassword({ auth, passwords, log }, name, password, caller).catch(
    (error: { code: string }) => error.code,
  );
  return { outcome, lines };
}

const refusal = (user: string, why: string) =>
  ["warn", "invalid authentication was requested", { user, error: `auth: ${why}` }] as const;
const WRONG = "authentication failed, invalid user ID or password";

test("a wrong password is logged in etcd's two lines, a right one in none", async () => {
  const wrong = signIn("root", "guess");
  await expect(wrong.outcome).resolves.toBe("AuthFailed");
  expect(wrong.lines).toEqual([
    ["info", "invalid password", { "user-name": "root" }],
    refusal("root", WRONG),
  ]);
  const right = signIn("root", "right");
  await expect(right.outcome).resolves.toBe(7);
  expect(right.lines).toEqual([]);
});

test("a user that is unknown or has no password is told; of a long name the start", async () => {
  const unknown = signIn("x".repeat(1000), "guess");
  await expect(unknown.outcome).resolves.toBe("AuthFailed");
  expect(unknown.lines).toEqual([refusal("x".repeat(256), WRONG)]);
  const robot = signIn("robot", "guess");
  await expect(robot.outcome).resolves.toBe("NoPasswordUser");
  const why = "authentication failed, password was given for no password user";
  expect(robot.lines).toEqual([refusal("robot", why)]);
});

test("nothing is logged while users do not count", async () => {
  const { outcome, lines } = signIn("root", "guess", false);
  await expect(outcome).resolves.toBe("AuthNotEnabled");
  expect(lines).toEqual([]);
});
