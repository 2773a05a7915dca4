import {
  ConnectionError,
  ErrorCode,
  FRAME_HEAD_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
} from "./protocol.ts";

/** The frame's payload is bytes[start, end): a view into what was read, never overwritten later. */
export type FrameHandler = (
  type: number,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

/**
 * Cuts what the socket delivers into frames. A frame that lies in one chunk is handed out where it
 * lies; one that does not is put together in a buffer of its own, each byte copied once.
 */
export class FrameReader {
  readonly #onFrame: FrameHandler;
  /** The head of a frame that a chunk ended in. */
  readonly #head: Buffer = Buffer.alloc(FRAME_HEAD_BYTES);
  #headBytes = 0;
  /** The payload of a frame that a chunk ended in, filled up to #bodyBytes. */
  #body: Buffer | undefined;
  #bodyBytes = 0;
  #isStopped = false;

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  /** Nothing is handed out any more, not even the rest of the chunk being read. */
  stop(): void {
    this.#isStopped = true;
    this.#body = undefined;
  }

  read(chunk: Buffer): void {
    let at = 0;
    if (this.#body !== undefined) at = this.#fillBody(chunk, 0);
    else if (this.#headBytes > 0) at = this.#fillHead(chunk);
    while (!this.#isStopped && chunk.length - at >= FRAME_HEAD_BYTES) {
      const length = payloadLength(chunk, at);
      const start = at + FRAME_HEAD_BYTES;
      const end = start + length;
      if (end > chunk.length) break;
      this.#hand(chunk, at, chunk, start, end);
      at = end;
    }
    if (!this.#isStopped && at < chunk.length) this.#keep(chunk, at);
  }

  #hand(head: Buffer, at: number, bytes: Buffer, start: number, end: number): void {
    const streamId = head.readUInt32BE(at + 5) & 0x7fff_ffff;
    this.#onFrame(head[at + 3] as number, head[at + 4] as number, streamId, bytes, start, end);
  }

  #keep(chunk: Buffer, at: number): void {
    this.#headBytes = chunk.copy(this.#head, 0, at, at + FRAME_HEAD_BYTES);
    if (this.#headBytes < FRAME_HEAD_BYTES) return;
    this.#openBody();
    this.#fillBody(chunk, at + FRAME_HEAD_BYTES);
  }

  #fillHead(chunk: Buffer): number {
    const copied = chunk.copy(this.#head, this.#headBytes);
    this.#headBytes += copied;
    if (this.#headBytes < FRAME_HEAD_BYTES) return copied;
    this.#openBody();
    return this.#fillBody(chunk, copied);
  }

  #openBody(): void {
    this.#body = Buffer.allocUnsafe(payloadLength(this.#head, 0));
    this.#bodyBytes = 0;
  }

  /** Returns where the chunk goes on behind the frame. */
  #fillBody(chunk: Buffer, at: number): number {
    const body = this.#body;
    if (body === undefined) return chunk.length;
    const copied = chunk.copy(body, this.#bodyBytes, at);
    this.#bodyBytes += copied;
    if (this.#bodyBytes < body.length) return chunk.length;
    this.#body = undefined;
    this.#headBytes = 0;
    this.#hand(this.#head, 0, body, 0, body.length);
    return at + copied;
  }
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length > FRAME_PAYLOAD_BYTES_MAX) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
  }
  return length;
}
