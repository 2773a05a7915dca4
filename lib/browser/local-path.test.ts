import { expect, test } from "vitest";
import { localPath } from "./local-path.ts";

test("paths of the console are kept with their query", () => {
  expect(localPath("/keys?cluster=local&key=/a")).toBe("/keys?cluster=local&key=/a");
});

test.each([
  undefined,
  ["/keys", "/watch"],
  "",
  "keys",
  "https://evil.example/keys",
  "//evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "/.//evil.example",
  "javascript:alert(1)",
  "/login?callbackUrl=/keys",
  "/api/auth/signout",
])("anything else leads home: %j", (wanted) => {
  expect(localPath(wanted)).toBe("/overview");
});
