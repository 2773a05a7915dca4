import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyIntervals } from "./key-intervals.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const OPEN = "\0";

function covers(granted: readonly (readonly [string, string])[], key: string, end: string) {
  const ranges = granted.map(([start, rangeEnd]) => ({
    key: bytes(start),
    rangeEnd: bytes(rangeEnd),
  }));
  return new KeyIntervals(ranges).covers(bytes(key), bytes(end));
}

test.each([
  ["a key alone", [["a", ""]], "a", "", true],
  ["not its neighbour", [["a", ""]], "a\0", "", false],
  ["as a range of one", [["a", ""]], "a", "a\0", true],
  ["a range's first key", [["a", "c"]], "a", "", true],
  ["not its end", [["a", "c"]], "c", "", false],
  ["a part", [["a", "c"]], "aa", "b", true],
  ["not more", [["a", "c"]], "aa", "ca", false],
  [
    "the union of touching ranges",
    [
      ["b", "c"],
      ["a", "b"],
    ],
    "a",
    "c",
    true,
  ],
  [
    "a point that closes a gap",
    [
      ["a", "b"],
      ["b", ""],
      ["b\0", "c"],
    ],
    "a",
    "c",
    true,
  ],
  [
    "no union across a gap",
    [
      ["a", "b"],
      ["c", "d"],
    ],
    "a",
    "d",
    false,
  ],
  ["an open end holds all behind", [["b", OPEN]], "x", OPEN, true],
  ["an open end is no key", [["b", "z"]], "x", OPEN, false],
  ["everything", [[OPEN, OPEN]], OPEN, OPEN, true],
  [
    "a range inside another",
    [
      ["a", "z"],
      ["b", "c"],
    ],
    "b",
    "y",
    true,
  ],
  ["an empty range as its first key", [["b", "c"]], "b", "a", true],
  ["an empty range outside", [["b", "c"]], "d", "a", false],
  ["nothing without permissions", [], "a", "", false],
] as const)("%s", (_name, granted, key, end, expected) => {
  expect(covers(granted as readonly (readonly [string, string])[], key, end)).toBe(expected);
});

test("a range is covered exactly when each of its keys is", () => {
  const letters = ["a", "b", "c", "d", "e", "f"];
  const letter = fc.constantFrom(...letters);
  const range = fc.tuple(letter, fc.constantFrom(...letters, "", OPEN));
  const allows = ([start, end]: readonly [string, string], key: string) =>
    end === "" ? key === start : key >= start && (end === OPEN || key < end);
  // Between two letters lies a key too, which no single-key permission reaches.
  const keys = letters.flatMap((each) => [each, `${each}m`]);
  fc.assert(
    fc.property(fc.array(range, { maxLength: 6 }), range, (granted, wanted) => {
      const [start, end] = wanted;
      if (end !== "" && end !== OPEN && end <= start) return;
      const asked = keys.filter((key) => allows(wanted, key));
      const expected = asked.every((key) => granted.some((each) => allows(each, key)));
      expect(covers(granted, start, end)).toBe(expected);
    }),
    { numRuns: 3000 },
  );
});
