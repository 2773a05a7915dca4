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
    index.match(key, (match) => found.push(match));
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
  let count = 0;
  index.match("09999", () => count++);
  expect(count).toBe(10_000);
  for (const start of starts) index.delete(start, undefined, start);
  index.match("09999", () => count++);
  expect(count).toBe(10_000);
});
