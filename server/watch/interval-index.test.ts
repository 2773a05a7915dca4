import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { IntervalIndex } from "./interval-index.ts";

test("the ranges that hold a key are those that a look at all of them finds", () => {
  const random = new SeededRandom(1);
  const index = new IntervalIndex<number>();
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
