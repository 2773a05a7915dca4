import type * as Fs from "node:fs";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SystemClock } from "../base/clock.ts";
import type { LogRotation } from "../config/log-settings.ts";
import { FileOutput } from "./file-output.ts";

const ROTATION: LogRotation = {
  bytesMax: 100,
  ageDaysMax: 0,
  backupsMax: 0,
  isLocalTime: false,
  isCompressed: false,
};
const LINE = `${"x".repeat(39)}\n`;

const disk = vi.hoisted(() => ({ hasModes: true }));
vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  const fchmodSync = (descriptor: number, mode: number) => {
    if (!disk.hasModes) throw new Error("EPERM: operation not permitted, fchmod");
    fs.fchmodSync(descriptor, mode);
  };
  return { ...fs, fchmodSync };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-log-"));
});
afterEach(() => {
  disk.hasModes = true;
  rmSync(folder, { recursive: true });
});

function open(rotation: LogRotation | undefined, onDropped = (_lines: number) => {}): FileOutput {
  return new FileOutput(join(folder, "etcd.log"), rotation, new SystemClock(), onDropped);
}

const names = () => readdirSync(folder).sort();
/** Those of the folder that this process holds. */
const openFiles = () => {
  const targets = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return ""; // Of the listing itself, by now closed.
    }
  });
  return targets.filter((target) => target.startsWith(folder));
};
const text = (name: string) => readFileSync(join(folder, name), "utf8");

test("a file goes on where it ended", () => {
  for (const line of ["a\n", "b\n"]) {
    const output = open(undefined);
    output.write(line);
    output.close();
  }
  expect(text("etcd.log")).toBe("a\nb\n");
});

test("a full file is put aside whole, under the time, and no line is lost", () => {
  const output = open(ROTATION);
  for (let count = 0; count < 5; count++) output.write(LINE);
  output.close();
  expect(names()).toHaveLength(3);
  expect(
    names().filter((name) => /^etcd-\d{4}-\d\d-\d\dT[\d-]+\.\d{3}\.log$/.test(name)),
  ).toHaveLength(2);
  expect(names().map(text).join("")).toBe(LINE.repeat(5));
  for (const name of names()) expect(text(name).length).toBeLessThanOrEqual(100);
});

test("the disk that a log takes is bounded by size and number", () => {
  const output = open({ ...ROTATION, backupsMax: 2 });
  for (let count = 0; count < 500; count++) output.write(LINE);
  output.close();
  expect(names()).toHaveLength(3);
});

test("where the disk knows no modes, full files are closed, tidied up, and no line is lost", () => {
  disk.hasModes = false;
  const dropped = vi.fn();
  const output = open({ ...ROTATION, backupsMax: 2 }, dropped);
  for (let count = 0; count < 20; count++) output.write(LINE);
  expect(names()).toHaveLength(3);
  expect(openFiles()).toEqual([join(folder, "etcd.log")]);
  output.close();
  expect(text("etcd.log")).toBe(LINE.repeat(2));
  expect(dropped).not.toHaveBeenCalled();
});

test("files put aside too long ago are removed, whatever else lies there is not", () => {
  writeFileSync(join(folder, "etcd-2001-01-01T00-00-00.000.log"), "old");
  writeFileSync(join(folder, "etcd-notes.log"), "kept");
  mkdirSync(join(folder, "etcd-folder"));
  open({ ...ROTATION, ageDaysMax: 7 }).close();
  expect(names()).toEqual(["etcd-folder", "etcd-notes.log", "etcd.log"]);
});

test("what is put aside is compressed when asked for", async () => {
  const output = open({ ...ROTATION, isCompressed: true });
  for (let count = 0; count < 5; count++) output.write(LINE);
  await output.settled;
  output.close();
  const packed = names().filter((name) => name.endsWith(".log.gz"));
  expect(packed).toHaveLength(2);
  expect(names()).toHaveLength(3);
  for (const name of packed) {
    expect(gunzipSync(readFileSync(join(folder, name))).toString()).toBe(LINE.repeat(2));
  }
});

test("lines that the disk refuses are counted, and told when it takes them again", () => {
  const told: number[] = [];
  const output = open(ROTATION, (lines) => told.push(lines));
  output.write(LINE);
  output.write(LINE);
  rmSync(folder, { recursive: true });
  output.write(LINE);
  output.write(LINE);
  expect(told).toEqual([]);
  mkdirSync(folder);
  output.write(LINE);
  output.close();
  output.write(LINE);
  expect(told).toEqual([2]);
  expect(text("etcd.log")).toBe(LINE);
});

test("what an earlier process had begun to compress is removed, whatever else lies there is not", () => {
  const begun = "etcd-2001-01-01T00-00-00.000.log.gz.part";
  for (const name of [begun, "etcd-notes.log.gz.part"]) writeFileSync(join(folder, name), "half");
  open(ROTATION).close();
  expect(names()).toEqual(["etcd-notes.log.gz.part", "etcd.log"]);
});

test("a folder named like a file that was put aside is left alone, and costs no line", () => {
  const odd = "etcd-2001-01-01T00-00-00.000.log";
  mkdirSync(join(folder, odd));
  const dropped: number[] = [];
  const output = open({ ...ROTATION, ageDaysMax: 7 }, (lines) => dropped.push(lines));
  for (let count = 0; count < 5; count++) output.write(LINE);
  output.close();
  expect(dropped).toEqual([]);
  expect(names()).toContain(odd);
  const logs = names().filter((name) => name !== odd);
  expect(logs.map(text).join("")).toBe(LINE.repeat(5));
});

test("what cannot be compressed, nor its beginning removed, stays as it is", async () => {
  const full = "etcd-2001-01-01T00-00-00.000.log";
  writeFileSync(join(folder, full), LINE);
  // Neither written over nor removed like a file.
  mkdirSync(join(folder, `${full}.gz.part`));
  const output = open({ ...ROTATION, isCompressed: true });
  await output.settled;
  output.close();
  expect(text(full)).toBe(LINE);
});
