import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameFileError } from "../storage/frame-file.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { type KeyIndex, position } from "./key-index.ts";
import { newState } from "./key-space.ts";
import { rebuildIndex } from "./rebuild.ts";
import { RecordTable } from "./record-table.ts";
import { MvccStore } from "./store.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

/** Everything that an index and its leases say, key by key. */
function contents(index: KeyIndex, attached: ReadonlyMap<string, bigint>): string[] {
  const rows: string[] = [];
  const state = newState();
  let live = 0;
  for (let number = 0; number < index.blockCount; number++) {
    const block = index.block(number);
    for (let slot = 0; slot < block.count; slot++) {
      index.readState(position(number, slot), state);
      if (!state.isTombstone) live++;
      const key = block.key(slot).toString("latin1");
      const older = block.older(slot);
      const history = Array.from(
        { length: index.arena.count(older) },
        (_, i) => `${index.arena.main(older, i)}.${index.arena.tail(older, i)}`,
      );
      const lease = attached.get(key) ?? 0n;
      rows.push(`${key} ${Object.values(state).join(" ")} [${history.join(" ")}] ${lease}`);
    }
  }
  expect(index.liveCount).toBe(live);
  expect(index.liveBetween(0, index.end)).toBe(live);
  return rows;
}

function opened(engine: MemoryEngine, frames?: Iterable<Buffer>) {
  const attached = new Map<string, bigint>();
  const opening = rebuildIndex(new RecordTable(engine), frames, (lease, key) => {
    attached.set(key.toString("latin1"), lease);
  });
  for (;;) {
    const slice = opening.next();
    if (slice.done === true) {
      const { index, newest, origin } = slice.value;
      return { rows: contents(index, attached), newest, origin };
    }
  }
}

function put(store: MvccStore, ...keys: string[]): void {
  const txn = store.begin();
  for (const key of keys) txn.put(bytes(key), bytes("v"), 0n);
  txn.end();
}

function remove(store: MvccStore, key: string): void {
  const txn = store.begin();
  txn.deleteRange(bytes(key), bytes(""));
  txn.end();
}

function compactAll(store: MvccStore, revision: number): void {
  store.compact(revision);
  while (store.compactStep()) continue;
}

type Step =
  | { put: readonly string[]; lease: bigint }
  | { delete: string; end: string }
  | { compact: number; slices: number }
  | { save: number }
  | { crash: boolean };

const keys = fc.stringMatching(/^[a-c]{1,4}$/);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ put: fc.array(keys, { minLength: 1 }), lease: fc.bigInt(0n, 2n) }),
  },
  { weight: 3, arbitrary: fc.record({ delete: keys, end: fc.constantFrom("", "b", "c") }) },
  { weight: 2, arbitrary: fc.record({ compact: fc.nat(6), slices: fc.nat(4) }) },
  { weight: 6, arbitrary: fc.record({ save: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ crash: fc.boolean() }) },
);

/** A store whose index is being saved, a frame now and then, while everything else goes on. */
class SavedStore {
  #engine = new MemoryEngine();
  #store = MvccStore.open(this.#engine);
  #leases = new Map<string, bigint>();
  #saving: { frames: Generator<Buffer, void>; taken: Buffer[] } | undefined;
  #written: Buffer[] | undefined;
  #saved: Buffer[] | undefined;

  async run(next: Step): Promise<void> {
    if ("put" in next) this.#put(next.put, next.lease);
    else if ("delete" in next) this.#delete(next.delete, next.end);
    else if ("compact" in next) this.#compact(next.compact, next.slices);
    else if ("save" in next) await this.#save(next.save);
    else await this.#crash(next.crash);
  }

  #put(names: readonly string[], lease: bigint): void {
    const txn = this.#store.begin();
    for (const name of names) {
      txn.put(bytes(name), bytes(name), lease);
      this.#leases.set(name, lease);
    }
    txn.end();
  }

  #delete(key: string, end: string): void {
    const txn = this.#store.begin();
    for (const { key: gone } of txn.deleteRange(bytes(key), bytes(end))) {
      this.#leases.delete(gone.toString("latin1"));
    }
    txn.end();
  }

  #compact(back: number, slices: number): void {
    const revision = this.#store.revision - back;
    if (revision > this.#store.compactRevision) this.#store.compact(revision);
    for (let i = 0; i < slices && this.#store.compactStep(); i++);
  }

  /** So many frames; when all are written they count from the next commit on. */
  async #save(frames: number): Promise<void> {
    const leaseOf = (key: Buffer) => this.#leases.get(key.toString("latin1")) ?? 0n;
    this.#saving ??= { frames: this.#store.savingIndex(leaseOf), taken: [] };
    for (let i = 0; i <= frames; i++) {
      const next = this.#saving.frames.next();
      if (next.done !== true) this.#saving.taken.push(next.value);
      else {
        this.#written = this.#saving.taken;
        this.#saving = undefined;
        break;
      }
    }
  }

  /** @param commits whether what was written before is durable */
  async #crash(commits: boolean): Promise<void> {
    if (commits) {
      await this.#engine.commit();
      this.#saved = this.#written ?? this.#saved;
    }
    this.#engine = this.#engine.crash();
    const scanned = opened(this.#engine);
    const loaded = opened(this.#engine, this.#saved);
    expect(loaded.rows).toEqual(scanned.rows);
    expect(loaded.newest).toBe(scanned.newest);
    expect(loaded.origin.source).toBe(this.#saved === undefined ? "records" : "checkpoint");
    this.#leases = new Map();
    this.#store = MvccStore.open(
      this.#engine,
      (lease, key) => this.#leases.set(key.toString("latin1"), lease),
      this.#saved,
    );
    this.#saving = undefined;
    this.#written = undefined;
  }
}

test("a checkpoint and what came since make the index that all records make", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const saved = new SavedStore();
      for (const next of [...steps, { crash: true }]) await saved.run(next);
    }),
    { numRuns: 400 },
  );
});

test("many blocks, with keys that come, go and change while they are being saved", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  const name = (i: number) => `/key/${String(i * 7919).padStart(9, "0")}`;
  for (let i = 0; i < 3000; i++) put(store, name(i), name(i + 3000));
  const frames: Buffer[] = [];
  let round = 0;
  for (const frame of store.savingIndex(undefined)) {
    frames.push(frame);
    for (let i = 0; i < 300; i++) put(store, `${name(i * 19)}/${round}`, name(i * 11));
    remove(store, name(round * 100));
    round++;
    if (round === 3) compactAll(store, store.revision - 50);
  }
  const loaded = opened(engine, frames);
  expect(loaded.rows).toEqual(opened(engine).rows);
  expect(loaded.origin.recordsRead).toBeGreaterThan(0);
});

test("a key that compaction took away altogether does not come back", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  put(store, "a", "b");
  const frames = [...store.savingIndex(undefined)];
  remove(store, "a");
  put(store, "c");
  compactAll(store, store.revision);
  const loaded = opened(engine, frames);
  expect(loaded.rows).toEqual(opened(engine).rows);
  expect(loaded.origin.source).toBe("checkpoint");
});

test("a checkpoint of other content, or of more than the records hold, is not used", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  put(store, "a");
  const frames = [...store.savingIndex(undefined)];
  expect(opened(new MemoryEngine(), frames)).toMatchObject({ rows: [], newest: 0 });
  const before = engine.crash();
  expect(opened(before, frames)).toMatchObject({
    rows: [],
    origin: { source: "records", problem: "it is newer than the records" },
  });
});

test("a checkpoint that breaks off or does not verify gives way to the records", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  put(store, "a", "b");
  const frames = [...store.savingIndex(undefined)];
  const expected = opened(engine).rows;
  const broken = function* (): Generator<Buffer> {
    yield* frames.slice(0, 2);
    throw new FrameFileError("a checksum does not fit");
  };
  expect(opened(engine, broken())).toMatchObject({
    rows: expected,
    origin: { source: "records", problem: "a checksum does not fit" },
  });
  const endless = opened(engine, frames.slice(0, -1));
  expect(endless).toMatchObject({ rows: expected, origin: { source: "records" } });
  const holey = [frames[0] as Buffer, frames[2] as Buffer];
  expect(opened(engine, holey).origin.problem).toBe("keys are missing");
});

test("keys, revisions and histories of every size come back as they were", () => {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  put(store, "x".repeat(100_000), "\0", "\xff\xff");
  for (let i = 0; i < 5000; i++) put(store, "often");
  const loaded = opened(engine, [...store.savingIndex(undefined)]);
  expect(loaded.rows).toEqual(opened(engine).rows);
  expect(loaded.origin.recordsRead).toBe(0);
});
