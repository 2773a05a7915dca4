import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { StreamOutput } from "./stream-output.ts";

const LINE = `${"x".repeat(1023)}\n`;

let folder: string;
let reading: number;
let writing: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-pipe-"));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  writing = openSync(path, constants.O_WRONLY);
});
afterEach(() => {
  closeSync(reading);
  closeSync(writing);
  rmSync(folder, { recursive: true });
});

/** What the pipe holds now. */
function read(): string {
  const parts: string[] = [];
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    try {
      const count = readSync(reading, buffer);
      if (count === 0) break;
      parts.push(buffer.toString("utf8", 0, count));
    } catch {
      break; // Empty for now.
    }
  }
  return parts.join("");
}

test("a reader that stops reading stops nobody, and what it missed is counted", async () => {
  const told: number[] = [];
  const output = new StreamOutput(writing, new SystemClock(), (lines) => told.push(lines));
  for (let count = 0; count < 5_000; count++) output.write(LINE);
  let received = "";
  await vi.waitUntil(
    () => {
      received += read();
      return told.length > 0;
    },
    { timeout: 10_000, interval: 5 },
  );
  received += read();
  output.close();
  expect(received).toBe(LINE.repeat(received.length / LINE.length));
  expect(received.length / LINE.length + (told[0] ?? 0)).toBe(5_000);
  expect(told).toHaveLength(1);
});

test("at the end the last lines wait for a reader that is slow", async () => {
  const path = join(folder, "slow");
  execFileSync("mkfifo", [path]);
  const taken = join(folder, "taken");
  const reader = spawn("sh", ["-c", 'echo; sleep 0.1; exec cat "$0" > "$1"', path, taken]);
  const ended = new Promise((resolve) => reader.once("close", resolve));
  // Open for both, so that opening does not wait for the reader.
  const slow = openSync(path, constants.O_RDWR);
  const output = new StreamOutput(slow, new SystemClock(), () => {});
  for (let count = 0; count < 200; count++) output.write(LINE);
  // It runs: the rest of its start does not count against the time that the end has.
  await new Promise((resolve) => reader.stdout.once("data", resolve));
  output.close();
  closeSync(slow);
  await ended;
  expect(readFileSync(taken, "utf8")).toBe(LINE.repeat(200));
});

test("a reader that is gone is no reason to end", () => {
  const output = new StreamOutput(writing, new SystemClock(), () => {});
  output.write("a\n");
  expect(read()).toBe("a\n");
  output.close();
  output.write("b\n");
  expect(read()).toBe("");
});
