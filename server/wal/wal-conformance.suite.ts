import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry, HardState, SnapshotMetadata } from "../raft/entry.ts";
import type { Wal, WalBatch, WalMetadata, WalState } from "./wal.ts";

export const METADATA: WalMetadata = { memberId: 0xfedcba9876543210n, clusterId: 7n };

export function entry(index: number, term = 1, data = `entry ${index}`): Entry {
  return { type: 0, index, term, data: Buffer.from(data) };
}

export function entries(from: number, to: number, term = 1): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term));
}

export function snapshotAt(index: number, term: number): SnapshotMetadata {
  return { index, term, confState: { voters: [1n, 2n, 0xffffffffffffffffn], learners: [3n] } };
}

export const batch = (list: readonly Entry[], more: Partial<WalBatch> = {}): WalBatch => ({
  entries: list,
  sync: true,
  ...more,
});

/** One kind of log under test. */
export interface WalKind {
  create(): Promise<Wal>;
  /** Ends the log's process at once, or after a `close`, and opens the log again. */
  reopen(wal: Wal, isClosed: boolean): Promise<{ wal: Wal; state: WalState }>;
}

export function describeWal(name: string, kind: WalKind): void {
  describe(name, () => {
    test("an empty log knows whose it is and begins before entry 1", async () => {
      const { wal, state } = await kind.reopen(await kind.create(), false);
      expect(state).toEqual({
        metadata: METADATA,
        hardState: { term: 0, vote: 0n, commit: 0 },
        snapshot: { index: 0, term: 0, confState: { voters: [], learners: [] } },
        entries: [],
      });
      await wal.close();
    });

    test("what was appended is there after a crash and after a close", async () => {
      for (const isClosed of [false, true]) {
        const created = await kind.create();
        const hardState: HardState = { term: 2 ** 40, vote: 0xffffffffffffffffn, commit: 2 };
        await created.append(batch([entry(1), { ...entry(2), type: 1 }], { hardState }));
        await created.append(batch([entry(3, 9, "")]));
        if (isClosed) await created.close();
        const { wal, state } = await kind.reopen(created, isClosed);
        expect(state.hardState).toEqual(hardState);
        expect(state.entries).toEqual([entry(1), { ...entry(2), type: 1 }, entry(3, 9, "")]);
        await wal.close();
      }
    });

    test("an entry replaces the one in its place and all behind it", async () => {
      const created = await kind.create();
      await created.append(batch(entries(1, 10, 1)));
      await created.append(batch(entries(4, 6, 2)));
      const { wal, state } = await kind.reopen(created, false);
      expect(state.entries).toEqual([...entries(1, 3, 1), ...entries(4, 6, 2)]);
      await wal.close();
    });

    test("a snapshot that the log holds drops what it covers and keeps the rest", async () => {
      const created = await kind.create();
      await created.append(batch(entries(1, 10, 3)));
      await created.append(batch([], { snapshot: snapshotAt(7, 3) }));
      created.release(7);
      const { wal, state } = await kind.reopen(created, false);
      expect(state.snapshot).toEqual(snapshotAt(7, 3));
      expect(state.entries).toEqual(entries(8, 10, 3));
      await wal.close();
    });

    test("a snapshot that the log does not hold starts it anew", async () => {
      for (const foreign of [snapshotAt(7, 4), snapshotAt(70, 4)]) {
        const created = await kind.create();
        await created.append(batch(entries(1, 10, 3)));
        const next = entry(foreign.index + 1, 4);
        await created.append(batch([next], { snapshot: foreign }));
        const { wal, state } = await kind.reopen(created, false);
        expect(state.snapshot).toEqual(foreign);
        expect(state.entries).toEqual([next]);
        await wal.close();
      }
    });

    test("releasing without a snapshot marker loses nothing", async () => {
      const created = await kind.create();
      for (let i = 1; i <= 200; i++) await created.append(batch([entry(i)]));
      created.release(150);
      const { wal, state } = await kind.reopen(created, false);
      expect(state.entries).toEqual(entries(1, 200));
      await wal.close();
    });

    test("a closed log takes nothing more", async () => {
      const wal = await kind.create();
      await wal.close();
      await expect(wal.append(batch([entry(1)]))).rejects.toThrow("closed");
    });

    agreesWithAnArray(kind);
  });
}

/** What the log should say, kept the simplest way. */
class Model {
  snapshot: SnapshotMetadata | undefined;
  hardState: HardState = { term: 0, vote: 0n, commit: 0 };
  list: Entry[] = [];

  get first(): number {
    return (this.snapshot?.index ?? 0) + 1;
  }

  get last(): number {
    return this.list.at(-1)?.index ?? this.first - 1;
  }
}

function agreesWithAnArray(kind: WalKind): void {
  const step = fc.record({
    kind: fc.constantFrom("append", "append", "append", "overwrite", "mark", "install", "reopen"),
    count: fc.integer({ min: 1, max: 30 }),
    back: fc.nat(40),
    bytes: fc.constantFrom(0, 7, 300, 5_000),
    isClosed: fc.boolean(),
  });

  test("any sequence of appends, truncations, snapshots and restarts gives the same log", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let wal = await kind.create();
        const model = new Model();
        let term = 1;
        const append = async (first: number, count: number, bytes: number) => {
          const added = Array.from({ length: count }, (_, i) =>
            entry(first + i, term, String.fromCharCode(97 + (i % 26)).repeat(bytes)),
          );
          model.list = model.list.filter((old) => old.index < first).concat(added);
          model.hardState = { term, vote: BigInt(count), commit: model.first - 1 };
          await wal.append(batch(added, { hardState: model.hardState }));
        };
        const mark = async (snapshot: SnapshotMetadata) => {
          const isKnown = model.list.some(
            (old) => old.index === snapshot.index && old.term === snapshot.term,
          );
          model.list = isKnown ? model.list.filter((old) => old.index > snapshot.index) : [];
          model.snapshot = snapshot;
          await wal.append(batch([], { snapshot }));
          wal.release(snapshot.index);
        };
        for (const what of steps) {
          if (what.kind === "append") await append(model.last + 1, what.count, what.bytes);
          if (what.kind === "overwrite") {
            term++;
            await append(Math.max(model.first, model.last - what.back), what.count, what.bytes);
          }
          const marked = model.list[what.back % Math.max(1, model.list.length)];
          if (what.kind === "mark" && marked !== undefined) {
            await mark(snapshotAt(marked.index, marked.term));
          }
          if (what.kind === "install") {
            term++;
            await mark(snapshotAt(model.last + what.count, term));
          }
          if (what.kind === "reopen") {
            if (what.isClosed) await wal.close();
            wal = (await kind.reopen(wal, what.isClosed)).wal;
          }
        }
        const { wal: last, state } = await kind.reopen(wal, false);
        await last.close();
        expect(state.entries).toEqual(model.list);
        expect(state.hardState).toEqual(model.hardState);
        if (model.snapshot !== undefined) expect(state.snapshot).toEqual(model.snapshot);
      }),
      { numRuns: 30 },
    );
  });
}
