import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ReloadedFiles, readWhole } from "./reloaded-files.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-reloaded-"));
  path = join(folder, "file");
  writeFileSync(path, "one");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a file that cannot be read for a moment is read again, though it has not changed", () => {
  const read = vi.fn(readWhole).mockImplementationOnce(() => {
    throw new Error("open file: too many open files");
  });
  const files = new ReloadedFiles([path], ([content]) => String(content), read);
  expect(() => files.value).toThrow("too many open files");
  expect(files.value).toBe("one");
  writeFileSync(path, "another");
  read.mockImplementationOnce(() => {
    throw new Error("EIO");
  });
  expect(() => files.value).toThrow("EIO");
  expect([files.value, files.value]).toEqual(["another", "another"]);
  expect(read).toHaveBeenCalledTimes(4);
});

test("what a file came to is remembered until it changes, be it a failure", () => {
  const parse = vi.fn(([content]: readonly Buffer[]) => {
    if (String(content) === "one") throw new Error("no");
    return String(content);
  });
  const files = new ReloadedFiles([path], parse);
  for (const _ of [1, 2]) expect(() => files.value).toThrow("no");
  expect(parse).toHaveBeenCalledTimes(1);
  writeFileSync(path, "three");
  expect(files.value).toBe("three");
});

test("a file that is not there is told of in Go's words", () => {
  const files = new ReloadedFiles([join(folder, "none")], () => 0);
  expect(() => files.value).toThrow(`open ${folder}/none: no such file or directory`);
});
