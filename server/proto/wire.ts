// The protobuf wire format by hand, for the few messages of which every write carries dozens.
// Generated code is convenient elsewhere; here it would cost more than the rest of a turn.

import { decodeText } from "../base/text.ts";

/** Bytes from outside that are no valid message. Reported to whoever sent them, never fatal. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

const TWO_32 = 0x1_0000_0000;

// One 64-bit register seen as two halves: bigint arithmetic per byte is ten times as expensive.
const register = new BigUint64Array(1);
const halves = new Uint32Array(register.buffer);

/** Reads one message front to back; every read is checked against the innermost `enter`. */
export class WireReader {
  readonly #bytes: Buffer;
  #offset: number;
  #limit: number;
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#offset = 0;
    this.#limit = bytes.length;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#limit;
  }

  /** `field << 3 | wireType`. */
  tag(): number {
    const tag = this.uint();
    if (tag < 8 || tag >= TWO_32) throw new WireError(`illegal tag ${tag}`);
    return tag;
  }

  /** A varint that must be a safe integer: indexes, terms, enums, lengths. */
  uint(): number {
    const first = this.#bytes[this.#offset];
    if (first !== undefined && first < 0x80 && this.#offset < this.#limit) {
      this.#offset++;
      return first;
    }
    this.#varint();
    if (this.#high >= 0x20_0000) throw new WireError("number beyond 2^53");
    return this.#high * TWO_32 + this.#low;
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  uint64(): bigint {
    this.#varint();
    halves[0] = this.#low;
    halves[1] = this.#high;
    return register[0] as bigint;
  }

  /** A view of the input, not a copy. */
  bytes(): Buffer {
    const end = this.#boundary();
    const slice = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return slice;
  }

  text(): string {
    return decodeText(this.bytes());
  }

  /** Confines reading to the nested message that starts here; returns what `leave` needs. */
  enter(): number {
    const outer = this.#limit;
    this.#limit = this.#boundary();
    return outer;
  }

  leave(outer: number): void {
    if (this.#offset !== this.#limit) throw new WireError("nested message ends early");
    this.#limit = outer;
  }

  /** Steps over a field that this reader does not know. */
  skip(tag: number): void {
    const type = tag & 7;
    if (type === WireType.VARINT) this.#varint();
    else if (type === WireType.BYTES) this.#offset = this.#boundary();
    else if (type === WireType.FIXED64) this.#advance(8);
    else if (type === WireType.FIXED32) this.#advance(4);
    else throw new WireError(`illegal wire type ${type}`);
  }

  /**
   * As `skip`, where a reader knows all fields up to `fieldMax` and none is left out.
   * @throws WireError for one of those: it has another wire type than it should
   */
  skipUnknown(tag: number, fieldMax: number): void {
    const field = tag >>> 3;
    if (field <= fieldMax) throw new WireError(`field ${field} has wire type ${tag & 7}`);
    this.skip(tag);
  }

  #boundary(): number {
    const length = this.uint();
    if (length > this.#limit - this.#offset) throw new WireError("length beyond the message");
    return this.#offset + length;
  }

  #advance(count: number): void {
    if (count > this.#limit - this.#offset) throw new WireError("message cut short");
    this.#offset += count;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#offset >= this.#limit) throw new WireError("message cut short");
      const byte = this.#bytes[this.#offset++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new WireError("varint longer than ten bytes");
  }
}

/** Bytes that `writeUint` takes for a safe integer ≥ 0. */
export function uintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  let size = 5;
  for (let rest = value / 0x8_0000_0000; rest >= 1; rest /= 128) size++;
  return size;
}

/** Writes at `offset`, returns the offset behind. */
export function writeUint(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x8000_0000) {
    target[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

export function uint64Size(value: bigint): number {
  register[0] = value;
  const high = halves[1] as number;
  return high < 0x20_0000 ? uintSize(high * TWO_32 + (halves[0] as number)) : bigSize(high);
}

export function writeUint64(target: Uint8Array, offset: number, value: bigint): number {
  register[0] = value;
  let low = halves[0] as number;
  let high = halves[1] as number;
  let at = offset;
  while (high !== 0 || low >= 0x80) {
    target[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  target[at++] = low;
  return at;
}

/** Tag, length and bytes. */
export function bytesFieldSize(tagSize: number, length: number): number {
  return tagSize + uintSize(length) + length;
}

export function writeBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  const at = writeUint(target, offset, bytes.length);
  target.set(bytes, at);
  return at + bytes.length;
}

function bigSize(high: number): number {
  // 2^53 needs 8 groups of seven bits up to 2^56, 9 up to 2^63, else 10.
  if (high < 0x100_0000) return 8;
  return high < 0x8000_0000 ? 9 : 10;
}
