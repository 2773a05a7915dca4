import { expect, test } from "vitest";
import { formatDateTime, formatTimeOrDay } from "./format.ts";

/** Of this machine's own time zone. */
const at = (...parts: [number, number, number, number, number, number, number]) =>
  new Date(...parts).toISOString();

test("a time of another day names the day, and one of today its milliseconds", () => {
  const now = new Date(2026, 0, 1, 0, 0, 5).getTime();
  expect(formatTimeOrDay(at(2026, 0, 1, 0, 0, 1, 7), now)).toBe("00:00:01.007");
  expect(formatTimeOrDay(at(2025, 11, 31, 23, 59, 59, 7), now)).toBe("31 Dec, 23:59:59");
  expect(formatTimeOrDay(at(2025, 0, 1, 0, 0, 1, 7), now)).toBe("1 Jan, 00:00:01");
});

test("a date and time leaves nothing open", () => {
  expect(formatDateTime(at(2025, 11, 31, 23, 59, 59, 7))).toBe("31 Dec 2025, 23:59:59.007");
});
