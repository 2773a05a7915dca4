import { PackedKeys } from "./packed-keys.ts";

// Up to 512 neighbouring keys and their newest state, packed: a million keys are a few thousand
// blocks, and the garbage collector sees nothing else.
//
//   bytes     | a/1 | a/2 | b | …            starts    0  3  6  7 …
//   main      revision of the newest change   tail      its sub * 2, + 1 for a tombstone
//   create, version   as in the newest record  older    handle of the older revisions (arena)
//
// `newest` is never below any `main` of the block, so a count at a revision that is not below
// `newest` is the current count.

export const BLOCK_SLOTS = 512;
/** A block above this splits as soon as it holds two keys. */
const BLOCK_BYTES = 64 * 1024;

export class KeyBlock extends PackedKeys {
  /** Keys whose newest change is no tombstone. */
  live = 0;
  newest = 0;
  readonly main = new Float64Array(BLOCK_SLOTS);
  readonly tail = new Uint32Array(BLOCK_SLOTS);
  readonly create = new Float64Array(BLOCK_SLOTS);
  readonly version = new Float64Array(BLOCK_SLOTS);
  readonly older = new Uint32Array(BLOCK_SLOTS);

  constructor() {
    super(BLOCK_SLOTS);
  }

  get isFull(): boolean {
    return this.count === BLOCK_SLOTS || (this.count > 1 && this.byteCount > BLOCK_BYTES);
  }

  isTombstone(slot: number): boolean {
    return ((this.tail[slot] as number) & 1) === 1;
  }

  /** Opens a slot for `key`; the caller fills in the numbers. */
  insert(slot: number, key: Buffer): void {
    if (slot < this.count) this.#shift(slot + 1, slot);
    this.insertKey(slot, key);
    this.older[slot] = 0;
  }

  /** Closes the slot of a dead key. */
  remove(slot: number): void {
    this.#shift(slot, slot + 1);
    this.removeKey(slot);
  }

  /** Moves the slots from `slot` on into a new block behind this one. */
  split(slot: number): KeyBlock {
    const next = new KeyBlock();
    next.append(this, slot);
    this.truncateKeys(slot);
    this.live -= next.live;
    return next;
  }

  /** Adds copies of the slots of `other` from `from` on, whose keys are all behind this block's. */
  append(other: KeyBlock, from: number): void {
    const { count } = this;
    const end = other.count;
    this.main.set(other.main.subarray(from, end), count);
    this.tail.set(other.tail.subarray(from, end), count);
    this.create.set(other.create.subarray(from, end), count);
    this.version.set(other.version.subarray(from, end), count);
    this.older.set(other.older.subarray(from, end), count);
    this.appendKeys(other, from);
    this.live += liveWithin(this.tail, count, this.count);
    if (other.newest > this.newest) this.newest = other.newest;
  }

  /** Live keys among the slots [from, to). */
  liveBetween(from: number, to: number): number {
    if (this.live === this.count) return to - from;
    if (from === 0 && to === this.count) return this.live;
    return liveWithin(this.tail, from, to);
  }

  #shift(to: number, from: number): void {
    const { count } = this;
    this.main.copyWithin(to, from, count);
    this.tail.copyWithin(to, from, count);
    this.create.copyWithin(to, from, count);
    this.version.copyWithin(to, from, count);
    this.older.copyWithin(to, from, count);
  }
}

function liveWithin(tail: Uint32Array, from: number, to: number): number {
  let dead = 0;
  for (let slot = from; slot < to; slot++) dead += (tail[slot] as number) & 1;
  return to - from - dead;
}
