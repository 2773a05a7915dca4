import { blockOf, type KeyIndex, position, slotOf } from "./key-index.ts";
import type { RecordTable } from "./record-table.ts";
import { decodeMain, decodeSub } from "./revision.ts";
import { subOfTail } from "./revision-arena.ts";

const KEYS_PER_SLICE = 16_384;
const FIRST_ROOM = 4096;

/**
 * Takes out of an index what compaction at or below `revision` has deleted from the table. The
 * records of a key go oldest first. Yields between slices; nothing may be written meanwhile.
 * @param onGone is told of every key that leaves the index
 */
export function* dropLostRecords(
  index: KeyIndex,
  table: RecordTable,
  revision: number,
  onGone: (key: Buffer) => void,
): Generator<void, void> {
  const present = new RevisionList();
  let read = 0;
  for (const key of table.scanKeys(revision + 1)) {
    present.push(decodeMain(key), decodeSub(key));
    if (++read % KEYS_PER_SLICE === 0) yield;
  }
  let next: Buffer | undefined = Buffer.alloc(0);
  while (next !== undefined) {
    const at = index.normalize(index.seek(next));
    if (slotOf(at) >= index.block(blockOf(at)).count) return;
    next = dropInBlock(index, blockOf(at), present, revision, onGone);
    yield;
  }
}

/** The key to continue at. */
function dropInBlock(
  index: KeyIndex,
  number: number,
  present: RevisionList,
  revision: number,
  onGone: (key: Buffer) => void,
): Buffer | undefined {
  const { arena } = index;
  const block = index.block(number);
  const gone: number[] = [];
  for (let slot = 0; slot < block.count; slot++) {
    const older = block.older(slot);
    const count = arena.count(older);
    const isLost = (main: number, tail: number) =>
      main <= revision && !present.has(main, subOfTail(tail));
    let lost = 0;
    while (lost < count && isLost(arena.main(older, lost), arena.tail(older, lost))) lost++;
    if (lost > 0) block.setOlder(slot, arena.dropOldest(older, lost));
    if (lost < count || !isLost(block.main(slot), block.tail(slot))) continue;
    onGone(block.key(slot));
    gone.push(slot);
  }
  const behind = index.normalize(position(number, block.count));
  const next = index.block(blockOf(behind));
  const key = slotOf(behind) < next.count ? next.key(slotOf(behind)) : undefined;
  if (gone.length > 0) index.removeGone(number, gone);
  return key;
}

/** Ascending revisions, packed. */
class RevisionList {
  #mains = new Float64Array(FIRST_ROOM);
  #subs = new Float64Array(FIRST_ROOM);
  #count = 0;

  push(main: number, sub: number): void {
    if (this.#count === this.#mains.length) {
      this.#mains = doubled(this.#mains);
      this.#subs = doubled(this.#subs);
    }
    this.#mains[this.#count] = main;
    this.#subs[this.#count++] = sub;
  }

  has(main: number, sub: number): boolean {
    const mains = this.#mains;
    const subs = this.#subs;
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = mains[middle] as number;
      if (other < main || (other === main && (subs[middle] as number) < sub)) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && mains[low] === main && subs[low] === sub;
  }
}

function doubled(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
