import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DiskFrameFile, FrameFileError } from "./frame-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-frames-"));
  path = join(folder, "frames");
});
afterEach(() => rmSync(folder, { recursive: true }));

async function write(...frames: string[]): Promise<void> {
  const writer = await new DiskFrameFile(path).begin();
  for (const frame of frames) await writer.append(Buffer.from(frame));
  await writer.commit();
}

function read(): string[] {
  return Array.from(new DiskFrameFile(path).read(), (frame) => frame.toString());
}

test("frames come back in order; no file is no frames", async () => {
  expect(read()).toEqual([]);
  await write("one", "two", "x".repeat(3_000_000), "three");
  expect(read()).toEqual(["one", "two", "x".repeat(3_000_000), "three"]);
});

test("what is not committed leaves the old content", async () => {
  await write("old");
  const file = new DiskFrameFile(path);
  const dead = await file.begin();
  await dead.append(Buffer.alloc(2_000_000, "n"));
  expect(read()).toEqual(["old"]);
  await dead.abandon();
  expect(existsSync(`${path}.partial`)).toBe(false);
  // As a crash leaves it: the next content is written over it.
  writeFileSync(`${path}.partial`, "half");
  await write("new");
  expect(read()).toEqual(["new"]);
});

test("a file cut anywhere, or with any byte changed, does not verify", async () => {
  await write("some", "frames", "of a file");
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    writeFileSync(path, whole.subarray(0, at));
    expect(read, `cut at ${at}`).toThrow(FrameFileError);
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] as number) ^ 0x10;
    writeFileSync(path, flipped);
    expect(read, `flipped at ${at}`).toThrow(FrameFileError);
  }
});

test("frames of another file, or in another order, do not verify", async () => {
  await write("aaaa", "bbbb");
  const whole = readFileSync(path);
  const [first, second] = [whole.subarray(8, 20), whole.subarray(20, 32)];
  const rest = whole.subarray(32);
  writeFileSync(path, Buffer.concat([whole.subarray(0, 8), second, first, rest]));
  expect(read).toThrow(FrameFileError);
  writeFileSync(path, Buffer.concat([whole.subarray(0, 8), first, rest]));
  expect(read).toThrow(FrameFileError);
});

test("a disk that fails is reported, and the next attempt may begin", async () => {
  rmSync(folder, { recursive: true });
  const file = new DiskFrameFile(path);
  await expect(file.begin()).rejects.toThrow("ENOENT");
  folder = mkdtempSync(join(tmpdir(), "quorate-frames-"));
  await expect(file.begin()).rejects.toThrow("ENOENT");
});
