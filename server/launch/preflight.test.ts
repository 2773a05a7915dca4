import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isOurs } from "./preflight.ts";

let folder: string;
let started: ChildProcess;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-preflight-"));
});
afterEach(() => {
  started.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** The number of a process that runs a script of this name. */
function run(name: string, ...words: string[]): number {
  const script = join(folder, name);
  writeFileSync(script, "setInterval(() => {}, 1000);\n");
  started = spawn(process.execPath, [script, ...words], { stdio: "ignore" });
  return started.pid ?? 0;
}

test.each(["launch.ts", "etcd.js"])("a process of %s may be of an earlier start", async (name) => {
  const pid = run(name);
  // For a moment behind its start a process has no words.
  await expect.poll(() => isOurs(pid)).toBe(true);
});

test("a stranger with a number of ours is none of ours, whatever it was told", async () => {
  const pid = run("nextcloud.js", "--next", "not-etcd.js", "launch.tsx");
  await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain("nextcloud");
  expect(isOurs(pid)).toBe(false);
  const ended = new Promise((resolve) => started.once("exit", resolve));
  started.kill("SIGKILL");
  await ended;
  expect(isOurs(pid)).toBe(false);
});
