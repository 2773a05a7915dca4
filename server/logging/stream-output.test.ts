import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
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

test("a reader that is gone is no reason to end", () => {
  const output = new StreamOutput(writing, new SystemClock(), () => {});
  output.write("a\n");
  expect(read()).toBe("a\n");
  output.close();
  output.write("b\n");
  expect(read()).toBe("");
});
