import { expect, test } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { type ConfState, type Entry, EntryType } from "../raft/entry.ts";
import { MemoryWal } from "../wal/memory-wal.ts";
import { RecoveryError, recoverLog } from "./recovered-log.ts";

const metadata = { memberId: 1n, clusterId: 2n };
const confState: ConfState = { voters: [1n, 3n], learners: [] };

function entry(index: number, term: number): Entry {
  return { type: EntryType.NORMAL, term, index, data: EMPTY_BYTES };
}

function log(snapshotIndex: number, terms: readonly number[]) {
  const entries = terms.map((term, at) => entry(snapshotIndex + 1 + at, term));
  const hardState = { term: terms.at(-1) ?? 1, vote: 0n, commit: snapshotIndex };
  return { metadata, hardState, snapshot: { index: snapshotIndex, term: 1, confState }, entries };
}

function recover(
  found: ReturnType<typeof log>,
  index: number,
  term: number,
  received: number[] = [],
) {
  const applied = { index, term, confState };
  return recoverLog(new MemoryWal(metadata), found, applied, new Set(received));
}

test("a log that leads through the state is kept as it is", async () => {
  const found = log(2, [1, 1, 2]);
  for (const [index, term] of [
    [2, 1],
    [3, 1],
    [5, 2],
  ] as const) {
    const { snapshot, entries, applied } = await recover(found, index, term);
    expect({ snapshot, entries, applied }).toEqual({
      snapshot: found.snapshot,
      entries: found.entries,
      applied: index,
    });
  }
});

test("a log that ends before a state that was just installed begins anew behind it", async () => {
  const start = await recover(log(2, [1, 1]), 9, 3, [7, 9]);
  expect(start).toMatchObject({ snapshot: { index: 9, term: 3 }, entries: [], applied: 9 });
});

test("a log that leads past the state on another way begins anew: its entries are no one's", async () => {
  const start = await recover(log(2, [1, 2, 2, 2]), 4, 3, [4]);
  expect(start).toMatchObject({ snapshot: { index: 4, term: 3 }, entries: [], applied: 4 });
});

test("a log that lost its end is refused: nothing was installed that would explain it", async () => {
  await expect(recover(log(2, [1, 1]), 9, 3, [8])).rejects.toThrow("the log, ending at 4");
  await expect(recover(log(2, [1, 2, 2, 2]), 4, 3)).rejects.toThrow(RecoveryError);
});

test("a state older than where the log begins is refused", async () => {
  await expect(recover(log(5, [1]), 4, 1)).rejects.toThrow(RecoveryError);
});
