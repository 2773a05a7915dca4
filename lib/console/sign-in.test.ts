import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LoginThrottle } from "./login-throttle.ts";
import { PasswordsBusy } from "./passwords.ts";
import { beginSession, signIn } from "./sign-in.ts";
import type { Users } from "./users.ts";

let told: { msg: string; user?: string; address?: string; seconds?: number }[];

beforeEach(() => {
  told = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    told.push(JSON.parse(String(text)));
    return true;
  });
});

afterEach(() => vi.restoreAllMocks());

const WRONG = { username: "admin", password: "wrong" };
const RIGHT = { username: "admin", password: "right" };

function consoleWith(verify = async (password: string) => password === "right") {
  const users = {
    has: (name: string) => name === "admin",
    verify: (_: string, password: string) => verify(password),
  } as unknown as Users;
  return { users, throttle: new LoginThrottle(() => 0) };
}

test("an attack that is throttled stands in the log, in one line per window", async () => {
  const state = consoleWith();
  for (let at = 0; at < 40; at++) await signIn(state, WRONG, "10.0.0.1");
  expect(await signIn(state, RIGHT, "10.0.0.1")).toEqual({ outcome: "throttled", seconds: 900 });
  expect(told.map(({ msg }) => msg)).toEqual([
    ...Array.from({ length: 10 }, () => "sign-in refused"),
    "sign-in throttled",
  ]);
  expect(told.at(-1)).toMatchObject({ user: "admin", address: "10.0.0.1", seconds: 900 });
});

test("what nobody is called is never told, throttled or not", async () => {
  const state = consoleWith();
  const slip = { username: "a password", password: "x" };
  for (let at = 0; at < 20; at++) await signIn(state, slip, "10.0.0.1");
  expect(told).toHaveLength(11);
  expect(JSON.stringify(told)).not.toContain("a password");
});

test("a try that was turned away unlooked at locks nobody out", async () => {
  let isBusy = true;
  const state = consoleWith(async (password) => {
    if (isBusy) throw new PasswordsBusy("too many sign-ins at once");
    return password === "right";
  });
  for (let at = 0; at < 40; at++) {
    expect(await signIn(state, RIGHT, "10.0.0.1")).toEqual({ outcome: "throttled", seconds: 5 });
  }
  isBusy = false;
  expect(await signIn(state, RIGHT, "10.0.0.1")).toEqual({ outcome: "signed-in", user: "admin" });
});

test("the log has somebody signed in only once the session is stored", async () => {
  const state = consoleWith();
  expect(await signIn(state, RIGHT, "10.0.0.1")).toEqual({ outcome: "signed-in", user: "admin" });
  const full = () => {
    throw new Error("No space left on device");
  };
  expect(() => beginSession({ sessions: { start: full } }, "admin", "10.0.0.1")).toThrow("space");
  expect(told).toEqual([]);
  expect(beginSession({ sessions: { start: () => "id" } }, "admin", "10.0.0.1")).toBe("id");
  expect(told).toMatchObject([{ msg: "signed in", user: "admin", address: "10.0.0.1" }]);
});
