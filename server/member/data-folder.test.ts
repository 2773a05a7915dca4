import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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
  expect(openDataFolder({ dataDir, walDir: "" }).wal).toBe(join(dataDir, "member/wal"));
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(openDataFolder({ dataDir, walDir: "/w" }).wal).toBe("/w");
});

test("a folder that cannot be made is refused in one sentence, wherever it lies", () => {
  const file = join(scratch, "file");
  writeFileSync(file, "");
  for (const dataDir of [file, join(file, "x"), "/proc/none/x"]) {
    expect(() => openDataFolder({ dataDir, walDir: "" })).toThrow("cannot access data directory");
  }
});
