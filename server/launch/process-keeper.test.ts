import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProcessKeeper } from "./process-keeper.ts";

const GRACE_MS = 5_000;

let folder: string;
let keeper: ProcessKeeper;
let told: string[];
/** What happens when the process is started for the n-th time, counted from 1. */
let onStart: (n: number) => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-keeper-"));
  told = [];
  onStart = () => undefined;
});

afterEach(async () => {
  await keeper.stop(GRACE_MS);
  rmSync(folder, { recursive: true });
});

/** Of a process that ends by itself the first time. */
function keep(logFile: string): ProcessKeeper {
  const ended = join(folder, "ended");
  const script = `const fs = require("node:fs");
    if (fs.existsSync(process.argv[1])) setInterval(() => undefined, 1000);
    else fs.writeFileSync(process.argv[1], "");`;
  let starts = 0;
  return new ProcessKeeper(
    { name: "kept", args: ["-e", script, ended], env: {}, cwd: folder, logFile },
    {
      started: () => {
        starts += 1;
        onStart(starts);
        told.push("started");
      },
      died: (name, cause) => told.push(`${name} died: ${cause}`),
      notStarted: (name, cause) => told.push(`${name} not started: ${cause}`),
      unrecorded: (name, cause) => told.push(`${name} unrecorded: ${cause}`),
      logStuck: (name, cause) => told.push(`${name} log stuck: ${cause}`),
    },
  );
}

async function untilTold(text: string): Promise<void> {
  await expect.poll(() => told, { timeout: 10_000 }).toContain(text);
}

test("a process that ends is started again", async () => {
  keeper = keep(join(folder, "log"));
  keeper.start();
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(3);
  expect(told).toEqual(["started", "kept died: exit code 0", "started"]);
  expect(keeper.isRunning).toBe(true);
});

test("whoever stops it, also a second time, hears when it is gone", async () => {
  writeFileSync(join(folder, "ended"), "");
  keeper = keep(join(folder, "log"));
  keeper.start();
  await Promise.all([keeper.stop(GRACE_MS), keeper.stop(GRACE_MS)]);
  expect(keeper.isRunning).toBe(false);
});

test("what runs again and cannot be written down is kept, and said so", async () => {
  onStart = (n) => {
    if (n > 1) throw new Error("no space left on device");
  };
  keeper = keep(join(folder, "log"));
  keeper.start();
  await untilTold("kept unrecorded: no space left on device");
  expect(keeper.isRunning).toBe(true);
});

test("what cannot be started again is tried later", async () => {
  const logs = join(folder, "logs");
  mkdirSync(logs);
  keeper = keep(join(logs, "log"));
  keeper.start();
  renameSync(logs, `${logs}.away`);
  writeFileSync(logs, "no folder");
  await expect
    .poll(() => told.some((line) => /not started: ENOTDIR/.test(line)), { timeout: 10_000 })
    .toBe(true);
  rmSync(logs);
  renameSync(`${logs}.away`, logs);
  await expect
    .poll(() => told.filter((line) => line === "started").length, { timeout: 10_000 })
    .toBe(2);
  expect(keeper.isRunning).toBe(true);
});
