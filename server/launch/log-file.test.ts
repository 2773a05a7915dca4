import { spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyFullLog, openLog } from "./log-file.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-log-"));
  path = join(folder, "console.log");
});

afterEach(() => rmSync(folder, { recursive: true }));

test("a full log is put aside, and who has it open goes on in an empty one", () => {
  const log = openLog(path);
  writeSync(log, "old ".repeat(10));
  emptyFullLog(path, 40);
  expect(statSync(path).size).toBe(40);
  writeSync(log, "line");
  emptyFullLog(path, 40);
  expect(statSync(path).size).toBe(0);
  writeSync(log, "new");
  closeSync(log);
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(readFileSync(`${path}.1`, "utf8")).toBe(`${"old ".repeat(10)}line`);
  expect(statSync(`${path}.1`).mode & 0o777).toBe(0o600);
});

test("what cannot be put aside stays", () => {
  writeFileSync(path, "x".repeat(50));
  writeFileSync(`${path}.1`, "older");
  mkdirSync(`${path}.new`);
  expect(() => emptyFullLog(path, 40)).toThrow(/EISDIR/);
  expect(statSync(path).size).toBe(50);
  expect(readFileSync(`${path}.1`, "utf8")).toBe("older");
});

test("of a process that goes on writing no line is torn, and none but the newest few missing", async () => {
  const log = openLog(path);
  const child = spawn(
    process.execPath,
    ["-e", "for (let i = 1; ; i++) { console.log(`line ${i}`); for (let n = 0; n < 2e4; n++); }"],
    { stdio: ["ignore", log, log] },
  );
  closeSync(log);
  const rounds: number[][] = [];
  for (let round = 0; round < 5; round++) {
    while (statSync(path).size < 50_000) await delay(5);
    emptyFullLog(path, 1);
    rounds.push(linesOf(`${path}.1`));
  }
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  rounds.push(linesOf(path));
  const all = rounds.flat();
  for (const [at, line] of all.slice(1).entries()) expect(line).toBeGreaterThan(all[at] ?? 0);
  for (const lines of rounds) {
    expect(lines).toEqual(Array.from(lines, (_, at) => (lines[0] ?? 0) + at));
  }
});

function linesOf(file: string): number[] {
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(/^(line \d+\n)*$/);
  return text.match(/\d+/g)?.map(Number) ?? [];
}
