import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MemberMemory } from "./member-memory.ts";
import { IDLE_MS, Sessions } from "./sessions.ts";
import { ConsoleStore } from "./store.ts";

let folder: string;
let store: ConsoleStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-console-"));
  store = new ConsoleStore(folder);
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await store.close();
  rmSync(folder, { recursive: true });
});

/** As a full disk does. */
function refuseWrites(): { readonly log: () => string[] } {
  for (const write of ["put", "remove"] as const) {
    vi.spyOn(store, write).mockImplementation(() => {
      throw new Error("No space left on device");
    });
  }
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  return { log: () => stderr.mock.calls.map(([line]) => String(line)) };
}

const known = { clusterId: 9n, members: [], at: 0 };

test("sessions and looks go on while the disk is full, and are written when it is not", () => {
  let now = 0;
  const sessions = new Sessions(store, () => now);
  const memory = new MemberMemory(store, "local", ["http://a:2379"]);
  const id = sessions.start("admin");
  refuseWrites();
  now = 61_000;
  expect(sessions.resume(id)?.user).toBe("admin");
  memory.save(known);
  expect(memory.load()).toBeUndefined();
  vi.restoreAllMocks();
  memory.save(known);
  expect(memory.load()).toEqual(known);
});

test("who is active stays signed in while the disk is full, and who is not is signed out", () => {
  let now = 0;
  const sessions = new Sessions(store, () => now);
  const [active, idle] = [sessions.start("admin"), sessions.start("admin")];
  refuseWrites();
  for (; now < 2 * IDLE_MS; now += IDLE_MS / 2) expect(sessions.resume(active)).toBeDefined();
  expect(sessions.resume(idle)).toBeUndefined();
  expect(sessions.peek(idle)).toBeUndefined();
  now += IDLE_MS;
  expect(sessions.peek(active)).toBeUndefined();
  expect(sessions.resume(active)).toBeUndefined();
});

test("what was used last while the disk was full is stored with the next use after it", () => {
  let now = 0;
  const sessions = new Sessions(store, () => now);
  const id = sessions.start("admin");
  refuseWrites();
  now = IDLE_MS - 1;
  sessions.resume(id);
  vi.restoreAllMocks();
  now += IDLE_MS - 1;
  sessions.resume(id);
  expect(new Sessions(store, () => now).resume(id)?.user).toBe("admin");
});

test("who signs out while the disk is full is signed out, and the log says what stays", () => {
  const sessions = new Sessions(store, () => 0);
  const [left, other] = [sessions.start("admin"), sessions.start("admin")];
  refuseWrites();
  const stdout = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  sessions.end(left);
  expect(stdout.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
    { msg: expect.stringContaining("still stored"), user: "admin" },
  ]);
  expect(sessions.peek(left)).toBeUndefined();
  expect(sessions.resume(left)).toBeUndefined();
  expect(sessions.resume(other)).toBeDefined();
  vi.restoreAllMocks();
  sessions.start("admin");
  expect(new Sessions(store, () => 0).peek(left)).toBeUndefined();
});

test("a store that cannot be written is told to the log, not every time", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const { log } = refuseWrites();
  const tries = () => [1, 2, 3].map(() => store.putIfPossible(["table", "id"], "value"));
  expect(tries()).toEqual([false, false, false]);
  expect(log()).toHaveLength(1);
  expect(log()[0]).toContain("No space left on device");
  vi.advanceTimersByTime(5 * 60_000);
  tries();
  expect(log()).toHaveLength(2);
});

test("what must not be lost says that it was not written", () => {
  refuseWrites();
  expect(() => new Sessions(store, () => 0).start("admin")).toThrow("No space left on device");
});
