import { expect, test } from "vitest";
import { finish, type Steps } from "../base/steps.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { SLICE_SLOTS } from "./key-space.ts";
import { encodeRevision } from "./revision.ts";
import { MvccStore } from "./store.ts";

const MIB = 1024 * 1024;
const VALUE = Buffer.alloc(MIB / 4);
const everything = { key: Buffer.from("\0"), rangeEnd: Buffer.from("\0"), revision: 0, limit: 0 };

function storeOf(keys: number, value: Buffer): MvccStore {
  const store = MvccStore.open(new MemoryEngine());
  const txn = store.begin();
  for (let at = 0; at < keys; at++) txn.put(keyOf(at), value, 0n);
  txn.end();
  return store;
}

function keyOf(at: number): Buffer {
  return Buffer.from(`k/${String(at).padStart(6, "0")}`);
}

function slicesOf<T>(steps: Steps<T>): number {
  let slices = 1;
  while (steps.next().done !== true) slices++;
  return slices;
}

test("a slice of a range ends with the record that reaches its bytes", () => {
  const cursor = storeOf(20, VALUE).openRange(everything);
  const sizes: number[] = [];
  while (!cursor.isDone) sizes.push(cursor.next(1000, MIB).length);
  expect(sizes).toEqual([4, 4, 4, 4, 4]);
});

test("records of many bytes make a transaction's range and a hash pause earlier", () => {
  const store = storeOf(20, VALUE);
  expect(slicesOf(store.hashing(0))).toBeGreaterThanOrEqual(5);
  const txn = store.begin();
  expect(slicesOf(txn.ranging(everything))).toBeGreaterThanOrEqual(5);
  txn.end();
});

test("the records of a start pause by their bytes", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  const txn = store.begin();
  for (let at = 0; at < 20; at++) txn.put(keyOf(at), VALUE, 0n);
  txn.end();
  expect(slicesOf(MvccStore.opening(engine))).toBeGreaterThanOrEqual(5);
});

test("keys that do not exist any more are work too, for ranges and deletions", () => {
  const store = storeOf(SLICE_SLOTS * 2, Buffer.from("v"));
  const deletion = store.begin();
  deletion.deleteRange(keyOf(0), Buffer.from("l"));
  deletion.put(Buffer.from("last"), Buffer.from("v"), 0n);
  deletion.end();
  const cursor = store.openRange(everything);
  const sizes: number[] = [];
  while (!cursor.isDone) sizes.push(cursor.next(1000, MIB).length);
  expect(sizes.length).toBeGreaterThanOrEqual(2);
  expect(sizes.at(-1)).toBe(1);
  const again = store.begin();
  const steps = again.deletingRange(everything.key, everything.rangeEnd);
  expect(slicesOf(steps)).toBeGreaterThanOrEqual(2);
  again.end();
});

test("keys of the past are counted in slices, whatever is written in between", () => {
  const keys = SLICE_SLOTS * 2;
  const store = storeOf(keys, Buffer.from("v"));
  const { revision } = store;
  const change = (from: number, step: number) => {
    const txn = store.begin();
    for (let at = from; at < keys; at += step) txn.put(keyOf(at), Buffer.from("w"), 0n);
    txn.end();
  };
  change(0, 100);
  const cursor = store.openRange({ ...everything, revision });
  expect(cursor.isCounted).toBe(false);
  let slices = 0;
  for (; !cursor.isCounted; slices++) {
    const txn = store.begin();
    txn.put(Buffer.from(`k/0${slices}x`), Buffer.from("new"), 0n);
    finish(txn.deletingRange(keyOf(slices * 7000), keyOf(slices * 7000 + 5000)));
    txn.end();
    cursor.countSome();
  }
  expect(slices).toBeGreaterThanOrEqual(2);
  expect(cursor.count).toBe(keys);
  expect(cursor.next(3, MIB).map(({ key }) => key)).toEqual([keyOf(0), keyOf(1), keyOf(2)]);
  cursor.close();
  const txn = store.begin();
  txn.put(Buffer.from("a"), Buffer.from("b"), 0n);
  const counting = txn.ranging({ ...everything, revision, countOnly: true });
  expect(slicesOf(counting)).toBeGreaterThanOrEqual(2);
  txn.end();
});

test("a deletion holds nothing of a key but the record that is written", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  const put = store.begin();
  for (let at = 0; at < 10; at++) put.put(keyOf(at), Buffer.from("v"), 0n);
  put.end();
  const txn = store.begin();
  const changes = txn.deleteRange(everything.key, everything.rangeEnd);
  for (const [at, change] of changes.entries()) {
    const written = engine.get("key", encodeRevision(change.main, change.sub, true));
    expect(change.key).toEqual(keyOf(at));
    expect(change.key.buffer).toBe(written?.buffer);
    expect(change.key.byteOffset).toBeGreaterThan(written?.byteOffset ?? Number.NaN);
    expect(change.previous?.key).toEqual(keyOf(at));
  }
  txn.end();
});
