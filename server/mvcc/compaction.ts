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

/** Index slots looked at per slice. */
const SLOTS_PER_SLICE = 8192;

/**
 * Yields between slices. Changes at revisions > R may happen in between.
 * @param deletionsMax records deleted per slice: a key with a million revisions takes many
 */
export function* deleteCompacted(
  index: KeyIndex,
  table: RecordTable,
  revision: number,
  deletionsMax: number,
): Generator<void, void> {
  let next: Buffer | undefined = Buffer.alloc(0);
  let slots = 0;
  let deletions = 0;
  while (next !== undefined) {
    const at = index.normalize(index.seek(next));
    const number = blockOf(at);
    const block = index.block(number);
    if (slotOf(at) >= block.count) return;
    const slice = compactBlock(index, table, { revision, deletionsMax }, number, slotOf(at));
    next = slice.next;
    slots += slice.slots;
    deletions += slice.deletions;
    if (slots < SLOTS_PER_SLICE && deletions < deletionsMax) continue;
    slots = 0;
    deletions = 0;
    yield;
  }
}

interface Limits {
  readonly revision: number;
  readonly deletionsMax: number;
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
  limits: Limits,
  number: number,
  firstSlot: number,
): Slice {
  const { revision, deletionsMax } = limits;
  const block = index.block(number);
  const dead: number[] = [];
  let deletions = 0;
  let slot = firstSlot;
  while (slot < block.count && deletions < deletionsMax) {
    const dropped = dropOlder(index, table, block, slot, limits);
    deletions += dropped;
    if (dropped >= deletionsMax) break;
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
  { revision, deletionsMax }: Limits,
): number {
  const { arena } = index;
  const older = block.older(slot);
  if (older === 0) return 0;
  const dropped = Math.min(droppable(index, block, slot, revision), deletionsMax);
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
