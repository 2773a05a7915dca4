import { expect, test } from "vitest";
import { SeededRandom, SystemRandom } from "../base/random.ts";
import { IntervalIndex } from "./interval-index.ts";

test("the ranges that hold a key are those that a look at all of them finds", () => {
  const random = new SeededRandom(1);
  const index = new IntervalIndex<number>(random);
  const ranges = new Map<number, { start: string; end: string | undefined }>();
  const name = () => String.fromCharCode(...Array.from({ length: 2 }, () => random.below(256)));
  for (let item = 0; item < 3000; item++) {
    const start = name();
    const end = random.below(10) === 0 ? undefined : random.below(5) === 0 ? `${start}\0` : name();
    index.add(start, end, item);
    ranges.set(item, { start, end });
    const victim = random.below(item + 1);
    const gone = ranges.get(victim);
    if (random.below(3) > 0 && gone !== undefined) {
      index.delete(gone.start, gone.end, victim);
      ranges.delete(victim);
    }
    if (item % 10 > 0) continue;
    const key = name();
    const found: number[] = [];
    index.match(key, (matches) => {
      found.push(...matches);
      return true;
    });
    const expected = [...ranges].filter(([, range]) => {
      return range.start <= key && (range.end === undefined || key < range.end);
    });
    expect(found.sort((a, b) => a - b)).toEqual(expected.map(([match]) => match));
  }
});

test("ranges chosen for the priorities of a known seed make no chain", () => {
  const foreseen = new SeededRandom(1);
  const priorities = Array.from({ length: 20_000 }, (_, at) => ({ at, value: foreseen.uint32() }));
  priorities.sort((a, b) => a.value - b.value);
  const starts: string[] = [];
  priorities.forEach(({ at }, rank) => {
    starts[at] = rank.toString().padStart(5, "0");
  });
  const index = new IntervalIndex<string>(new SystemRandom());
  for (const start of starts) index.add(start, undefined, start);
  const counted = () => {
    let count = 0;
    index.match("09999", () => ++count > 0);
    return count;
  };
  expect(counted()).toBe(10_000);
  for (const start of starts) index.delete(start, undefined, start);
  expect(counted()).toBe(0);
});

test("a look for the ranges of a key stops when it is told to", () => {
  const index = new IntervalIndex<string>(new SeededRandom(1));
  for (const start of "abcdefgh") index.add(start, undefined, start);
  const found: string[] = [];
  index.match("z", (matches) => {
    found.push(...matches);
    return found.length < 3;
  });
  expect(found).toEqual(["a", "b", "c"]);
  expect(
    [...index]
      .flatMap((items) => [...items])
      .sort()
      .join(""),
  ).toBe("abcdefgh");
});
