import { assert, must } from "../base/assert.ts";
import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import { CountTree } from "./count-tree.ts";
import { BLOCK_SLOTS, KeyBlock } from "./key-block.ts";
import { PackedKeys } from "./packed-keys.ts";
import { isTombstoneTail, RevisionArena, subOfTail, tailOf } from "./revision-arena.ts";

// Which keys there are, and at which revisions each of them changed: all in memory, rebuilt from
// the `key` table at start. Values stay in the engine.
//
//   blocks     [ a … f ][ g … m ][ n … z ]        sorted; a block is up to 512 packed keys
//   counts       301      412      87             live keys per block, summed in a tree
//   arena      older revisions of the keys that have more than one
//
// A position (block number * 512 + slot) names a place in the order of keys, until keys are
// inserted or removed; a change of an existing key moves nothing. Counting live keys before a
// position is a walk down the tree and a look at one block. At an older revision only the blocks
// are looked into that changed since.
//
// Invariants: every block but an only one holds at least one key · keys ascend, within and across
// blocks · a history's revisions ascend and the newest stands in its slot · a slot leaves only by
// compaction.

/** Blocks with fewer keys join a neighbour with room. */
const MERGE_SLOTS = BLOCK_SLOTS / 4;
const MERGED_SLOTS_MAX = (BLOCK_SLOTS * 3) / 4;
const MERGED_BYTES_MAX = 48 * 1024;

/** The newest state of one key; tombstones count as states. */
export interface KeyState {
  main: number;
  sub: number;
  isTombstone: boolean;
  /** 0 for a tombstone. */
  createRevision: number;
  version: number;
}

export class KeyIndex {
  readonly #blocks: KeyBlock[] = [new KeyBlock()];
  /** Per block bytes that are above all keys before it and not above its first. */
  readonly #borders = new PackedKeys();
  readonly #arena = new RevisionArena();
  readonly #counts = new CountTree();
  #areCountsStale = true;
  #liveCount = 0;
  #isHit = false;

  constructor() {
    this.#borders.insertKey(0, EMPTY_BYTES);
  }

  /** Keys that exist now. */
  get liveCount(): number {
    return this.#liveCount;
  }

  get blockCount(): number {
    return this.#blocks.length;
  }

  block(number: number): KeyBlock {
    return this.#blocks[number] as KeyBlock;
  }

  get arena(): RevisionArena {
    return this.#arena;
  }

  /**
   * The position of the first key that is not below `key`; `isHit` tells whether it is that key.
   */
  seek(key: Buffer): number {
    return this.#search(key);
  }

  get isHit(): boolean {
    return this.#isHit;
  }

  /** A copy of the key at a position. */
  keyAt(at: number): Buffer {
    return this.#blockAt(at).key(slotOf(at));
  }

  readState(at: number, state: KeyState): void {
    const block = this.#blockAt(at);
    const slot = slotOf(at);
    const tail = block.tail(slot);
    state.main = block.main(slot);
    state.sub = subOfTail(tail);
    state.isTombstone = isTombstoneTail(tail);
    state.createRevision = block.create(slot);
    state.version = block.version(slot);
  }

  /** Adds a change, newer than all others of the key at `at`, and keeps the older ones. */
  change(at: number, state: Readonly<KeyState>): void {
    const block = this.#blockAt(at);
    const slot = slotOf(at);
    const main = block.main(slot);
    const tail = block.tail(slot);
    assert(state.main >= main, "a key's revisions ascend");
    block.setOlder(slot, this.#arena.append(block.older(slot), main, tail));
    const wasLive = !isTombstoneTail(tail);
    writeState(block, slot, state);
    if (wasLive === state.isTombstone) this.#addLive(blockOf(at), wasLive ? -1 : 1);
  }

  /** Adds a key that the index does not know, where `seek` said. Positions behind it change. */
  insert(at: number, key: Buffer, state: Readonly<KeyState>): void {
    let number = blockOf(at);
    let slot = slotOf(at);
    const block = this.#blockAt(at);
    let next: KeyBlock | undefined;
    if (block.isFull) {
      const half = splitSlot(block, slot, number === this.#blocks.length - 1);
      next = block.split(half);
      this.#blocks.splice(number + 1, 0, next);
      this.#areCountsStale = true;
      if (slot > half) {
        number++;
        slot -= half;
      }
    }
    const target = this.block(number);
    target.insert(slot, key);
    // Only now: the key may have become the last of the first half.
    if (next !== undefined) this.#borders.insertKey(blockOf(at) + 1, borderOf(block, next));
    writeState(target, slot, state);
    if (!state.isTombstone) this.#addLive(number, 1);
  }

  /** Where `end` stands: no key of the range is at or behind it. */
  seekEnd(end: Buffer | undefined): number {
    return end === undefined ? this.end : this.#search(end);
  }

  /** The position behind the last key. */
  get end(): number {
    const last = this.#blocks.length - 1;
    return position(last, (this.#blocks[last] as KeyBlock).count);
  }

  /** The same place, written as the start of the next block where it is a block's end. */
  normalize(at: number): number {
    const number = blockOf(at);
    const isBehindBlock = slotOf(at) >= (this.#blocks[number] as KeyBlock).count;
    return isBehindBlock && number + 1 < this.#blocks.length ? position(number + 1, 0) : at;
  }

  /** Live keys in [from, to) at present. */
  liveBetween(from: number, to: number): number {
    if (to <= from) return 0;
    const firstBlock = blockOf(from);
    const lastBlock = blockOf(to);
    const first = this.#blocks[firstBlock] as KeyBlock;
    if (firstBlock === lastBlock) return first.liveBetween(slotOf(from), slotOf(to));
    if (this.#areCountsStale) this.#recount();
    const head = first.liveBetween(slotOf(from), first.count);
    const last = (this.#blocks[lastBlock] as KeyBlock).liveBetween(0, slotOf(to));
    return head + last + this.#counts.before(lastBlock) - this.#counts.before(firstBlock + 1);
  }

  /**
   * Whether the key at a slot exists at `revision`. A key that was only updated since did exist,
   * which is known without a look at its older revisions.
   */
  exists(block: KeyBlock, slot: number, revision: number): boolean {
    const isLive = !block.isTombstone(slot);
    if (block.main(slot) <= revision) return isLive;
    if (isLive && block.create(slot) <= revision) return true;
    const older = block.older(slot);
    const at = this.#arena.floor(older, revision);
    return at >= 0 && !isTombstoneTail(this.#arena.tail(older, at));
  }

  /**
   * Whether the key at a slot exists at `revision`; which of its revisions shows goes to `shown`.
   */
  visible(block: KeyBlock, slot: number, revision: number, shown: ShownRevision): boolean {
    const main = block.main(slot);
    let tail = block.tail(slot);
    if (main <= revision) {
      shown.main = main;
    } else {
      const older = block.older(slot);
      const at = this.#arena.floor(older, revision);
      if (at < 0) return false;
      shown.main = this.#arena.main(older, at);
      tail = this.#arena.tail(older, at);
    }
    shown.sub = subOfTail(tail);
    return !isTombstoneTail(tail);
  }

  /** Forgets dead keys of one block, by slot ascending. Positions from the block on change. */
  removeDead(number: number, slots: readonly number[]): void {
    const block = this.block(number);
    for (const slot of slots) assert(block.isTombstone(slot), "only dead keys leave the index");
    this.removeGone(number, slots);
  }

  /** Forgets keys of one block that have no records any more, as `removeDead`. */
  removeGone(number: number, slots: readonly number[]): void {
    const block = this.block(number);
    for (let i = slots.length - 1; i >= 0; i--) {
      const slot = slots[i] as number;
      if (!block.isTombstone(slot)) this.#addLive(number, -1);
      this.#arena.free(block.older(slot));
      block.remove(slot);
    }
    if (block.count < MERGE_SLOTS) this.#merge(number);
  }

  /** Takes over a block whose keys are all behind those that the index has. */
  appendBlock(block: KeyBlock): void {
    const last = this.#blocks.length - 1;
    const before = this.block(last);
    if (before.count === 0) this.#blocks[last] = block;
    else {
      const isBehind = compareBytes(before.key(before.count - 1), block.key(0)) < 0;
      assert(isBehind, "blocks are appended in the order of their keys");
      this.#blocks.push(block);
      this.#borders.insertKey(last + 1, borderOf(before, block));
    }
    this.#liveCount += block.live;
    this.#areCountsStale = true;
  }

  /** Bytes of the keys that part the blocks. */
  get borderBytes(): number {
    return this.#borders.byteCount;
  }

  /** Bytes that the index holds, to a few per cent. */
  get sizeBytes(): number {
    let size = this.#arena.sizeBytes + this.borderBytes;
    for (const block of this.#blocks) size += block.bytes.length + BLOCK_SLOTS * 44 + 500;
    return size;
  }

  #addLive(number: number, difference: number): void {
    (this.#blocks[number] as KeyBlock).live += difference;
    this.#liveCount += difference;
    if (!this.#areCountsStale) this.#counts.add(number, difference);
  }

  #recount(): void {
    this.#counts.rebuild(this.#blocks.length, (number) => this.block(number).live);
    this.#areCountsStale = false;
  }

  #merge(number: number): void {
    const block = this.#blocks[number] as KeyBlock;
    const isOnly = this.#blocks.length === 1;
    if (block.count === 0 && !isOnly) {
      this.#drop(number);
      return;
    }
    if (this.#joins(number - 1)) this.#join(number - 1);
    else if (this.#joins(number)) this.#join(number);
  }

  /** Whether a block and the one behind it fit in one with room to spare. */
  #joins(number: number): boolean {
    const left = this.#blocks[number];
    const right = this.#blocks[number + 1];
    if (left === undefined || right === undefined) return false;
    return (
      left.count + right.count <= MERGED_SLOTS_MAX &&
      left.byteCount + right.byteCount <= MERGED_BYTES_MAX
    );
  }

  #join(number: number): void {
    const right = must(this.#blocks[number + 1], "a block joins the one before it");
    this.block(number).append(right, 0);
    this.#drop(number + 1);
  }

  /** The keys of a block that is gone, if any, are in the one before it. */
  #drop(number: number): void {
    this.#blocks.splice(number, 1);
    this.#borders.removeKey(number);
    if (number === 0) this.#openFirstBorder();
    this.#areCountsStale = true;
  }

  #openFirstBorder(): void {
    this.#borders.removeKey(0);
    this.#borders.insertKey(0, EMPTY_BYTES);
  }

  #blockAt(at: number): KeyBlock {
    return this.#blocks[blockOf(at)] as KeyBlock;
  }

  /** Position of the first key ≥ `key`; at its block's end where that key is in the next. */
  #search(key: Buffer): number {
    const borders = this.#borders;
    const border = borders.lowerBound(key);
    // The first border is below every key, so there is always one at or before it.
    const number = borders.isHit ? border : border - 1;
    const highShared = borders.isHit ? 0 : borders.highShared;
    const block = this.#blocks[number] as KeyBlock;
    const slot = block.lowerBound(key, borders.lowShared, highShared);
    this.#isHit = block.isHit;
    return position(number, slot);
  }
}

/**
 * The shortest begin of the first key of `right` that is above the last of `left`: borders of long
 * keys are short, unless the keys differ late.
 */
function borderOf(left: KeyBlock, right: KeyBlock): Buffer {
  const last = left.key(left.count - 1);
  const first = right.key(0);
  let shared = 0;
  while (shared < last.length && last[shared] === first[shared]) shared++;
  return first.subarray(0, shared + 1);
}

/** Which revision of a key a reader sees. */
export interface ShownRevision {
  main: number;
  sub: number;
}

export function position(block: number, slot: number): number {
  return block * (BLOCK_SLOTS + 1) + slot;
}

export function blockOf(at: number): number {
  return Math.floor(at / (BLOCK_SLOTS + 1));
}

export function slotOf(at: number): number {
  return at % (BLOCK_SLOTS + 1);
}

function writeState(block: KeyBlock, slot: number, state: Readonly<KeyState>): void {
  const { main, createRevision, version } = state;
  block.write(slot, main, tailOf(state.sub, state.isTombstone), createRevision, version);
}

/**
 * Where to split: at the end when keys come in ascending order, else in the middle of the bytes.
 */
function splitSlot(block: KeyBlock, slot: number, isLast: boolean): number {
  const { count } = block;
  if (isLast && slot === count) return count - 1;
  if (count === BLOCK_SLOTS) return count / 2;
  const half = block.byteCount / 2;
  let at = 1;
  while (at < count - 1 && block.start(at) < half) at++;
  return at;
}
