/** What a ring keeps at most; whichever bound is reached first. */
export interface RingLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/**
 * The last rows of an endless stream, numbered from 0 on. What does not fit any more leaves at the
 * old end and is counted exactly.
 */
export class EventRing<Row> {
  readonly #limits: RingLimits;
  readonly #sizeOf: (row: Row) => number;
  /** Rows in order from `#head` on; the part before it has left and is cut off now and then. */
  #rows: (Row | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(limits: RingLimits, sizeOf: (row: Row) => number) {
    this.#limits = limits;
    this.#sizeOf = sizeOf;
  }

  get length(): number {
    return this.#rows.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many rows have left, since the beginning or the last clear. */
  get dropped(): number {
    return this.#dropped;
  }

  push(row: Row): void {
    this.#rows.push(row);
    this.#bytes += this.#sizeOf(row);
    while (this.length > this.#limits.rowsMax) this.#drop();
    while (this.#bytes > this.#limits.bytesMax && this.length > 1) this.#drop();
    if (this.#head > this.#limits.rowsMax) {
      this.#rows = this.#rows.slice(this.#head);
      this.#head = 0;
    }
  }

  #drop(): void {
    const row = this.#rows[this.#head];
    if (row !== undefined) this.#bytes -= this.#sizeOf(row);
    this.#rows[this.#head] = undefined;
    this.#head += 1;
    this.#dropped += 1;
  }

  /** 0 is the oldest row that is kept. */
  at(index: number): Row | undefined {
    return index < 0 ? undefined : this.#rows[this.#head + index];
  }

  toArray(): Row[] {
    return this.#rows.slice(this.#head).filter((row) => row !== undefined);
  }

  clear(): void {
    this.#rows = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#dropped = 0;
  }
}
