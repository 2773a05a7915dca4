import { FRAME_PAYLOAD_BYTES_MAX } from "./protocol.ts";

/** What an open stream takes beside its head: its own state, its call's and its handler's. */
const STREAM_BYTES = 2048;
/** Heads are strings in the engine's heap, of which there is less than of memory outside it. */
const HEAD_WEIGHT = 4;

/** What something kept for later takes beside its bytes: the object that points at them. */
export const KEPT_BYTES = 512;

/** What to keep of bytes that were received, so that nothing else stays with them. */
export function keptBytes(bytes: Buffer): Buffer {
  // What is longer than a frame lies in a buffer of its own, not in what was read together with it.
  return bytes.length > FRAME_PAYLOAD_BYTES_MAX ? bytes : Buffer.from(bytes);
}

/** What counts as held for a stream as long as it is open. @param headBytes of its request head */
export function streamBytes(headBytes: number): number {
  return STREAM_BYTES + HEAD_WEIGHT * headBytes;
}

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

/** One connection's share: open streams, unfinished messages, and answers that are not read. */
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
