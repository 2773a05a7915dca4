import { expect, test } from "vitest";
import { parseTarget } from "./request-target.ts";

test.each([
  ["/version", "", "/version", ""],
  ["/a%2fb?x=%zz#y", "", "/a/b", "?x=%zz#y"],
  ["/version#x", "", "/version#x", ""],
  ["/%ff", "", "/%ff", ""],
  ["//evil.com/version", "", "//evil.com/version", ""],
  ["http://good.com/version?a", "good.com", "/version", "?a"],
  ["HTTP://good.com:99", "good.com:99", "", ""],
  ["ftp://u:p@good.com?x", "good.com", "", "?x"],
  ["http://good.com:/", "good.com:", "/", ""],
  ["http://[::1]:1/a", "[::1]:1", "/a", ""],
  ["http:///version", "", "/version", ""],
])("%s is meant for %j: %j, %j", (target, authority, path, query) => {
  expect(parseTarget(target)).toEqual({ authority, path, query });
});

test.each([
  "",
  "*",
  "version",
  "/%zz",
  "/a%2",
  "http://good.com:xx/version",
  "http://[::1/version",
  "http://go%6fd.com/version",
  "http://a b/version",
])("%s is no target", (target) => {
  expect(parseTarget(target)).toBeUndefined();
});
