/**
 * Bytes of one entry's answer, records and all; four times as much may be held while it is put
 * together. What etcd and its clients stop at is 2^31.
 */
export const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * What of an entry's answer is still to be put together: nothing where nobody waits for it, nothing
 * more once it is too long. What the entry does to the state never depends on it.
 */
export class AnswerRoom {
  /** Whether the entry was proposed here and its proposer waits. */
  readonly isAwaited: boolean;
  #bytesLeft: number;

  constructor(isAwaited = true, bytesMax = ANSWER_BYTES_MAX) {
    this.isAwaited = isAwaited;
    this.#bytesLeft = bytesMax;
  }

  /** Whether what comes next belongs to the answer. */
  get isOpen(): boolean {
    return this.isAwaited && this.#bytesLeft >= 0;
  }

  /** The proposer has to do without an answer. */
  get isExceeded(): boolean {
    return this.#bytesLeft < 0;
  }

  holds(bytes: number): boolean {
    return this.isAwaited && bytes <= this.#bytesLeft;
  }

  close(): void {
    this.#bytesLeft = -1;
  }

  /** @returns whether there was so much room; if not, there is none any more */
  take(bytes: number): boolean {
    if (!this.isAwaited) return false;
    this.#bytesLeft -= bytes;
    return this.isOpen;
  }
}
