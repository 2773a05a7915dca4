import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { noteDataFolder, openDataFolder } from "./data-folder.ts";

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "quorate-data-folder-"));
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test("all folders on the way are made, the data folder for its owner alone", () => {
  const dataDir = join(scratch, "a/b/c");
  expect(openDataFolder({ dataDir, walDir: "" }, SILENT_LOG).wal).toBe(join(dataDir, "member/wal"));
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(openDataFolder({ dataDir, walDir: "/w" }, SILENT_LOG).wal).toBe("/w");
});

test("folders that are open to others are left as they are, with etcd's warning", () => {
  const member = join(scratch, "member");
  mkdirSync(member);
  for (const folder of [scratch, member]) chmodSync(folder, 0o755);
  const warnings: unknown[] = [];
  const log = { ...SILENT_LOG, warn: (_: string, fields?: object) => void warnings.push(fields) };
  openDataFolder({ dataDir: scratch, walDir: "" }, log);
  expect(statSync(scratch).mode & 0o777).toBe(0o755);
  const warningOf = (folder: string) => ({
    error:
      `directory "${folder}" exist, but the permission is "drwxr-xr-x". The recommended ` +
      'permission is "-rwx------" to prevent possible unprivileged access to the data',
  });
  expect(warnings).toEqual([warningOf(scratch), warningOf(member)]);
});

test("a folder that cannot be made is refused in one sentence, wherever it lies", () => {
  const file = join(scratch, "file");
  writeFileSync(file, "");
  for (const [dataDir, problem] of [
    [file, `open ${file}/.touch: not a directory`],
    [join(file, "x"), `mkdir ${file}/x: not a directory`],
    ["/proc/none/x", "mkdir /proc/none: no such file or directory"],
  ] as const) {
    expect(() => openDataFolder({ dataDir, walDir: "" }, SILENT_LOG)).toThrow(
      `cannot access data directory: ${problem}`,
    );
  }
});

test("a folder is new until a member has been started in it", () => {
  const dataDir = join(scratch, "data");
  expect(noteDataFolder(SILENT_LOG, dataDir)).toBe("new");
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "b"), "");
  writeFileSync(join(dataDir, "a"), "");
  const strangers: unknown[] = [];
  const log = { ...SILENT_LOG, warn: (_: string, fields?: object) => void strangers.push(fields) };
  expect(noteDataFolder(log, dataDir)).toBe("new");
  expect(strangers).toEqual(["a", "b"].map((filename) => ({ filename, "data-dir": dataDir })));
  openDataFolder({ dataDir, walDir: "" }, SILENT_LOG);
  expect(noteDataFolder(SILENT_LOG, dataDir)).toBe("initialized");
});

test("a folder of etcd 2's proxy is no member's", () => {
  mkdirSync(join(scratch, "proxy"));
  expect(() => noteDataFolder(SILENT_LOG, scratch)).toThrow("the proxy of etcd 2 is not part");
  mkdirSync(join(scratch, "member"));
  expect(() => noteDataFolder(SILENT_LOG, scratch)).toThrow(
    "invalid datadir; both member and proxy directories exist",
  );
});
