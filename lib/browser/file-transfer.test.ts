import { expect, test } from "vitest";
import { fileNameOf, readFile } from "./file-transfer.ts";
import { encodeUtf8 } from "./key-text.ts";

test.each([
  ["config/production/checkout.json", "checkout.json"],
  ["/registry/pods/", "pods"],
  ["plain", "plain"],
  ["../../.bashrc", "bashrc"],
  ["a/..", "value"],
  ["//", "value"],
  ["c:\\windows\\system.ini", "c_windows_system.ini"],
  ["a b\n<c>", "a_b_x0a_c_"],
])("the file of %j is called %s: no path, no hidden file, no odd letter", (key, name) => {
  expect(fileNameOf(encodeUtf8(key))).toBe(name);
});

test("a key that is not UTF-8 or endless has a name too", () => {
  expect(fileNameOf(Uint8Array.of(0x61, 0x2f, 0xff, 0xfe))).toBe("xff_xfe");
  expect(fileNameOf(encodeUtf8("w".repeat(5_000)))).toHaveLength(120);
});

test("a file is read byte for byte, and one that is too large not at all", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  expect(await readFile(new File([bytes], "x"), 256)).toEqual(bytes);
  expect(await readFile(new File([bytes], "x"), 255)).toBeUndefined();
});
