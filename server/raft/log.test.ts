import { expect, test } from "vitest";
import { type Entry, EntryType } from "./entry.ts";
import { RaftLog } from "./log.ts";

function logOf(sizes: readonly number[], base = 0): RaftLog {
  const entries = sizes.map((size, i): Entry => {
    return { type: EntryType.NORMAL, term: 1, index: base + i + 1, data: Buffer.alloc(size) };
  });
  const last = base + entries.length;
  return new RaftLog({ index: base, term: base > 0 ? 1 : 0 }, entries, last, last);
}

test("what stays behind a marker is bounded by entries and by bytes, whichever is less", () => {
  const log = logOf([100, 100, 100, 100, 5000, 100, 100]);
  expect(log.forgettable(7, 3, Infinity)).toBe(4);
  expect(log.forgettable(7, 100, Infinity)).toBe(0);
  expect(log.forgettable(7, 100, 400)).toBe(5);
  expect(log.forgettable(7, 1, 400)).toBe(6);
  expect(log.forgettable(7, 100, 10)).toBe(7);
  expect(log.forgettable(4, 100, 10_000)).toBe(0);
});

test("what is forgotten already stays forgotten", () => {
  const log = logOf([10, 10, 10], 5);
  expect(log.forgettable(5, 100, Infinity)).toBe(5);
  expect(log.forgettable(3, 100, Infinity)).toBe(5);
  expect(log.forgettable(8, 1, Infinity)).toBe(7);
});
