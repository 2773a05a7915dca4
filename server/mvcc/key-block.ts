import { PackedKeys } from "./packed-keys.ts";

// Up to 512 neighbouring keys and their newest state, packed: a million keys are a few thousand
// blocks, and the garbage collector sees nothing else.
//
//   bytes    | a/1 | a/2 | b | …       starts   0  3  6  7 …
//   cells    | main tail create version older | main tail create version older | …
//
// main and tail (sub * 2, plus 1 for a tombstone) are the revision of the newest change, create and
// version what its record says, older the handle of the older revisions in the arena. All cells are
// one array because an insertion moves them all: one move is a fifth of five.
//
// `newest` is never below any `main` of the block, so a count at a revision that is not below
// `newest` is the current count.

export const BLOCK_SLOTS = 512;
/** A block above this splits as soon as it holds two keys. */
const BLOCK_BYTES = 64 * 1024;
/** Numbers per slot, main first, and where the others stand. */
const CELLS = 5;
const TAIL = 1;
const CREATE = 2;
const VERSION = 3;
const OLDER = 4;

/** Keys' lengths and newest states, by what they say: one number per key in each. */
export interface KeyColumns {
  readonly lengths: Float64Array<ArrayBuffer>;
  readonly mains: Float64Array<ArrayBuffer>;
  readonly tails: Float64Array<ArrayBuffer>;
  readonly creates: Float64Array<ArrayBuffer>;
  readonly versions: Float64Array<ArrayBuffer>;
}

export class KeyBlock extends PackedKeys {
  /** Keys whose newest change is no tombstone. */
  live = 0;
  newest = 0;
  readonly #cells = new Float64Array(BLOCK_SLOTS * CELLS);

  constructor() {
    super(BLOCK_SLOTS);
  }

  get isFull(): boolean {
    return this.count === BLOCK_SLOTS || (this.count > 1 && this.byteCount > BLOCK_BYTES);
  }

  main(slot: number): number {
    return this.#cells[slot * CELLS] as number;
  }

  tail(slot: number): number {
    return this.#cells[slot * CELLS + TAIL] as number;
  }

  create(slot: number): number {
    return this.#cells[slot * CELLS + CREATE] as number;
  }

  version(slot: number): number {
    return this.#cells[slot * CELLS + VERSION] as number;
  }

  older(slot: number): number {
    return this.#cells[slot * CELLS + OLDER] as number;
  }

  setOlder(slot: number, handle: number): void {
    this.#cells[slot * CELLS + OLDER] = handle;
  }

  /** The newest state of the key; its older revisions stay. */
  write(slot: number, main: number, tail: number, create: number, version: number): void {
    const cells = this.#cells;
    const at = slot * CELLS;
    cells[at] = main;
    cells[at + TAIL] = tail;
    cells[at + CREATE] = create;
    cells[at + VERSION] = version;
    if (main > this.newest) this.newest = main;
  }

  isTombstone(slot: number): boolean {
    return (this.tail(slot) & 1) === 1;
  }

  /** Opens a slot for `key`, to be written. */
  insert(slot: number, key: Buffer): void {
    if (slot < this.count) this.#shift(slot + 1, slot);
    this.insertKey(slot, key);
    this.setOlder(slot, 0);
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
    this.#cells.set(other.#cells.subarray(from * CELLS, end * CELLS), count * CELLS);
    this.appendKeys(other, from);
    this.live += this.#liveWithin(count, this.count);
    if (other.newest > this.newest) this.newest = other.newest;
  }

  /** The slots from `from` on as columns. */
  readColumns(from: number, columns: KeyColumns): void {
    for (let slot = from; slot < this.count; slot++) {
      const to = slot - from;
      columns.lengths[to] = this.end(slot) - this.start(slot);
      columns.mains[to] = this.main(slot);
      columns.tails[to] = this.tail(slot);
      columns.creates[to] = this.create(slot);
      columns.versions[to] = this.version(slot);
    }
  }

  /** Makes an empty block hold these keys, none of which has older revisions yet. */
  fill(keys: Uint8Array, columns: KeyColumns, count: number): void {
    this.fillKeys(keys, columns.lengths, count);
    const { mains, tails, creates, versions } = columns;
    for (let slot = 0; slot < count; slot++) {
      const tail = tails[slot] as number;
      const version = versions[slot] as number;
      this.write(slot, mains[slot] as number, tail, creates[slot] as number, version);
    }
    this.live = this.#liveWithin(0, count);
  }

  /** Live keys among the slots [from, to). */
  liveBetween(from: number, to: number): number {
    if (this.live === this.count) return to - from;
    if (from === 0 && to === this.count) return this.live;
    return this.#liveWithin(from, to);
  }

  #liveWithin(from: number, to: number): number {
    let dead = 0;
    for (let slot = from; slot < to; slot++) dead += this.tail(slot) & 1;
    return to - from - dead;
  }

  #shift(to: number, from: number): void {
    this.#cells.copyWithin(to * CELLS, from * CELLS, this.count * CELLS);
  }
}
