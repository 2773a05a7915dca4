import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEnvironment } from "./environment.ts";
import { MemberMemory } from "./member-memory.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { sessionSecret } from "./secret.ts";
import { IDLE_MS, LIFETIME_MS, Sessions } from "./sessions.ts";
import { ConsoleStore } from "./store.ts";
import { ADMIN, firstAdmin, Users } from "./users.ts";

let folder: string;
let store: ConsoleStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-console-"));
  store = new ConsoleStore(folder);
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function bytesOnDisk(): Buffer {
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
}

test("the first password is nowhere on disk, only its hash", async () => {
  const users = new Users(store);
  const { hash, untold } = await firstAdmin("canary-password");
  expect(untold).toBeUndefined();
  users.add(ADMIN, hash);
  expect(await users.verify(ADMIN, "canary-password")).toBe(true);
  expect(await users.verify(ADMIN, "another")).toBe(false);
  expect(bytesOnDisk().includes("canary-password")).toBe(false);
  expect(bytesOnDisk().includes("scrypt")).toBe(true);
});

test("without a first password there is no default: a random one is made", async () => {
  const users = new Users(store);
  const { hash, untold } = await firstAdmin(undefined);
  expect(untold).toMatch(/^[\w-]{20}$/);
  users.add(ADMIN, hash);
  expect(await users.verify(ADMIN, untold ?? "")).toBe(true);
  expect(await users.verify(ADMIN, "admin")).toBe(false);
  expect(await users.verify("nobody", untold ?? "")).toBe(false);
});

test("the folder is closed to others", () => {
  expect(statSync(folder).mode & 0o077).toBe(0);
});

test("two hashes of one password differ, and both verify", async () => {
  const [a, b] = await Promise.all([hashPassword("p"), hashPassword("p")]);
  expect(a.hash).not.toBe(b.hash);
  expect(a.N * a.r * 128).toBeGreaterThanOrEqual(64 * 1024 * 1024);
  expect(await verifyPassword("p", a)).toBe(true);
  expect(await verifyPassword("P", b)).toBe(false);
  expect(await verifyPassword("p", undefined)).toBe(false);
});

test("a session is known by its id alone, which is not stored", () => {
  const sessions = new Sessions(store, () => 0);
  const id = sessions.start("admin");
  expect(Buffer.from(id, "base64url").length * 8).toBeGreaterThanOrEqual(128);
  expect(sessions.resume(id)?.user).toBe("admin");
  expect(sessions.resume(`${id}x`)).toBeUndefined();
  expect(bytesOnDisk().includes(id)).toBe(false);
  expect(sessions.start("admin")).not.toBe(id);
});

test("a session ends when idle, at the end of its life, and when signed out", () => {
  let now = 1_000;
  const sessions = new Sessions(store, () => now);
  const idle = sessions.start("admin");
  now += IDLE_MS;
  expect(sessions.resume(idle)).toBeUndefined();

  const busy = sessions.start("admin");
  const began = now;
  while (now - began + IDLE_MS / 2 < LIFETIME_MS) {
    now += IDLE_MS / 2;
    expect(sessions.resume(busy)).toBeDefined();
  }
  now = began + LIFETIME_MS;
  expect(sessions.resume(busy)).toBeUndefined();

  const watched = sessions.start("admin");
  for (let polls = 0; polls < 29; polls++) {
    now += IDLE_MS / 30;
    expect(sessions.peek(watched)?.expiresAt).toBe(now + ((29 - polls) * IDLE_MS) / 30);
  }
  now += IDLE_MS / 30;
  expect(sessions.peek(watched)).toBeUndefined();

  const [left, right] = [sessions.start("admin"), sessions.start("admin")];
  sessions.end(left);
  expect(sessions.resume(left)).toBeUndefined();
  expect(sessions.resume(right)).toBeDefined();
});

test("sessions survive a restart of the console, and so does the secret", async () => {
  const id = new Sessions(store, Date.now).start("admin");
  const secret = sessionSecret(store);
  await store.close();
  store = new ConsoleStore(folder);
  expect(new Sessions(store, Date.now).resume(id)?.user).toBe("admin");
  expect(sessionSecret(store)).toBe(secret);
});

test("a cluster's members are known over a restart, ids beyond 2^53 included", async () => {
  const member = {
    ID: 0xffff_ffff_ffff_fff1n,
    name: "m1",
    peerURLs: ["http://a:2380"],
    clientURLs: ["http://a:2379"],
    isLearner: false,
  };
  const known = { clusterId: 2n ** 63n + 1n, members: [member], at: 1_000 };
  const over = (...endpoints: string[]) => new MemberMemory(store, "local", endpoints);
  over("http://a:2379", "http://b:2379").save(known);
  await store.close();
  store = new ConsoleStore(folder);
  expect(over("http://b:2379", "http://a:2379").load()).toEqual(known);
  expect(new MemberMemory(store, "other", ["http://a:2379"]).load()).toBeUndefined();
});

test("members are not remembered of a cluster behind other endpoints", () => {
  const over = (...endpoints: string[]) => new MemberMemory(store, "local", endpoints);
  const known = { clusterId: 9n, members: [], at: 1_000 };
  over("http://a:2379").save(known);
  expect(over("http://c:2379").load()).toBeUndefined();
  expect(over("http://a:2379", "http://c:2379").load()).toBeUndefined();
  expect(over("http://a:2379").load()).toEqual(known);
});

test("the environment names a file that cannot be read", () => {
  expect(() => readEnvironment({ ...process.env, QUORATE_CACERT: "/nowhere/ca.pem" })).toThrow(
    /QUORATE_CACERT/,
  );
  const read = readEnvironment({
    NODE_ENV: "test",
    QUORATE_ENDPOINTS: "https://a:2379, b:2379,",
    QUORATE_USER: "root",
    QUORATE_USER_PASSWORD: "x:y",
  });
  expect(read.endpoints).toEqual(["https://a:2379", "b:2379"]);
  expect(read.user).toEqual({ name: "root", password: "x:y" });
});
