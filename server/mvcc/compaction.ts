import type { KeyBlock } from "./key-block.ts";
import type { KeyIndex } from "./key-index.ts";
import { blockOf, position, slotOf } from "./key-index.ts";
import type { RecordTable } from "./record-table.ts";
import { isTombstoneTail, subOfTail } from "./revision-arena.ts";

// Physical compaction at revision R, a slice at a time. Per key the newest revision ≤ R stays,
// unless it is a tombstone older than R; everything older goes, from the index and from the table.
//
//   key a   2  5  9        R = 6: 2 goes, 5 stays (it is what R shows), 9 stays
//   key b   3  4†          R = 6: all goes, and the key leaves the index
//   key c   3  6†          R = 6: 3 goes, the tombstone exactly at R stays
//
// The records of a key go oldest first: whatever part of them a crash leaves, a key deleted before
// R cannot come back to life.

/** Index slots looked at, and records deleted, per slice. */
const SLOTS_PER_SLICE = 8192;
const DELETIONS_PER_SLICE = 1000;
/** Of one key at a time, so that a key with a million revisions does not hold up the rest. */
const DELETIONS_PER_KEY = 1000;

/** Yields between slices. Changes at revisions > R may happen in between. */
export function* deleteCompacted(
  index: KeyIndex,
  table: RecordTable,
  revision: number,
): Generator<void, void> {
  let next: Buffer | undefined = Buffer.alloc(0);
  let slots = 0;
  let deletions = 0;
  while (next !== undefined) {
    const at = index.normalize(index.seek(next));
    const number = blockOf(at);
    const block = index.block(number);
    if (slotOf(at) >= block.count) return;
    const slice = compactBlock(index, table, revision, number, slotOf(at));
    next = slice.next;
    slots += slice.slots;
    deletions += slice.deletions;
    if (slots < SLOTS_PER_SLICE && deletions < DELETIONS_PER_SLICE) continue;
    slots = 0;
    deletions = 0;
    yield;
  }
}

interface Slice {
  /** The key to continue at. */
  next: Buffer | undefined;
  slots: number;
  deletions: number;
}

function compactBlock(
  index: KeyIndex,
  table: RecordTable,
  revision: number,
  number: number,
  firstSlot: number,
): Slice {
  const block = index.block(number);
  const dead: number[] = [];
  let deletions = 0;
  let slot = firstSlot;
  while (slot < block.count && deletions < DELETIONS_PER_SLICE) {
    const dropped = dropOlder(index, table, block, slot, revision);
    deletions += dropped;
    if (dropped >= DELETIONS_PER_KEY) break;
    const main = block.main(slot);
    if (block.isTombstone(slot) && main < revision) {
      table.delete(main, subOfTail(block.tail(slot)), true);
      deletions++;
      dead.push(slot);
    }
    slot++;
  }
  const next = keyFrom(index, position(number, slot));
  const slots = slot - firstSlot + 1;
  if (dead.length > 0) index.removeDead(number, dead);
  return { next, slots, deletions };
}

/** Deletes what a reader at `revision` or later cannot see of a key's older revisions. */
function dropOlder(
  index: KeyIndex,
  table: RecordTable,
  block: KeyBlock,
  slot: number,
  revision: number,
): number {
  const { arena } = index;
  const older = block.older(slot);
  if (older === 0) return 0;
  const dropped = Math.min(droppable(index, block, slot, revision), DELETIONS_PER_KEY);
  for (let i = 0; i < dropped; i++) {
    const tail = arena.tail(older, i);
    table.delete(arena.main(older, i), subOfTail(tail), isTombstoneTail(tail));
  }
  block.setOlder(slot, arena.dropOldest(older, dropped));
  return dropped;
}

function droppable(index: KeyIndex, block: KeyBlock, slot: number, revision: number): number {
  const { arena } = index;
  const older = block.older(slot);
  if (block.main(slot) <= revision) return arena.count(older);
  const shown = arena.floor(older, revision);
  if (shown < 0) return 0;
  const isGone = isTombstoneTail(arena.tail(older, shown)) && arena.main(older, shown) < revision;
  return isGone ? shown + 1 : shown;
}

function keyFrom(index: KeyIndex, at: number): Buffer | undefined {
  const place = index.normalize(at);
  const block = index.block(blockOf(place));
  return slotOf(place) < block.count ? block.key(slotOf(place)) : undefined;
}
