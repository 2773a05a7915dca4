import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type Entry, EntryType } from "../raft/entry.ts";
import { Backlog } from "./backlog.ts";

const entryAt = (index: number): Entry => ({
  type: EntryType.NORMAL,
  term: 1,
  index,
  data: Buffer.alloc(1),
});

test("entries leave in order, and a snapshot takes the place of some", () => {
  const backlog = new Backlog();
  backlog.push([1, 2, 3, 4].map(entryAt));
  backlog.shift();
  expect(backlog.first?.index).toBe(2);
  backlog.dropUpTo(3);
  expect(backlog.first?.index).toBe(4);
  backlog.push([entryAt(5)]);
  backlog.shift();
  expect(backlog.first?.index).toBe(5);
  backlog.shift();
  expect(backlog.first).toBeUndefined();
});

test("what is applied is let go of, though the backlog is never empty", async () => {
  const backlog = new Backlog();
  const applied: WeakRef<Entry>[] = [];
  const add = (index: number) => {
    const entry = entryAt(index);
    applied.push(new WeakRef(entry));
    backlog.push([entry]);
  };
  add(1);
  for (let index = 2; index <= 100; index++) {
    add(index);
    backlog.shift();
  }
  expect(backlog.first?.index).toBe(100);
  // A weak reference holds on until the end of the turn that made it.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(applied.slice(0, -1).filter((entry) => entry.deref() !== undefined)).toEqual([]);
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
}
