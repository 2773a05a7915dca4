import { expect, test } from "vitest";
import { MemoryEngine } from "../storage/memory-engine.ts";
import type { KeyHash } from "./key-hash.ts";
import { MvccStore } from "./store.ts";
import type { WriteTxn } from "./write-txn.ts";

class HashedStore {
  readonly store = MvccStore.open(new MemoryEngine());

  write(change: (txn: WriteTxn) => void): number {
    const txn = this.store.begin();
    change(txn);
    return txn.end().revision;
  }

  put(key: string, value: string, lease = 0n): number {
    return this.write((txn) => txn.put(Buffer.from(key), Buffer.from(value), lease));
  }

  delete(key: string, rangeEnd = ""): number {
    return this.write((txn) => txn.deleteRange(Buffer.from(key), Buffer.from(rangeEnd)));
  }

  compact(revision: number): void {
    this.store.compact(revision);
    while (this.store.compactStep());
  }

  hash(revision = 0): KeyHash {
    const hashing = this.store.hashing(revision);
    for (;;) {
      const slice = hashing.next();
      if (slice.done === true) return slice.value;
    }
  }
}

test("hashes are etcd's, step by step, through transactions, leases and compactions", () => {
  const model = new HashedStore();
  const hashes: number[] = [];
  const note = () => hashes.push(model.hash().hash);
  note();
  for (const [key, value] of ["foo bar", "foo bar2", "k1 x", "k2 "].map((text) =>
    text.split(" "),
  )) {
    model.put(key ?? "", value ?? "");
    note();
  }
  model.delete("foo");
  expect(model.delete("foo")).toBe(6);
  note();
  model.write((txn) => {
    txn.put(Buffer.from("a"), Buffer.from("1"), 0n);
    txn.deleteRange(Buffer.from("k1"), Buffer.from("k3"));
    txn.put(Buffer.from("b"), Buffer.from("2"), 0n);
  });
  note();
  model.put("a", "4", 1234567n);
  note();
  model.put("foo", "z");
  note();
  const golden = [
    1084519789, 3305255506, 3581052765, 3668494668, 3372557278, 851314839, 869663058, 3852195549,
    2378839064,
  ];
  expect(hashes).toEqual(golden);
  for (let revision = 2; revision <= 9; revision++) {
    expect(model.hash(revision)).toEqual({
      hash: golden[revision - 1],
      compactRevision: -1,
      revision,
    });
  }

  const compactions: KeyHash[] = [];
  const compactAndNote = (revision: number) => {
    model.compact(revision);
    compactions.push(model.hash(revision), model.hash());
  };
  compactAndNote(4);
  compactAndNote(6);
  expect(model.delete("a")).toBe(10);
  compactions.push(model.hash());
  compactAndNote(7);
  compactAndNote(8);
  model.put("last", "1");
  compactions.push(model.hash());
  compactAndNote(10);
  compactAndNote(11);
  const row = (hash: number, compactRevision: number, revision: number) => ({
    hash,
    compactRevision,
    revision,
  });
  expect(compactions).toEqual([
    row(3668494668, -1, 4),
    row(3773143603, 4, 9),
    row(2260686484, 4, 6),
    row(285372668, 6, 9),
    row(3665092778, 6, 10),
    row(1247200406, 6, 7),
    row(4140409762, 7, 10),
    row(2904539738, 7, 8),
    row(1761970008, 8, 10),
    row(528320985, 8, 11),
    row(1761970008, 8, 10),
    row(239000505, 10, 11),
    row(239000505, 10, 11),
    row(239000505, 11, 11),
  ]);
});

test("below the compacted revision only hashes that compactions took are answered", () => {
  const model = new HashedStore();
  for (let i = 0; i < 8; i++) model.put(`k${i % 3}`, `v${i}`);
  model.compact(4);
  const stored = model.hash(4);
  model.compact(6);
  expect(model.hash(4)).toEqual(stored);
  expect(() => model.hash(5)).toThrow("has been compacted");
  expect(() => model.hash(10)).toThrow("future revision");
});

test("only the hashes of the last ten compactions are kept", () => {
  const model = new HashedStore();
  for (let i = 0; i < 14; i++) model.put("k", `${i}`);
  for (let revision = 2; revision <= 13; revision++) model.compact(revision);
  expect(() => model.hash(3)).toThrow("has been compacted");
  expect(model.hash(4).revision).toBe(4);
});

test("a compaction that overtakes another leaves no hash of its own", () => {
  const model = new HashedStore();
  for (let i = 0; i < 8; i++) model.put(`k${i % 3}`, `v${i}`);
  model.store.compact(4);
  model.compact(6);
  expect(model.hash(4).compactRevision).toBe(-1);
  expect(model.hash(6).compactRevision).toBe(6);
});
