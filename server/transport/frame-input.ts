/**
 * Bytes as they arrive, taken in pieces of known length. A piece inside one arrival is a view of
 * it; one that spans several is put together once, when all of it is here.
 */
export class FrameInput {
  #chunks: Buffer[] = [];
  /** Position in the first chunk. */
  #offset = 0;
  #available = 0;

  get available(): number {
    return this.#available;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /** The next `length` bytes; `undefined`, and nothing taken, until they are all here. */
  take(length: number): Buffer | undefined {
    if (length > this.#available) return undefined;
    const first = this.#chunks[0];
    if (first === undefined) return Buffer.alloc(0);
    this.#available -= length;
    const end = this.#offset + length;
    if (end < first.length) {
      const piece = first.subarray(this.#offset, end);
      this.#offset = end;
      return piece;
    }
    if (end === first.length) {
      const piece = first.subarray(this.#offset);
      this.#chunks.shift();
      this.#offset = 0;
      return piece;
    }
    return this.#join(length);
  }

  /** A count or length of 8 bytes, big endian. Beyond 2^53 it comes out as infinite. */
  takeUint64(): number | undefined {
    const bytes = this.take(8);
    if (bytes === undefined) return undefined;
    const high = bytes.readUInt32BE(0);
    if (high >= 0x20_0000) return Number.POSITIVE_INFINITY;
    return high * 0x1_0000_0000 + bytes.readUInt32BE(4);
  }

  /** Everything that is here. */
  drain(): Buffer[] {
    const [first, ...rest] = this.#chunks;
    const chunks = first === undefined ? [] : [first.subarray(this.#offset), ...rest];
    this.#chunks = [];
    this.#offset = 0;
    this.#available = 0;
    return chunks;
  }

  #join(length: number): Buffer {
    const joined = Buffer.allocUnsafe(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = this.#chunks[used] as Buffer;
      const copied = chunk.copy(joined, filled, this.#offset, this.#offset + length - filled);
      filled += copied;
      this.#offset += copied;
      if (this.#offset === chunk.length) {
        used++;
        this.#offset = 0;
      }
    }
    this.#chunks.splice(0, used);
    return joined;
  }
}
