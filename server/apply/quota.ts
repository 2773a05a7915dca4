/**
 * How much room the database has, by etcd's estimate: what a request adds is counted before it is
 * written, on top of the file's size. Every member judges by its own file; what is over the quota is
 * applied all the same, as on every other member, and only the client and the alarm hear of it.
 */
export class Quota {
  readonly #limitBytes: number;
  readonly #measure: () => number;
  #sizeBytes: number;

  /**
   * @param limitBytes below 0: none
   * @param measure the size of the database file in bytes; asked by `refresh` only
   */
  constructor(limitBytes: number, measure: () => number) {
    this.#limitBytes = limitBytes < 0 ? Infinity : limitBytes;
    this.#measure = measure;
    this.#sizeBytes = measure();
  }

  /** Takes a new measure, after the file has changed. */
  refresh(): void {
    this.#sizeBytes = this.#measure();
  }

  /** @param costBytes estimate of what a request adds; 0 always fits */
  hasRoom(costBytes: number): boolean {
    return costBytes === 0 || this.#sizeBytes + costBytes < this.#limitBytes;
  }
}
