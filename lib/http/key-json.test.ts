import fc from "fast-check";
import { expect, test } from "vitest";
import { cursorOf, positionOf, refuseOversize, revisionOf } from "./key-json.ts";
import { Problem } from "./problem.ts";

test("a cursor holds any position, and a forged one is refused or harmless", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.integer({ min: 0, max: 50_000 }),
      (child, count, pageKeys) => {
        const position = { child: Buffer.from(child), count, pageKeys };
        expect(positionOf(cursorOf(position))).toEqual(position);
      },
    ),
  );
  expect(() => positionOf("")).toThrow(Problem);
  expect(() => positionOf("AAAAAAAAAAAAAA")).toThrow(Problem);
  expect(positionOf(Buffer.alloc(11, 255).toString("base64url")).pageKeys).toBe(50_000);
});

test("a revision beyond what numbers hold is refused instead of rounded", () => {
  expect(revisionOf(undefined)).toBeUndefined();
  expect(revisionOf("9007199254740991")).toBe(9_007_199_254_740_991);
  expect(() => revisionOf("9007199254740992")).toThrow(Problem);
});

test("key and value count together towards etcd's limit", () => {
  refuseOversize(Buffer.alloc(1_000_000), Buffer.alloc(500_000));
  expect(() => refuseOversize(Buffer.alloc(1_000_000), Buffer.alloc(600_000))).toThrow(/1\.5 MiB/);
});
