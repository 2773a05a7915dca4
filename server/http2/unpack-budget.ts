/** What a call of zlib costs beside the bytes that come out, in such bytes. */
const CALL_BYTES = 16_384;

/** What the messages of one connection may unpack to in a turn; the last one may exceed it. */
export class UnpackBudget {
  readonly #max: number;
  #left: number;

  constructor(bytesPerTurn: number) {
    this.#max = bytesPerTurn;
    this.#left = bytesPerTurn;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** A message of this length came out. */
  spend(bytes: number): void {
    this.#left -= CALL_BYTES + bytes;
  }

  /** The next turn begins. */
  renew(): void {
    this.#left = this.#max;
  }
}
