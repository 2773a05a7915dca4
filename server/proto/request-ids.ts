/**
 * Ids of requests, unique over members and restarts: 16 bits of the member id, then a counter that
 * starts at the wall clock in units of 1/256 ms, so that a restarted member begins ahead of where
 * it stopped.
 */
export class RequestIds {
  readonly #prefix: bigint;
  #count: number;

  /** @param nowMs wall clock at start, ms since 1970 */
  constructor(memberId: bigint, nowMs: number) {
    this.#prefix = (memberId & 0xffffn) << 48n;
    this.#count = (Math.trunc(nowMs) % 2 ** 40) * 256;
  }

  next(): bigint {
    this.#count = this.#count + 1 === 2 ** 48 ? 0 : this.#count + 1;
    return this.#prefix | BigInt(this.#count);
  }
}
