import { HpackDecoder } from "./hpack.ts";
import type { Http2Limits } from "./limits.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";

const CACHED_BLOCKS_MAX = 16;
const CACHED_BLOCK_BYTES_MAX = 256;

/** `malformed`: no request can begin so; `oversize`: more than we announced to accept. */
export type ReadHead = RequestHead | "malformed" | "oversize";

/** From HEADERS and CONTINUATION frames to request heads. */
export class HeaderReader {
  readonly #decoder: HpackDecoder;
  readonly #limits: Http2Limits;
  /** Blocks that came before, for as long as HPACK's tables have not moved. */
  readonly #cache = new Map<string, ReadHead>();
  #cacheGeneration = 0;
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** The stream whose block goes on in CONTINUATION frames; 0 for none. */
  openStreamId = 0;
  openedMs = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
    this.#decoder = new HpackDecoder(limits.headerListBytesMax);
  }

  /** A block that lies in one frame, in bytes[start, end). */
  read(bytes: Buffer, start: number, end: number): ReadHead {
    if (end - start > CACHED_BLOCK_BYTES_MAX) return this.#decode(bytes, start, end);
    const key = bytes.toString("latin1", start, end);
    if (this.#cacheGeneration === this.#decoder.generation) {
      const known = this.#cache.get(key);
      if (known !== undefined) return known;
    }
    const generation = this.#decoder.generation;
    const head = this.#decode(bytes, start, end);
    if (generation === this.#decoder.generation) this.#remember(key, head, generation);
    return head;
  }

  /** The first part of a block that goes on; keeps a copy. */
  open(streamId: number, bytes: Buffer, start: number, end: number, nowMs: number): void {
    this.openStreamId = streamId;
    this.openedMs = nowMs;
    this.#parts = [];
    this.#partBytes = 0;
    this.#append(bytes, start, end);
  }

  /** Another part; the head when it was the last. */
  proceed(bytes: Buffer, start: number, end: number, isLast: boolean): ReadHead | undefined {
    this.#append(bytes, start, end);
    if (!isLast) return undefined;
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.openStreamId = 0;
    return this.#decode(block, 0, block.length);
  }

  #append(bytes: Buffer, start: number, end: number): void {
    this.#partBytes += end - start;
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
    if (
      this.#partBytes > this.#limits.headerBlockBytesMax ||
      this.#parts.length > this.#limits.continuationFramesMax
    ) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end");
    }
  }

  #decode(bytes: Buffer, start: number, end: number): ReadHead {
    const fields = this.#decoder.decode(bytes, start, end);
    return fields === undefined ? "oversize" : (readRequestHead(fields) ?? "malformed");
  }

  #remember(key: string, head: ReadHead, generation: number): void {
    if (this.#cacheGeneration !== generation || this.#cache.size >= CACHED_BLOCKS_MAX) {
      this.#cache.clear();
      this.#cacheGeneration = generation;
    }
    this.#cache.set(key, head);
  }
}
