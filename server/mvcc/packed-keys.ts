/** Bytes compared one by one before the rest goes to the native comparison. */
const LOOP_BYTES = 64;
const FIRST_BYTES = 1024;
const FIRST_SLOTS = 16;

/**
 * Ascending keys, one behind the other in one byte array: no object per key. A slot is the position
 * of a key.
 */
export class PackedKeys {
  count = 0;
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Where each key starts; one more for the end of the last. */
  starts: Uint32Array;
  /** Whether the last search met the very key. */
  isHit = false;
  /** Bytes that the key of the last search shares with the keys before and behind its place. */
  lowShared = 0;
  highShared = 0;

  /** @param slots room for so many keys at first */
  constructor(slots = FIRST_SLOTS) {
    this.starts = new Uint32Array(slots + 1);
  }

  get byteCount(): number {
    return this.starts[this.count] as number;
  }

  start(slot: number): number {
    return this.starts[slot] as number;
  }

  end(slot: number): number {
    return this.starts[slot + 1] as number;
  }

  /** A copy. */
  key(slot: number): Buffer {
    return Buffer.from(this.bytes.subarray(this.start(slot), this.end(slot)));
  }

  /**
   * The first slot whose key is not below `key`. All keys here share with `key` at least as many
   * bytes as both bounds say, which are therefore not compared.
   */
  lowerBound(key: Buffer, lowBound = 0, highBound = 0): number {
    const { bytes, starts } = this;
    let low = 0;
    let high = this.count;
    let lowShared = lowBound;
    let highShared = highBound;
    this.isHit = false;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = starts[middle] as number;
      const length = (starts[middle + 1] as number) - start;
      const shorter = length < key.length ? length : key.length;
      let at = lowShared < highShared ? lowShared : highShared;
      const loopEnd = at + LOOP_BYTES < shorter ? at + LOOP_BYTES : shorter;
      while (at < loopEnd && bytes[start + at] === key[at]) at++;
      let order: number;
      if (at < loopEnd) order = (bytes[start + at] as number) - (key[at] as number);
      else if (at === shorter) order = length - key.length;
      else order = bytes.compare(key, at, key.length, start + at, start + length);
      if (order < 0) {
        low = middle + 1;
        lowShared = at;
      } else if (order > 0) {
        high = middle;
        highShared = at;
      } else {
        this.isHit = true;
        low = middle;
        break;
      }
    }
    this.lowShared = lowShared;
    this.highShared = highShared;
    return low;
  }

  insertKey(slot: number, key: Buffer): void {
    const used = this.byteCount;
    this.#reserve(used + key.length, this.count + 1);
    const { bytes, starts, count } = this;
    const start = starts[slot] as number;
    bytes.copyWithin(start + key.length, start, used);
    bytes.set(key, start);
    for (let i = count; i >= slot; i--) starts[i + 1] = (starts[i] as number) + key.length;
    this.count = count + 1;
  }

  removeKey(slot: number): void {
    const { bytes, starts } = this;
    const start = starts[slot] as number;
    const length = (starts[slot + 1] as number) - start;
    bytes.copyWithin(start, start + length, this.byteCount);
    this.count--;
    for (let i = slot + 1; i <= this.count; i++) {
      starts[i] = (starts[i + 1] as number) - length;
    }
  }

  /** Adds copies of `other`'s keys from slot `from` on; they are all behind this one's. */
  appendKeys(other: PackedKeys, from: number): void {
    const { count } = this;
    const moved = other.count - from;
    const base = this.byteCount;
    const otherStart = other.start(from);
    this.#reserve(base + other.byteCount - otherStart, count + moved);
    other.bytes.copy(this.bytes, base, otherStart, other.byteCount);
    for (let i = 1; i <= moved; i++) {
      this.starts[count + i] = (other.starts[from + i] as number) - otherStart + base;
    }
    this.count = count + moved;
  }

  /** Takes over ascending keys that stand one behind the other in `bytes`; it has none yet. */
  fillKeys(bytes: Uint8Array, lengths: Float64Array, count: number): void {
    this.#reserve(bytes.length, count);
    this.bytes.set(bytes);
    let at = 0;
    for (let i = 0; i < count; i++) {
      at += lengths[i] as number;
      this.starts[i + 1] = at;
    }
    this.count = count;
  }

  /** Forgets the keys from `count` on, and gives back memory that is mostly unused then. */
  truncateKeys(count: number): void {
    this.count = count;
    const used = this.byteCount;
    if (this.bytes.length > FIRST_BYTES && this.bytes.length > used * 4) this.#resize(used);
  }

  #reserve(byteCount: number, count: number): void {
    const room = this.bytes.length;
    if (byteCount > room) this.#resize(Math.max(byteCount, room + (room >>> 1)));
    if (count >= this.starts.length) {
      const starts = new Uint32Array(count * 2);
      starts.set(this.starts);
      this.starts = starts;
    }
  }

  #resize(length: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(length, FIRST_BYTES));
    this.bytes.copy(bytes, 0, 0, this.byteCount);
    this.bytes = bytes;
  }
}
