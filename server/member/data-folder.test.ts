import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { openDataFolder } from "./data-folder.ts";

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

test("a folder that is open to others is left as it is, with etcd's warning", () => {
  chmodSync(scratch, 0o755);
  const warnings: unknown[] = [];
  const log = { ...SILENT_LOG, warn: (_: string, fields?: object) => void warnings.push(fields) };
  openDataFolder({ dataDir: scratch, walDir: "" }, log);
  expect(statSync(scratch).mode & 0o777).toBe(0o755);
  const error =
    `directory "${scratch}" exist, but the permission is "drwxr-xr-x". The recommended ` +
    'permission is "-rwx------" to prevent possible unprivileged access to the data';
  expect(warnings).toEqual([{ error }]);
});

test("a folder that cannot be made is refused in one sentence, wherever it lies", () => {
  const file = join(scratch, "file");
  writeFileSync(file, "");
  for (const dataDir of [file, join(file, "x"), "/proc/none/x"]) {
    expect(() => openDataFolder({ dataDir, walDir: "" }, SILENT_LOG)).toThrow(
      "cannot access data directory",
    );
  }
});
