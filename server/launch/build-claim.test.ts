import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BuildClaim } from "./build-claim.ts";
import { LaunchError } from "./options.ts";

const STARTS = "node_modules/.cache/quorate/starts";
let root: string;
let other: ChildProcess;

/** Another start, as far as can be seen from outside. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-claim-"));
  mkdirSync(join(root, STARTS), { recursive: true });
  const script = join(root, "launch.ts");
  writeFileSync(script, "setInterval(() => {}, 1000);\n");
  other = spawn(process.execPath, [script], { stdio: "ignore" });
});

afterEach(() => {
  other.kill("SIGKILL");
  rmSync(root, { recursive: true });
});

const note = (name: string) => writeFileSync(join(root, STARTS, name), String(other.pid));

test("who would build waits for who builds, and says so once", async () => {
  note("building");
  const said: string[] = [];
  const taken = BuildClaim.take(root, (line) => {
    said.push(line);
    setTimeout(() => other.kill("SIGKILL"), 500);
  });
  const claim = await taken;
  expect(said).toEqual([`Another start (process ${other.pid}) is building; waiting for it …`]);
  expect(other.killed).toBe(true);
  claim.release();
});

test("nothing is built under a start that runs, in one sentence", async () => {
  note(String(other.pid));
  const claim = await BuildClaim.take(root, () => {
    throw new Error("there is nothing to wait for");
  });
  expect(() => claim.refuseWhileInUse()).toThrow(LaunchError);
  expect(() => claim.refuseWhileInUse()).toThrow(`stop it first with: kill ${other.pid}`);
  const ended = new Promise((resolve) => other.once("exit", resolve));
  other.kill("SIGKILL");
  await ended;
  claim.refuseWhileInUse();
  claim.release();
  (await BuildClaim.take(root, () => undefined)).release();
});
