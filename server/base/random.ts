import { randomBytes, randomInt } from "node:crypto";

/** The only source of chance. The simulator has a seeded one. */
export interface Random {
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** 64 random bits. */
  uint64(): bigint;
  bytes(length: number): Buffer;
}

export class SystemRandom implements Random {
  below(bound: number): number {
    return randomInt(bound);
  }

  uint64(): bigint {
    return randomBytes(8).readBigUInt64BE(0);
  }

  bytes(length: number): Buffer {
    return randomBytes(length);
  }
}

/** The same numbers for the same seed, on every machine (xoshiro128**). */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = 0x9e3779b9;
    this.#c = 0x243f6a88;
    this.#d = 0xb7e15162;
    for (let i = 0; i < 16; i++) this.uint32();
  }

  uint32(): number {
    const t = this.#b << 9;
    const mixed = Math.imul(this.#b, 5);
    const result = Math.imul((mixed << 7) | (mixed >>> 25), 9) >>> 0;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound);
  }

  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() & 0xff;
    return bytes;
  }
}
