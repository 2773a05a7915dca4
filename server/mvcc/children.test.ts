import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import type { ChildrenQuery } from "./children.ts";
import { MvccStore } from "./store.ts";
import { StoreModel } from "./store-model.suite.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const EMPTY = Buffer.alloc(0);

class Tree {
  readonly model = new StoreModel();
  readonly store = MvccStore.open(new MemoryEngine());
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** Puts under names of a few letters and slashes, now and then the deletion of a range. */
  grow(changes: number, letters: string): void {
    for (let i = 0; i < changes; i++) {
      const txn = this.store.begin();
      const name = this.#name(letters);
      if (this.#random.below(40) === 0) {
        const end = `${name.slice(0, 3)}\xff`;
        txn.deleteRange(bytes(name), bytes(end));
        this.model.deleteRange(name, end);
      } else {
        txn.put(bytes(name), bytes("v"), 0n);
        this.model.put(name, "v", 0n);
      }
      txn.end();
      this.model.end();
    }
  }

  #name(letters: string): string {
    const length = 2 + this.#random.below(8);
    let name = "";
    for (let i = 0; i < length; i++) {
      name +=
        this.#random.below(3) === 0 ? "/" : (letters[this.#random.below(letters.length)] ?? "");
    }
    return name;
  }
}

function naiveChildren(model: StoreModel, prefix: string, separator: string, revision: number) {
  const children = new Map<string, number>();
  let count = 0;
  for (const [name] of model.range("\0", "\0", revision)) {
    if (!name.startsWith(prefix)) continue;
    count++;
    const at = name.indexOf(separator, prefix.length);
    const child = at < 0 ? name : name.slice(0, at + separator.length);
    children.set(child, (children.get(child) ?? 0) + 1);
  }
  return { children: [...children], count };
}

function query(options: Partial<ChildrenQuery>): ChildrenQuery {
  return {
    prefix: EMPTY,
    separator: bytes("/"),
    revision: 0,
    limit: 1e6,
    after: EMPTY,
    from: EMPTY,
    ...options,
  };
}

test("children and counts are those of the whole listing, at every revision, page by page", () => {
  const tree = new Tree(1);
  tree.grow(4000, "abc\xff\0");
  tree.store.compact(2000);
  while (tree.store.compactStep());
  const { model, store } = tree;
  for (const revision of [0, 2000, 2001, 3000, model.revision - 10, model.revision]) {
    const shown = revision === 0 ? model.revision : revision;
    for (const [prefix, separator] of [
      ["", "/"],
      ["/", "/"],
      ["a/", "/"],
      ["a", "/"],
      ["a/b/", "/"],
      ["\xff", "/"],
      ["", "//"],
      ["", "b"],
      ["nothing/", "/"],
    ] as const) {
      const expected = naiveChildren(model, prefix, separator, shown);
      const ask = { prefix: bytes(prefix), separator: bytes(separator), revision };
      const whole = store.children(query(ask));
      const entries = whole.children.map(({ key, count }) => [key.toString("latin1"), count]);
      expect(entries).toEqual(expected.children);
      expect([whole.count, whole.more, whole.revision]).toEqual([expected.count, false, shown]);
      const paged: unknown[] = [];
      let after: Buffer = EMPTY;
      for (let more = true; more; ) {
        const page = store.children(query({ ...ask, limit: 3, after }));
        paged.push(...page.children.map(({ key, count }) => [key.toString("latin1"), count]));
        expect(page.count).toBe(expected.count);
        after = page.children.at(-1)?.key ?? EMPTY;
        more = page.more;
      }
      expect(paged).toEqual(expected.children);
      for (const from of ["a", "a/b/", "a/b/ca", "/", "c/\xff", "\xff/\0"]) {
        const end = from.indexOf(separator, prefix.length);
        const first = end < 0 ? from : from.slice(0, end + separator.length);
        const page = store.children(query({ ...ask, from: bytes(from) }));
        expect(page.count).toBe(expected.count);
        expect(page.children.map(({ key, count }) => [key.toString("latin1"), count])).toEqual(
          expected.children.filter(([name]) => name >= first),
        );
      }
    }
  }
  expect(() => store.children(query({ revision: 1999 }))).toThrow("has been compacted");
});

test("counts of ranges are exact at every revision while blocks split, empty and join", () => {
  const tree = new Tree(2);
  const { model, store } = tree;
  const random = new SeededRandom(3);
  for (let round = 0; round < 6; round++) {
    tree.grow(2000, "abcdefgh");
    if (round > 2) {
      const txn = store.begin();
      txn.deleteRange(bytes("a"), bytes("f"));
      model.deleteRange("a", "f");
      txn.end();
      model.end();
    }
    store.compact(model.revision - 800);
    while (store.compactStep());
    for (let i = 0; i < 12; i++) {
      const key =
        String.fromCharCode(97 + random.below(9)) + String.fromCharCode(random.below(256));
      const end = String.fromCharCode(97 + random.below(9));
      const revision = model.revision - random.below(800);
      const ask = { key: bytes(key), rangeEnd: bytes(end), revision, limit: 0, countOnly: true };
      expect(store.range(ask).count).toBe(model.range(key, end, revision).length);
    }
  }
});

test("a listing that is cut off still counts every key", () => {
  const store = MvccStore.open(new MemoryEngine());
  for (let folder = 0; folder < 300; folder++) {
    const txn = store.begin();
    for (let i = 0; i < 100; i++) txn.put(bytes(`/f${folder}/${i}`), EMPTY, 0n);
    txn.end();
  }
  const found = store.children(query({ prefix: bytes("/"), limit: 200 }));
  expect(found.children).toHaveLength(200);
  expect(found.children.every(({ count }) => count === 100)).toBe(true);
  expect([found.more, found.count]).toEqual([true, 30_000]);
});

test("a folder of long keys is found as fast as its bytes are read", () => {
  const store = MvccStore.open(new MemoryEngine());
  const separator = Buffer.from(`${"a".repeat(63)}b`);
  const name = "a".repeat(4_000_000);
  const txn = store.begin();
  for (const key of [name, `${name}b/1`, `${name}b/2`]) txn.put(bytes(key), bytes("v"), 0n);
  txn.end();
  const query = { prefix: EMPTY, separator, revision: 0, limit: 10, after: EMPTY, from: EMPTY };
  // The quadratic search of before would take minutes: the test's own limit is enough.
  const { children } = store.children(query);
  expect(children.map(({ key, count }) => [key.length, count])).toEqual([
    [4_000_000, 1],
    [4_000_001, 2],
  ]);
});

test("children of many bytes come in several answers, none of which has many", () => {
  const store = MvccStore.open(new MemoryEngine());
  const txn = store.begin();
  for (let at = 0; at < 40; at++) txn.put(bytes(`/${at + 10}`), Buffer.alloc(1 << 20), 0n);
  txn.end();
  const query = { prefix: bytes("/"), separator: bytes("/"), revision: 0, limit: 100, from: EMPTY };
  const sizes: number[] = [];
  const names: string[] = [];
  for (let after: Buffer = EMPTY, more = true; more; ) {
    const page = store.children({ ...query, after });
    sizes.push(page.children.length);
    names.push(...page.children.map(({ key }) => key.toString()));
    after = page.children.at(-1)?.key ?? EMPTY;
    more = page.more;
  }
  expect(sizes).toEqual([8, 8, 8, 8, 8]);
  expect(names).toEqual(Array.from({ length: 40 }, (_, at) => `/${at + 10}`));
});
