import { expect, test } from "vitest";
import { durationProblem, formatAgo, formatDuration, parseDuration } from "./duration.ts";

// Texts, nanoseconds and what Go prints of them.
test.each([
  ["0", 0n, "0s"],
  ["5s", 5_000_000_000n, "5s"],
  ["1h30m", 5_400_000_000_000n, "1h30m0s"],
  ["1.5s", 1_500_000_000n, "1.5s"],
  [".5ms", 500_000n, "500µs"],
  ["1us", 1_000n, "1µs"],
  ["1µs", 1_000n, "1µs"],
  ["999ns", 999n, "999ns"],
  ["-2m", -120_000_000_000n, "-2m0s"],
  ["+61s", 61_000_000_000n, "1m1s"],
  ["100ms", 100_000_000n, "100ms"],
  ["1h1.5s", 3_601_500_000_000n, "1h0m1.5s"],
])("%s is read and written as by Go", (text, ns, shown) => {
  expect(parseDuration(text)).toBe(ns);
  expect(formatDuration(ns)).toBe(shown);
});

test.each([
  ["", 'time: invalid duration ""'],
  ["x", 'time: invalid duration "x"'],
  ["-1", 'time: missing unit in duration "-1"'],
  ["1h5", 'time: missing unit in duration "1h5"'],
  ["1d", 'time: unknown unit "d" in duration "1d"'],
  ["9999999h", 'time: invalid duration "9999999h"'],
])("%j is refused in Go's words", (text, problem) => {
  expect(parseDuration(text)).toBeUndefined();
  expect(durationProblem(text)).toBe(problem);
});

test.each([
  [999, "now"],
  [1000, "1 second ago"],
  [59_999, "59 seconds ago"],
  [60_000, "1 minute ago"],
  [7_200_000, "2 hours ago"],
])("how long ago: %d ms are %s", (ms, text) => {
  expect(formatAgo(ms)).toBe(text);
});
