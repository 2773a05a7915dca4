import { KeyIndex } from "./key-index.ts";
import { newState } from "./key-space.ts";
import { KeyValueRecord } from "./key-value.ts";
import type { RecordTable } from "./record-table.ts";
import { decodeMain, decodeSub, isTombstoneKey } from "./revision.ts";

const RECORDS_PER_SLICE = 1024;

/** Told of every living key that has a lease, in no particular order. */
export type OnAttached = (lease: bigint, key: Buffer) => void;

export interface RebuiltIndex {
  readonly index: KeyIndex;
  /** The newest main revision in the table, 0 when it is empty. */
  readonly newest: number;
}

/** The index as the records make it, oldest first. Yields between slices. */
export function* rebuildIndex(
  table: RecordTable,
  onAttached?: OnAttached,
): Generator<void, RebuiltIndex> {
  const index = new KeyIndex();
  const state = newState();
  const attached = new Map<string, bigint>();
  let newest = 0;
  let rows = 0;
  for (const [revisionKey, bytes] of table.scanAll()) {
    const record = new KeyValueRecord(bytes);
    state.main = decodeMain(revisionKey);
    state.sub = decodeSub(revisionKey);
    state.isTombstone = isTombstoneKey(revisionKey);
    state.createRevision = record.createRevision;
    state.version = record.version;
    newest = state.main;
    const at = index.seek(record.key);
    if (index.isHit) index.change(at, state);
    else index.insert(at, record.key, state);
    if (onAttached !== undefined) noteLease(attached, record);
    if (++rows % RECORDS_PER_SLICE === 0) yield;
  }
  for (const [key, lease] of attached) onAttached?.(lease, Buffer.from(key, "latin1"));
  return { index, newest };
}

function noteLease(attached: Map<string, bigint>, record: KeyValueRecord): void {
  const { lease } = record;
  if (lease !== 0n) attached.set(record.key.toString("latin1"), lease);
  else if (attached.size > 0) attached.delete(record.key.toString("latin1"));
}
