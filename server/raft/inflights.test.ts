import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { Inflights } from "./inflights.ts";

test("the window counts what a plain list would", () => {
  const random = new SeededRandom(1);
  const inflights = new Inflights(5);
  let model: number[] = [];
  let end = 0;
  for (let round = 0; round < 5000; round++) {
    if (random.below(3) > 0 && !inflights.isFull) {
      end += 1 + random.below(3);
      inflights.add(end);
      model.push(end);
    } else if (random.below(20) === 0) {
      inflights.clear();
      model = [];
    } else {
      const through = Math.max(0, end - random.below(8));
      inflights.freeThrough(through);
      model = model.filter((each) => each > through);
    }
    expect(inflights.count).toBe(model.length);
    expect(inflights.isFull).toBe(model.length === 5);
  }
  expect(() => {
    for (let extra = 0; extra < 6; extra++) inflights.add(++end);
  }).toThrow("full");
});
