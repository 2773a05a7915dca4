// Up to 512 neighbouring keys, packed: one byte array holds the keys one behind the other, one
// number array per property holds the newest revision of each. No object per key: a million keys
// are a few thousand blocks.
//
//   bytes     | a/1 | a/2 | b | …            ends      3  6  7 …
//   main      revision of the newest change   tail      its sub * 2, + 1 for a tombstone
//   create, version   as in the newest record  older    handle of the older revisions (arena)
//
// A slot is the position of a key in its block. `newest` is never below any `main` of the block,
// so a count at a revision that is not below `newest` is the current count.

export const BLOCK_SLOTS = 512;
/** A block above this splits as soon as it holds two keys. */
const BLOCK_BYTES = 64 * 1024;
const FIRST_BYTES = 1024;
/** Bytes compared one by one before the rest goes to the native comparison. */
const LOOP_BYTES = 64;

export class KeyBlock {
  count = 0;
  /** Keys whose newest change is no tombstone. */
  live = 0;
  newest = 0;
  bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  readonly ends = new Uint32Array(BLOCK_SLOTS);
  readonly main = new Float64Array(BLOCK_SLOTS);
  readonly tail = new Uint32Array(BLOCK_SLOTS);
  readonly create = new Float64Array(BLOCK_SLOTS);
  readonly version = new Float64Array(BLOCK_SLOTS);
  readonly older = new Uint32Array(BLOCK_SLOTS);
  /** Bytes at the front that the last compared key had in common with what was looked for. */
  matched = 0;
  /** Whether the last search met the very key. */
  isHit = false;

  get byteCount(): number {
    return this.count === 0 ? 0 : (this.ends[this.count - 1] as number);
  }

  get isFull(): boolean {
    return this.count === BLOCK_SLOTS || (this.count > 1 && this.byteCount > BLOCK_BYTES);
  }

  start(slot: number): number {
    return slot === 0 ? 0 : (this.ends[slot - 1] as number);
  }

  /** The key itself, still in the block: valid until the block changes. */
  view(slot: number): Buffer {
    return this.bytes.subarray(this.start(slot), this.ends[slot]);
  }

  key(slot: number): Buffer {
    return Buffer.from(this.view(slot));
  }

  isTombstone(slot: number): boolean {
    return ((this.tail[slot] as number) & 1) === 1;
  }

  /** Sign of slot's key minus `key`, whose first `skip` bytes are known to be the same. */
  compare(slot: number, key: Buffer, skip: number): number {
    const { bytes } = this;
    const start = this.start(slot);
    const length = (this.ends[slot] as number) - start;
    const shorter = length < key.length ? length : key.length;
    const loopEnd = skip + LOOP_BYTES < shorter ? skip + LOOP_BYTES : shorter;
    let at = skip;
    while (at < loopEnd) {
      const difference = (bytes[start + at] as number) - (key[at] as number);
      if (difference !== 0) {
        this.matched = at;
        return difference;
      }
      at++;
    }
    this.matched = at;
    if (at === shorter) return length - key.length;
    return bytes.compare(key, at, key.length, start + at, start + length);
  }

  /**
   * The first slot from `from` on whose key is not below `key`; `isHit` tells whether it is that
   * key. The bounds tell how many bytes `key` shares with the keys around.
   */
  lowerBound(key: Buffer, from: number, lowMatched: number, highMatched: number): number {
    let low = from;
    let high = this.count;
    let lowShared = lowMatched;
    let highShared = highMatched;
    this.isHit = false;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.compare(middle, key, lowShared < highShared ? lowShared : highShared);
      if (order < 0) {
        low = middle + 1;
        lowShared = this.matched;
      } else if (order > 0) {
        high = middle;
        highShared = this.matched;
      } else {
        this.isHit = true;
        return middle;
      }
    }
    return low;
  }

  /** Opens a slot for `key`; the caller fills in the numbers. */
  insert(slot: number, key: Buffer): void {
    const start = this.start(slot);
    const used = this.byteCount;
    this.#reserve(used + key.length);
    this.bytes.copyWithin(start + key.length, start, used);
    this.bytes.set(key, start);
    const { count, ends } = this;
    if (slot < count) this.#shift(slot + 1, slot);
    this.count = count + 1;
    ends[slot] = start + key.length;
    for (let i = slot + 1; i <= count; i++) ends[i] = (ends[i] as number) + key.length;
  }

  /** Closes the slot of a dead key. */
  remove(slot: number): void {
    const start = this.start(slot);
    const end = this.ends[slot] as number;
    this.bytes.copyWithin(start, end, this.byteCount);
    this.#shift(slot, slot + 1);
    this.count--;
    for (let i = slot; i < this.count; i++) this.ends[i] = (this.ends[i] as number) - (end - start);
  }

  /** Moves the slots from `slot` on into a new block behind this one. */
  split(slot: number): KeyBlock {
    const next = new KeyBlock();
    next.appendFrom(this, slot);
    this.count = slot;
    this.live -= next.live;
    const used = this.byteCount;
    if (this.bytes.length > used * 4 && this.bytes.length > FIRST_BYTES) this.#resize(used);
    return next;
  }

  /** Adds copies of the slots of `other` from `from` on, whose keys are all behind this block's. */
  appendFrom(other: KeyBlock, from: number): void {
    const { count } = this;
    const moved = other.count - from;
    const base = this.byteCount;
    const otherStart = other.start(from);
    this.#reserve(base + other.byteCount - otherStart);
    other.bytes.copy(this.bytes, base, otherStart, other.byteCount);
    this.main.set(other.main.subarray(from, other.count), count);
    this.tail.set(other.tail.subarray(from, other.count), count);
    this.create.set(other.create.subarray(from, other.count), count);
    this.version.set(other.version.subarray(from, other.count), count);
    this.older.set(other.older.subarray(from, other.count), count);
    for (let i = 0; i < moved; i++) {
      this.ends[count + i] = (other.ends[from + i] as number) - otherStart + base;
    }
    this.count = count + moved;
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
    this.ends.copyWithin(to, from, count);
    this.main.copyWithin(to, from, count);
    this.tail.copyWithin(to, from, count);
    this.create.copyWithin(to, from, count);
    this.version.copyWithin(to, from, count);
    this.older.copyWithin(to, from, count);
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    this.#resize(Math.max(length, Math.min(this.bytes.length * 2, length + BLOCK_BYTES / 4)));
  }

  #resize(length: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(length, FIRST_BYTES));
    this.bytes.copy(bytes, 0, 0, Math.min(this.byteCount, bytes.length));
    this.bytes = bytes;
  }
}

function liveWithin(tail: Uint32Array, from: number, to: number): number {
  let dead = 0;
  for (let slot = from; slot < to; slot++) dead += (tail[slot] as number) & 1;
  return to - from - dead;
}
