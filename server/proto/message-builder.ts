import { uint64Size, uintSize, WireType, writeUint, writeUint64 } from "./wire.ts";

/** More than one message may hold. */
export class MessageTooLargeError extends Error {
  override readonly name = "MessageTooLargeError";
  /** As far as it was looked at. */
  readonly bytes: number;

  constructor(bytes: number) {
    super(`${bytes} bytes`);
    this.bytes = bytes;
  }
}

const CAPACITY_MIN = 256;

/**
 * A message in protobuf, written front to back. The length of a message within it is known when
 * that ends, but stands before it: lengths are put in when all is there. Every method throws
 * MessageTooLargeError when the whole would have more than `bytesMax` bytes.
 */
export class MessageBuilder {
  readonly #bytesMax: number;
  /** All but the lengths of messages within this one, in [0, length). */
  #bytes: Buffer = Buffer.allocUnsafe(CAPACITY_MIN);
  #length = 0;
  /** Of the whole, as far as lengths are known. */
  #size = 0;
  /** Where messages within this one begin in `#bytes`, in this order. */
  readonly #starts: number[] = [];
  /** Of each: the size before it while it is open, then its own. */
  readonly #sizes: number[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  number(field: number, value: bigint): void {
    const tag = (field << 3) | WireType.VARINT;
    const unsigned = BigInt.asUintN(64, value);
    this.#reserve(uintSize(tag) + uint64Size(unsigned));
    this.#uint(tag);
    this.#length = writeUint64(this.#bytes, this.#length, unsigned);
  }

  bytes(field: number, value: Uint8Array): void {
    const tag = (field << 3) | WireType.BYTES;
    this.#reserve(uintSize(tag) + uintSize(value.length) + value.length);
    this.#uint(tag);
    this.#uint(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** What follows belongs to a message within this one, until `close` is given what this returns. */
  open(field: number): number {
    const tag = (field << 3) | WireType.BYTES;
    this.#reserve(uintSize(tag));
    this.#uint(tag);
    this.#starts.push(this.#length);
    return this.#sizes.push(this.#size) - 1;
  }

  close(opened: number): void {
    const size = this.#size - (this.#sizes[opened] as number);
    this.#sizes[opened] = size;
    this.#count(uintSize(size));
  }

  /** The whole message. Nothing may be open. */
  finish(): Buffer {
    if (this.#starts.length === 0) return this.#bytes.subarray(0, this.#length);
    const whole = Buffer.allocUnsafe(this.#size);
    let from = 0;
    let at = 0;
    for (let i = 0; i < this.#starts.length; i++) {
      const start = this.#starts[i] as number;
      at += this.#bytes.copy(whole, at, from, start);
      at = writeUint(whole, at, this.#sizes[i] as number);
      from = start;
    }
    this.#bytes.copy(whole, at, from, this.#length);
    return whole;
  }

  #uint(value: number): void {
    this.#length = writeUint(this.#bytes, this.#length, value);
  }

  #reserve(count: number): void {
    this.#count(count);
    const length = this.#length + count;
    if (length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(length, Math.min(2 * length, this.#bytesMax)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #count(bytes: number): void {
    this.#size += bytes;
    if (this.#size > this.#bytesMax) throw new MessageTooLargeError(this.#size);
  }
}
