const CHUNK_BYTES_MIN = 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;
/** An event of this size is kept as it is, and shared with others that keep it. */
const SHARED_BYTES = 64 * 1024;

/** Encoded events one behind the other: a million small ones need no object each. */
export class PackedEvents {
  readonly #full: Buffer[] = [];
  #open = Buffer.alloc(0);
  #openLength = 0;
  #length = 0;
  #count = 0;

  /** Bytes of all events. */
  get length(): number {
    return this.#length;
  }

  get count(): number {
    return this.#count;
  }

  push(event: Buffer): void {
    if (event.length >= SHARED_BYTES) {
      this.#close();
      this.#full.push(event);
    } else {
      if (this.#open.length - this.#openLength < event.length) this.#grow(event.length);
      this.#open.set(event, this.#openLength);
      this.#openLength += event.length;
    }
    this.#length += event.length;
    this.#count++;
  }

  /** They do not change, whatever is pushed later. */
  pieces(): readonly Buffer[] {
    return [...this.#full, this.#open.subarray(0, this.#openLength)];
  }

  #grow(eventBytes: number): void {
    this.#close();
    const bytes = Math.min(Math.max(this.#length, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX);
    this.#open = Buffer.allocUnsafeSlow(Math.max(bytes, eventBytes));
  }

  #close(): void {
    if (this.#openLength > 0) this.#full.push(this.#open.subarray(0, this.#openLength));
    this.#open = this.#open.subarray(this.#openLength);
    this.#openLength = 0;
  }
}
