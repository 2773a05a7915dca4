import { mkdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { systemProblem } from "./system-error.ts";

function failure(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing failed");
}

test("a call that the system refused is told in the system's words", () => {
  const missing = failure(() => readFileSync("/no/such/file"));
  expect(systemProblem(missing)).toBe("open /no/such/file: no such file or directory");
  expect(systemProblem(missing, "stat x")).toBe("stat x: no such file or directory");
  expect(systemProblem(failure(() => mkdirSync("/dev/null/x")))).toBe(
    "mkdir /dev/null/x: not a directory",
  );
  // Of a file that is open Node does not know the path.
  expect(systemProblem(failure(() => readFileSync("/")))).toBe("read: is a directory");
});

test("what is no call of the system says itself what is wrong", () => {
  expect(systemProblem(new Error("too late"))).toBe("too late");
  expect(systemProblem(Object.assign(new Error("no key"), { code: "ENOENT" }))).toBe("no key");
  expect(systemProblem("a text", "open x")).toBe("a text");
});
