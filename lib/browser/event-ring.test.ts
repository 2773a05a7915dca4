import fc from "fast-check";
import { expect, test } from "vitest";
import { EventRing } from "./event-ring.ts";

test("the ring keeps the newest rows within both bounds and counts every other one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 9, max: 60 }),
      (sizes, rowsMax, bytesMax) => {
        const ring = new EventRing<number>({ rowsMax, bytesMax }, (size) => size);
        for (const size of sizes) ring.push(size);
        const kept = ring.toArray();
        expect(kept).toEqual(sizes.slice(sizes.length - kept.length));
        expect(kept.length + ring.dropped).toBe(sizes.length);
        expect(kept.length).toBeLessThanOrEqual(rowsMax);
        expect(ring.bytes).toBe(kept.reduce((sum, size) => sum + size, 0));
        expect(ring.bytes).toBeLessThanOrEqual(bytesMax);
        expect(ring.at(0)).toBe(kept[0]);
        expect(ring.at(kept.length)).toBeUndefined();
      },
    ),
  );
});

test("one row larger than the whole bound is kept alone", () => {
  const ring = new EventRing<number>({ rowsMax: 10, bytesMax: 5 }, (size) => size);
  ring.push(3);
  ring.push(100);
  expect(ring.toArray()).toEqual([100]);
  expect(ring.dropped).toBe(1);
});
