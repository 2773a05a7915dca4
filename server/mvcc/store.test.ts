import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../base/bytes.ts";
import { KeyValue } from "../proto/gen/kv.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import type { RangeQuery } from "./key-space.ts";
import { type KeyValueRecord, keyOfRecord } from "./key-value.ts";
import { decodeMain, decodeSub, isTombstoneKey } from "./revision.ts";
import { MvccStore } from "./store.ts";
import { type ModelVersion, StoreModel } from "./store-model.suite.ts";

const EMPTY = Buffer.alloc(0);
const bytes = (text: string) => Buffer.from(text, "latin1");

type Write = { put: string; value: string; lease: bigint } | { delete: string; end: string };
type Step =
  | { txn: Write[] }
  | { compact: number; slices: number }
  | { reopen: true }
  | { read: string; end: string; back: number; limit: number };

const keys = fc.stringMatching(/^[a-c]{1,3}$/);
const ends = fc.oneof(fc.constantFrom("", "\0", "b", "c\xff"), keys);
const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: keys, value: keys, lease: fc.bigInt(-2n, 2n) }) },
  { weight: 1, arbitrary: fc.record({ delete: keys, end: ends }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ txn: fc.array(write, { maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ compact: fc.nat(8), slices: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ reopen: true as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ read: keys, end: ends, back: fc.nat(12), limit: fc.nat(4) }),
  },
);

class Pair {
  readonly engine = new MemoryEngine();
  readonly model = new StoreModel();
  store = MvccStore.open(this.engine);

  run(next: Step): void {
    if ("txn" in next) this.#write(next.txn);
    else if ("compact" in next) this.#compact(next.compact, next.slices);
    else if ("reopen" in next) this.#reopen();
    else this.read(next.read, next.end, this.model.revision - next.back, next.limit);
  }

  read(key: string, end: string, revision: number, limit: number): void {
    const query = { key: bytes(key), rangeEnd: bytes(end), revision, limit };
    const { model, store } = this;
    if (revision > 0 && revision < model.compacted) {
      expect(() => store.range(query)).toThrow("has been compacted");
      return;
    }
    const expected = model.range(key, end, revision > 0 ? revision : model.revision);
    const shown = expected.slice(0, limit > 0 ? limit : undefined);
    const found = store.range(query);
    expect(found.count).toBe(expected.length);
    expect(found.records.map(fields)).toEqual(shown.map(([name, at]) => modelFields(name, at)));
    expect(store.range({ ...query, countOnly: true })).toEqual({
      records: [],
      count: expected.length,
    });
    expect(readAll(store, query).map(fields)).toEqual(found.records.map(fields));
  }

  finishCompaction(): void {
    while (this.store.compactStep());
    expect(this.store.finishedCompactRevision).toBe(this.model.compacted);
    const rows = [...this.engine.scan("key")].map(([key, record]) => [
      keyOfRecord(record).toString("latin1"),
      decodeMain(key),
      decodeSub(key),
      isTombstoneKey(key),
    ]);
    expect(rows).toEqual(
      this.model.records().map(([key, at]) => [key, at.main, at.sub, at.value === undefined]),
    );
  }

  #write(writes: readonly Write[]): void {
    const txn = this.store.begin();
    for (const change of writes) {
      if ("put" in change) {
        txn.put(bytes(change.put), bytes(change.value), change.lease);
        this.model.put(change.put, change.value, change.lease);
      } else {
        const deleted = txn.deleteRange(bytes(change.delete), bytes(change.end));
        const expected = this.model.deleteRange(change.delete, change.end);
        expect(deleted.map(({ key }) => key.toString("latin1"))).toEqual(expected);
      }
      for (const name of ["a", "b", "cc"]) {
        const shown = this.model.at(name, Number.POSITIVE_INFINITY);
        expect(txn.get(bytes(name))?.value.toString()).toBe(shown?.value);
      }
    }
    this.model.end();
    expect(txn.end().revision).toBe(this.model.revision);
    expect(this.store.revision).toBe(this.model.revision);
  }

  #compact(back: number, slices: number): void {
    const { model, store } = this;
    const revision = model.revision - back;
    if (revision <= model.compacted) {
      expect(() => store.compact(revision)).toThrow("has been compacted");
      return;
    }
    store.compact(revision);
    model.compacted = revision;
    for (let i = 0; i < slices; i++) store.compactStep();
  }

  #reopen(): void {
    const attached = new Map<string, bigint>();
    this.store = MvccStore.open(this.engine, (lease, key) =>
      attached.set(key.toString("latin1"), lease),
    );
    const { model, store } = this;
    expect([store.revision, store.compactRevision]).toEqual([model.revision, model.compacted]);
    const living = model.range("\0", "\0", model.revision);
    const leased = living.filter(([, at]) => at.lease !== 0n);
    expect(attached).toEqual(new Map(leased.map(([key, at]) => [key, at.lease])));
    expect(store.keyCount).toBe(living.length);
  }
}

function readAll(store: MvccStore, query: RangeQuery): KeyValueRecord[] {
  const cursor = store.openRange(query);
  const records: KeyValueRecord[] = [];
  while (!cursor.isDone) records.push(...cursor.next(2, 1024));
  cursor.close();
  return records;
}

function fields(record: KeyValueRecord) {
  const { key, createRevision, modRevision, version, value, lease } = record;
  return [key.toString("latin1"), createRevision, modRevision, version, value.toString(), lease];
}

function modelFields(key: string, at: ModelVersion) {
  return [key, at.create, at.main, at.version, at.value, at.lease];
}

function hashAll(store: MvccStore, revision: number) {
  const hashing = store.hashing(revision);
  for (;;) {
    const slice = hashing.next();
    if (slice.done === true) return slice.value;
  }
}

test("the store agrees with a plain history through writes, compactions and restarts", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pair = new Pair();
      for (const next of steps) pair.run(next);
      pair.read("\0", "\0", 0, 0);
      pair.finishCompaction();
      pair.read("\0", "\0", 0, 0);
    }),
    { numRuns: 150 },
  );
});

test("members with the same history have the same hashes, however far their deletion is", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(6), (steps, back) => {
      const pairs = [new Pair(), new Pair()] as const;
      for (const next of steps) {
        if ("reopen" in next) pairs[0].run(next);
        else for (const pair of pairs) pair.run(next);
        if ("compact" in next) while (pairs[1].store.compactStep());
      }
      const { model, store } = pairs[0];
      const revision = Math.max(model.revision - back, model.compacted, 1);
      if (model.range("\0", "\0", revision).length === 0) return;
      if (revision === model.compacted) return;
      expect(hashAll(store, revision)).toEqual(hashAll(pairs[1].store, revision));
    }),
    { numRuns: 100 },
  );
});

test("keys of any length and any bytes keep their order and their content", () => {
  const store = MvccStore.open(new MemoryEngine());
  const names = [
    Buffer.from([0]),
    Buffer.from([0, 0]),
    Buffer.from([0xff]),
    Buffer.from([0xff, 0xff]),
    ...[1, 64, 65, 127, 128, 1977, 1978, 1979, 65_536, 1_048_576].flatMap((length) => [
      Buffer.alloc(length, 0x61),
      Buffer.concat([Buffer.alloc(length - 1, 0x61), Buffer.from([0])]),
      Buffer.concat([Buffer.alloc(length - 1, 0x61), Buffer.from([0xff])]),
    ]),
  ];
  const unique = new Map(names.map((name) => [name.toString("latin1"), name]));
  const sorted = [...unique.values()].sort(compareBytes);
  for (const name of [...sorted].reverse()) {
    const txn = store.begin();
    txn.put(name, name.subarray(0, 10), 0n);
    txn.end();
  }
  const all = store.range({
    key: Buffer.from([0]),
    rangeEnd: Buffer.from([0]),
    revision: 0,
    limit: 0,
  });
  expect(all.count).toBe(sorted.length);
  expect(all.records.every((record, at) => record.key.equals(sorted[at] ?? EMPTY))).toBe(true);
  for (const name of sorted) {
    expect(store.get(name)?.value.equals(name.subarray(0, 10))).toBe(true);
    const { count } = store.range({ key: name, rangeEnd: EMPTY, revision: 0, limit: 0 });
    expect(count).toBe(1);
  }
});

test("a record's bytes are the one canonical encoding, for any field", () => {
  const fieldValues = fc.record({
    key: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    value: fc.uint8Array({ maxLength: 300 }),
    lease: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(0n, 127n, 128n)),
  });
  fc.assert(
    fc.property(fieldValues, ({ key, value, lease }) => {
      const store = MvccStore.open(new MemoryEngine());
      const txn = store.begin();
      const { record } = txn.put(Buffer.from(key), Buffer.from(value), lease);
      txn.end();
      const decoded = KeyValue.decode(record.bytes);
      expect(Buffer.from(KeyValue.encode(decoded).finish())).toEqual(record.bytes);
      expect(decoded).toEqual({
        key: Buffer.from(key),
        value: Buffer.from(value),
        lease,
        createRevision: 2,
        modRevision: 2,
        version: 1,
      });
      expect(KeyValue.decode(record.bytesWithoutValue)).toEqual({ ...decoded, value: EMPTY });
      expect(store.get(Buffer.from(key))?.lease).toBe(lease);
    }),
  );
});

test("a cursor shows its revision while keys are written and compacted, and then lets go", () => {
  const store = MvccStore.open(new MemoryEngine());
  const put = (key: string, value: string) => {
    const txn = store.begin();
    txn.put(bytes(key), bytes(value), 0n);
    txn.end();
  };
  for (let i = 0; i < 3000; i++) put(`k${String(i).padStart(5, "0")}`, "old");
  const query = { key: bytes("k"), rangeEnd: bytes("l"), revision: 0, limit: 0 };
  const cursor = store.openRange(query);
  const seen = cursor.next(10, 1024);
  for (let i = 0; i < 3000; i++) put(`k${String(i).padStart(5, "0")}.5`, "new");
  for (let i = 0; i < 3000; i++) put(`k${String(i).padStart(5, "0")}`, "new");
  store.compact(store.revision);
  expect(store.compactStep()).toBe(false);
  while (!cursor.isDone) seen.push(...cursor.next(500, 4096));
  expect(cursor.count).toBe(3000);
  expect(seen).toHaveLength(3000);
  expect(seen.every((record) => record.value.toString() === "old")).toBe(true);
  cursor.close();
  while (store.compactStep());
  expect(store.finishedCompactRevision).toBe(store.revision);
});

test("a crash in the middle of a compaction loses no revision and brings no key back", async () => {
  let engine = new MemoryEngine();
  let store = MvccStore.open(engine);
  for (let i = 0; i < 4000; i++) {
    const txn = store.begin();
    txn.put(bytes(`k${i % 50}`), bytes("v"), 0n);
    txn.end();
  }
  const txn = store.begin();
  txn.deleteRange(bytes("k"), bytes("l"));
  const { revision } = txn.end();
  store.compact(revision);
  for (let crashes = 0; store.finishedCompactRevision < revision; crashes++) {
    for (let i = 0; i <= crashes; i++) store.compactStep();
    await engine.commit();
    engine = engine.crash();
    store = MvccStore.open(engine);
    expect([store.revision, store.compactRevision]).toEqual([revision, revision]);
    expect(store.keyCount).toBe(0);
  }
  expect([...engine.scan("key")]).toHaveLength(50);
});

test("the record that a raised revision leaves, without any content, is no obstacle", () => {
  const engine = new MemoryEngine();
  const key = Buffer.from("00000000000003e85f0000000000000000", "hex");
  engine.put("key", key, EMPTY);
  engine.put("meta", Buffer.from("scheduledCompactRev"), key);
  const store = MvccStore.open(engine);
  while (store.compactStep());
  expect([store.revision, store.compactRevision]).toEqual([1000, 1000]);
  const all = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]), revision: 0, limit: 0 };
  expect(store.range(all).count).toBe(0);
  const txn = store.begin();
  expect(txn.put(bytes("a"), bytes("1"), 0n).record.modRevision).toBe(1001);
  txn.end();
});
