import { assert } from "../base/assert.ts";

/** The last indexes of the APPENDs that were sent and not answered, oldest first; a ring. */
export class Inflights {
  readonly #ends: number[];
  readonly #limit: number;
  #head = 0;
  #count = 0;

  constructor(limit: number) {
    assert(limit > 0, "at least one append may be in flight");
    this.#ends = [];
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#limit;
  }

  add(end: number): void {
    assert(!this.isFull, "no append is sent while the window is full");
    this.#ends[(this.#head + this.#count) % this.#limit] = end;
    this.#count++;
  }

  /** An answer for `index` answers everything sent before it as well. */
  freeThrough(index: number): void {
    while (this.#count > 0 && (this.#ends[this.#head] as number) <= index) {
      this.#head = (this.#head + 1) % this.#limit;
      this.#count--;
    }
  }

  clear(): void {
    this.#head = 0;
    this.#count = 0;
  }
}
