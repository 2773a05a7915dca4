import { FrameFileError } from "../storage/frame-file.ts";
import { decodeIndex, type IndexCheckpoint } from "./index-checkpoint.ts";
import { KeyIndex } from "./key-index.ts";
import { newState } from "./key-space.ts";
import { KeyValueRecord } from "./key-value.ts";
import { dropLostRecords } from "./lost-records.ts";
import type { RecordTable } from "./record-table.ts";
import { decodeMain, decodeSub, encodeRevision, isTombstoneKey } from "./revision.ts";

/** One slice: records, or their bytes. */
const SLICE_RECORDS = 1024;
const SLICE_BYTES = 1024 * 1024;

/** Told of every living key that has a lease, in no particular order. */
export type OnAttached = (lease: bigint, key: Buffer) => void;

export interface RebuiltIndex {
  readonly index: KeyIndex;
  /** The newest main revision in the table, 0 when it is empty. */
  readonly newest: number;
  readonly origin: IndexOrigin;
}

/** Where an index came from. */
export interface IndexOrigin {
  readonly source: "checkpoint" | "records";
  /** Records that were read one by one. */
  readonly recordsRead: number;
  /** Why a checkpoint that is there was of no use. */
  readonly problem: string | undefined;
}

/**
 * The index as the records make it: from a checkpoint and the records behind it, or from all of
 * them, oldest first. Yields between slices.
 * @param frames of the checkpoint, if any
 */
export function* rebuildIndex(
  table: RecordTable,
  frames: Iterable<Buffer> = [],
  onAttached?: OnAttached,
): Generator<void, RebuiltIndex> {
  const newest = table.newest;
  const { checkpoint, problem } = yield* findCheckpoint(table, newest, frames);
  const index = checkpoint?.index ?? new KeyIndex();
  const attached = checkpoint?.attached ?? new Map<string, bigint>();
  const isNoting = onAttached !== undefined;
  const start = encodeRevision((checkpoint?.head.revision ?? -1) + 1, 0);
  const recordsRead = yield* replay(table, index, start, isNoting ? attached : undefined);
  if (checkpoint !== undefined && hasCompacted(table, checkpoint)) {
    const compacted = Math.max(table.scheduledCompaction, table.finishedCompaction);
    yield* dropLostRecords(index, table, compacted, (key) => {
      attached.delete(key.toString("latin1"));
    });
  }
  for (const [key, lease] of attached) onAttached?.(lease, Buffer.from(key, "latin1"));
  const source = checkpoint === undefined ? "records" : "checkpoint";
  return { index, newest, origin: { source, recordsRead, problem } };
}

function* findCheckpoint(
  table: RecordTable,
  newest: number,
  frames: Iterable<Buffer>,
): Generator<void, { checkpoint?: IndexCheckpoint; problem: string | undefined }> {
  try {
    const checkpoint = yield* decodeIndex(frames, table.contentId);
    if (checkpoint === undefined) return { problem: undefined };
    const known = Math.max(1, newest, table.scheduledCompaction, table.finishedCompaction);
    if (checkpoint.writtenRevision > known) return { problem: "it is newer than the records" };
    return { checkpoint, problem: undefined };
  } catch (error) {
    if (error instanceof FrameFileError) return { problem: error.message };
    throw error;
  }
}

/** Adds the records from `start` on, unless the index has them; how many there were. */
function* replay(
  table: RecordTable,
  index: KeyIndex,
  start: Buffer,
  attached: Map<string, bigint> | undefined,
): Generator<void, number> {
  const state = newState();
  const known = newState();
  let rows = 0;
  let sliceEnd = SLICE_RECORDS;
  let bytesLeft = SLICE_BYTES;
  for (const [revisionKey, bytes] of table.scan(start)) {
    const record = new KeyValueRecord(bytes);
    const { key } = record;
    state.main = decodeMain(revisionKey);
    state.sub = decodeSub(revisionKey);
    state.isTombstone = isTombstoneKey(revisionKey);
    state.createRevision = record.createRevision;
    state.version = record.version;
    const at = index.seek(key);
    if (!index.isHit) index.insert(at, key, state);
    else {
      index.readState(at, known);
      const isNewer =
        state.main > known.main || (state.main === known.main && state.sub > known.sub);
      if (isNewer) index.change(at, state);
    }
    if (attached !== undefined) noteLease(attached, record);
    rows++;
    bytesLeft -= bytes.length;
    if (rows < sliceEnd && bytesLeft > 0) continue;
    yield;
    sliceEnd = rows + SLICE_RECORDS;
    bytesLeft = SLICE_BYTES;
  }
  return rows;
}

function hasCompacted(table: RecordTable, { head }: IndexCheckpoint): boolean {
  const { scheduledCompaction, finishedCompaction } = table;
  return (
    head.scheduledCompaction !== head.finishedCompaction ||
    head.scheduledCompaction !== scheduledCompaction ||
    head.finishedCompaction !== finishedCompaction
  );
}

function noteLease(attached: Map<string, bigint>, record: KeyValueRecord): void {
  const { lease } = record;
  if (lease !== 0n) attached.set(record.key.toString("latin1"), lease);
  else if (attached.size > 0) attached.delete(record.key.toString("latin1"));
}
