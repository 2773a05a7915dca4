import { expect, test } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { SILENT_LOG } from "../base/log.ts";
import { promotionOf } from "../membership/conf-changes.ts";
import { decodeConfChange, encodeConfChange } from "../proto/conf-codec.ts";
import { ConfChangeType, type Entry, EntryType } from "../raft/entry.ts";
import type { RaftStart } from "../raft/ready.ts";
import { MemoryWal } from "../wal/memory-wal.ts";
import { startAlone } from "./lone-restart.ts";

const metadata = { memberId: 1n, clusterId: 2n };

function normal(index: number, term: number): Entry {
  return { type: EntryType.NORMAL, term, index, data: EMPTY_BYTES };
}

/** Entries 6 to 10; up to 7 applied, up to 8 committed. */
function begin(more: Partial<RaftStart> = {}): RaftStart {
  const confState = { voters: [1n, 3n, 5n], learners: [4n] };
  return {
    hardState: { term: 3, vote: 3n, commit: 8 },
    snapshot: { index: 5, term: 1, confState },
    entries: [normal(6, 1), normal(7, 2), normal(8, 2), normal(9, 2), normal(10, 3)],
    applied: 7,
    confState,
    ...more,
  };
}

async function alone(start: RaftStart) {
  const wal = new MemoryWal(metadata);
  await wal.append({ snapshot: start.snapshot, entries: [], sync: true });
  await wal.append({ hardState: start.hardState, entries: start.entries, sync: true });
  const result = await startAlone(wal, start, { kind: "restarted", metadata }, SILENT_LOG);
  const changes = result.entries
    .filter(({ type }) => type === EntryType.CONF_CHANGE)
    .map(({ data }) => decodeConfChange(data));
  return { result, changes };
}

test("what was not committed is dropped, and all others are removed behind the rest", async () => {
  const { result, changes } = await alone(begin());
  expect(result.entries.map(({ index, term }) => [index, term])).toEqual([
    [6, 1],
    [7, 2],
    [8, 2],
    [9, 3],
    [10, 3],
    [11, 3],
  ]);
  expect(changes.map(({ type, nodeId }) => [type, nodeId])).toEqual([
    [ConfChangeType.REMOVE_NODE, 3n],
    [ConfChangeType.REMOVE_NODE, 4n],
    [ConfChangeType.REMOVE_NODE, 5n],
  ]);
  expect(result.hardState).toEqual({ term: 3, vote: 3n, commit: 11 });
});

test("a change that is committed but not applied yet counts", async () => {
  const confState = { voters: [3n], learners: [1n] };
  const promotion = encodeConfChange(promotionOf(1n, 9n));
  const entry = { type: EntryType.CONF_CHANGE, term: 2, index: 8, data: promotion };
  const entries = [normal(6, 1), normal(7, 2), entry, normal(9, 2)];
  const { result } = await alone(begin({ confState, entries }));
  expect(result.entries.at(-1)).toMatchObject({ index: 9, type: EntryType.CONF_CHANGE });
});

test("a member that is alone already only loses what was not committed", async () => {
  const confState = { voters: [1n], learners: [] };
  const { result, changes } = await alone(begin({ confState }));
  expect(changes).toEqual([]);
  expect(result.entries.map(({ index }) => index)).toEqual([6, 7, 8, 9]);
  const settled = begin({ confState, hardState: { term: 3, vote: 1n, commit: 10 } });
  expect((await alone(settled)).result).toBe(settled);
});

test("a member without a vote does not become a cluster", async () => {
  const learner = begin({ confState: { voters: [3n], learners: [1n] } });
  await expect(alone(learner)).rejects.toThrow("member 1 has no vote in its cluster");
});
