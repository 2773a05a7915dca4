import { expect, test } from "vitest";
import { urlProblem } from "./url-problem.ts";

const COLON = "first path segment in URL cannot contain colon";

test.each([
  ["127.0.0.1:1", COLON],
  ["b=http://127.0.0.1:1", COLON],
  [":1", "missing protocol scheme"],
  ["http://a:b", 'invalid port ":b" after host'],
  ["http://[::1", "missing ']' in host"],
  ["http://a b:1", 'invalid character " " in host name'],
])("%s cannot be read", (text, problem) => {
  expect(urlProblem(text)).toBe(`parse ${JSON.stringify(text)}: ${problem}`);
});

test.each([
  "",
  "a",
  "a:b",
  "b=c",
  "a/b:c",
  "?b:c",
  "http://a:1",
  "http://[::1]:1/b:c",
  "unix://a:1",
])("%j can be read", (text) => {
  expect(urlProblem(text)).toBeUndefined();
});
