import { expect, test } from "vitest";
import { finish, type Steps } from "../base/steps.ts";
import type { RangeQuery } from "../mvcc/key-space.ts";
import { Compare } from "../proto/gen/rpc.ts";
import { ComparePace, comparing } from "./compare.ts";
import { KeyWriter } from "./key-writer.ts";
import type { RangeSource } from "./range.ts";
import { stateOn } from "./state-machine.suite.ts";

const KEYS = 5_000;
const ALL = { key: Buffer.from("\0"), rangeEnd: Buffer.from("\0") };
const EQUAL = 0;
const GREATER = 1;
const NOT_EQUAL = 3;
const VERSION = 0;

const state = stateOn();
const loading = state.kv.begin();
for (let i = 0; i < KEYS; i++) {
  loading.put(Buffer.from(`k${String(i).padStart(5, "0")}`), Buffer.from(String(i)), 0n);
}
loading.end();

const versions = (result: Compare["result"], version: bigint) =>
  Compare.fromPartial({ ...ALL, target: VERSION, result, version });

/** The store, counting the records that are read of ranges. */
class Metered implements RangeSource {
  read = 0;
  readonly revision = state.kv.revision;
  readonly compactRevision = -1;
  range = (query: RangeQuery) => state.kv.range(query);
  openRange(query: RangeQuery) {
    const cursor = state.kv.openRange(query);
    const next = cursor.next.bind(cursor);
    cursor.next = (recordsMax, bytesMax) => {
      const records = next(recordsMax, bytesMax);
      this.read += records.length;
      return records;
    };
    return cursor;
  }
}

function turnsOf<T>(steps: Steps<T>): readonly [turns: number, result: T] {
  for (let turns = 1; ; turns++) {
    const step = steps.next();
    if (step.done === true) return [turns, step.value];
  }
}

const pace = (keysMax?: number) => new ComparePace(state.kv.revision, keysMax);

test("the first key that does not hold decides a compare of a range", () => {
  const source = new Metered();
  const compares = [versions(EQUAL, 0n), versions(GREATER, 0n)];
  expect(turnsOf(comparing(source, compares, pace()))).toEqual([1, false]);
  expect(source.read).toBeLessThanOrEqual(64);
});

test("long compares pause, in an entry and outside", () => {
  const compares = Array.from({ length: 8 }, () => versions(GREATER, 0n));
  const [turns, holds] = turnsOf(comparing(state.kv, compares, pace()));
  expect(holds).toBe(true);
  expect(turns).toBeGreaterThan((8 * KEYS) / 600);
  const writer = new KeyWriter(state);
  expect(turnsOf(comparing(writer, compares, pace()))).toEqual([turns, true]);
  writer.end();
});

test("a compare of a range shows one revision, whatever is written in the pauses", () => {
  const steps = comparing(state.kv, [versions(EQUAL, 1n), versions(NOT_EQUAL, 9n)], pace());
  steps.next();
  const txn = state.kv.begin();
  txn.put(Buffer.from("k04999"), Buffer.from("again"), 0n);
  txn.end();
  expect(finish(steps)).toBe(true);
  expect(finish(comparing(state.kv, [versions(EQUAL, 1n)], pace()))).toBe(false);
});

test("who compares more keys than may be looked at is refused", () => {
  const compares = [versions(GREATER, 0n), versions(GREATER, 0n)];
  expect(() => finish(comparing(state.kv, compares, pace(KEYS)))).toThrow("too many operations");
  expect(finish(comparing(state.kv, compares, pace(KEYS * 3)))).toBe(true);
});
