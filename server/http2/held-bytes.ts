/** What all connections together hold in buffers for their peers. */
export class HeldBytesPool {
  readonly #max: number;
  #held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  get isOver(): boolean {
    return this.#held > this.#max;
  }

  add(bytes: number): void {
    this.#held += bytes;
  }
}

/** One connection's share: unfinished messages of the peer, and answers that it has not read. */
export class HeldBytes {
  readonly #pool: HeldBytesPool;
  #held = 0;
  #unread = 0;

  constructor(pool: HeldBytesPool) {
    this.#pool = pool;
  }

  get held(): number {
    return this.#held;
  }

  get unread(): number {
    return this.#unread;
  }

  /** Negative when something was freed. */
  add(bytes: number): void {
    this.#held += bytes;
    this.#pool.add(bytes);
  }

  addUnread(bytes: number): void {
    this.#unread += bytes;
    this.add(bytes);
  }
}
