import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { consoleState } from "./console-state.ts";
import { ADMIN } from "./users.ts";

let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "quorate-state-"));
});

afterAll(() => rmSync(scratch, { recursive: true }));

test("a start that fails leaves no folder, and the first password counts on the next one", async () => {
  const folder = join(scratch, "console");
  process.env["QUORATE_DATA_DIR"] = folder;
  process.env["QUORATE_ENDPOINTS"] = "ftp://nowhere";
  process.env["QUORATE_ADMIN_PASSWORD"] = "first-password";
  await expect(consoleState()).rejects.toThrow(/malformed/);
  expect(existsSync(folder)).toBe(false);

  process.env["QUORATE_ENDPOINTS"] = "http://127.0.0.1:1";
  const state = await consoleState();
  expect(await state.users.verify(ADMIN, "first-password")).toBe(true);
  expect(await consoleState()).toBe(state);
  await state.store.close();
});
