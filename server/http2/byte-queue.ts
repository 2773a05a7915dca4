import { asBuffer } from "../base/bytes.ts";

/** Small appends share a chunk of at most this size. */
const SHARED_CHUNK_BYTES = 16_384;
/** Longer pieces are not copied. */
export const COPIED_BYTES_MAX = 256 * 1024;

interface Chunk {
  readonly bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Bytes in, bytes out, in order. Copies what it takes, but for pieces above 256 KiB: these it keeps
 * as they are, so they must not change any more.
 */
export class ByteQueue {
  #chunks: Chunk[] = [];
  #first = 0;
  length = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (bytes.length > COPIED_BYTES_MAX) this.#pushWhole(bytes);
    else this.#pushCopy(bytes);
    this.length += bytes.length;
  }

  #pushWhole(bytes: Uint8Array): void {
    const whole = asBuffer(bytes);
    this.#chunks.push({ bytes: whole, start: 0, end: whole.length });
  }

  #pushCopy(bytes: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.bytes.length - last.end >= bytes.length) {
      last.bytes.set(bytes, last.end);
      last.end += bytes.length;
    } else {
      const room = Math.max(bytes.length, Math.min(this.length, SHARED_CHUNK_BYTES));
      const chunk = { bytes: Buffer.allocUnsafe(room), start: 0, end: bytes.length };
      chunk.bytes.set(bytes);
      this.#chunks.push(chunk);
    }
  }

  /** Moves the first `count` bytes to target[at, at + count). There must be that many. */
  moveTo(target: Buffer, at: number, count: number): void {
    let filled = 0;
    while (filled < count) {
      const chunk = this.#chunks[this.#first] as Chunk;
      const part = Math.min(count - filled, chunk.end - chunk.start);
      chunk.bytes.copy(target, at + filled, chunk.start, chunk.start + part);
      chunk.start += part;
      filled += part;
      if (chunk.start === chunk.end) this.#dropFirst();
    }
    this.length -= count;
  }

  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.length = 0;
  }

  #dropFirst(): void {
    this.#first++;
    if (this.#first === this.#chunks.length) {
      this.#chunks = [];
      this.#first = 0;
    } else if (this.#first > 64 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }
}
