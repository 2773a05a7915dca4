/**
 * Memory for byte strings that are kept about equally long, in pieces of its own. Node's shared pool
 * would give each of them a neighbour that is gone at once, and keep the neighbour's place too.
 */
export class ByteArena {
  readonly #pieceBytes: number;
  #piece = Buffer.alloc(0);
  #used = 0;

  /** @param pieceBytes allocated at once; a string above a quarter of it stands alone */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** Not cleared. */
  allocate(length: number): Buffer {
    if (length > this.#pieceBytes >>> 2) return Buffer.allocUnsafeSlow(length);
    if (this.#used + length > this.#piece.length) {
      this.#piece = Buffer.allocUnsafeSlow(this.#pieceBytes);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += length;
    return this.#piece.subarray(from, this.#used);
  }
}
