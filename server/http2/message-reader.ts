import { Status } from "../errors.ts";
import { decompressMessage } from "./message-compression.ts";
import { ConnectionError, ErrorCode, MESSAGE_HEAD_BYTES } from "./protocol.ts";

/** A message that spans frames gets this much at first, then doubles: lengths are only claims. */
const FIRST_BODY_BYTES = 4096;

/** Frames that one message may come in: this many, and one more for each so many bytes of it. */
const PIECES_MIN = 256;
const PIECE_BYTES = 64;

export interface MessageSink {
  /** False when no more messages are wanted. */
  message(bytes: Buffer): boolean;
  refuse(status: Status, text: string): void;
  /** The buffer of an unfinished message grew, or was given up (negative). */
  hold(bytes: number): void;
}

/** Puts gRPC messages together again from the payloads of DATA frames. */
export class MessageReader {
  readonly #sink: MessageSink;
  readonly #bytesMax: number;
  /** The `grpc-encoding` of the request. */
  readonly #encoding: string | undefined;
  #head: Buffer | undefined;
  #headBytes = 0;
  #body: Buffer | undefined;
  #isCompressed = false;
  #bodyLength = 0;
  #bodyBytes = 0;
  #pieces = 0;

  constructor(sink: MessageSink, bytesMax: number, encoding: string | undefined) {
    this.#sink = sink;
    this.#bytesMax = bytesMax;
    this.#encoding = encoding;
  }

  /** Bytes that the message begun still lacks; 0 between messages and within a head. */
  get missingBytes(): number {
    return this.#body === undefined ? 0 : this.#bodyLength - this.#bodyBytes;
  }

  get isInsideMessage(): boolean {
    return this.#body !== undefined || this.#headBytes > 0;
  }

  read(bytes: Buffer, start: number, end: number): void {
    if (this.isInsideMessage && ++this.#pieces > PIECES_MIN + this.#bodyLength / PIECE_BYTES) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "a message in too many pieces");
    }
    let at = start;
    while (at < end) {
      if (this.#body !== undefined) {
        at = this.#readBody(bytes, at, end);
        if (at < 0) return;
        continue;
      }
      if (this.#headBytes > 0 || end - at < MESSAGE_HEAD_BYTES) {
        at = this.#readHead(bytes, at, end);
        if (at < 0) return;
        continue;
      }
      const length = bytes.readUInt32BE(at + 1);
      if (!this.#accepts(bytes[at] as number, length)) return;
      at += MESSAGE_HEAD_BYTES;
      if (length > end - at) this.#openBody(length, end - at);
      else {
        if (!this.#deliver(bytes.subarray(at, at + length))) return;
        at += length;
      }
    }
  }

  /** Frees what an unfinished message holds. */
  close(): void {
    if (this.#body !== undefined) this.#sink.hold(-this.#body.length);
    this.#body = undefined;
    this.#headBytes = 0;
  }

  #accepts(flag: number, length: number): boolean {
    this.#pieces = 0;
    this.#bodyLength = length;
    this.#isCompressed = flag === 1;
    const refusal = this.#refusal(flag, length);
    if (refusal !== undefined) this.#sink.refuse(refusal.status, refusal.text);
    return refusal === undefined;
  }

  #refusal(flag: number, length: number): { status: Status; text: string } | undefined {
    if (flag > 1) {
      const text = `grpc: received unexpected payload format ${flag}`;
      return { status: Status.INTERNAL, text };
    }
    if (length > this.#bytesMax) {
      const text = `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`;
      return { status: Status.RESOURCE_EXHAUSTED, text };
    }
    if (flag === 0 || this.#encoding === "gzip") return undefined;
    const text = "grpc: compressed flag set with identity or empty encoding";
    return { status: Status.INTERNAL, text };
  }

  #deliver(bytes: Buffer): boolean {
    if (!this.#isCompressed) return this.#sink.message(bytes);
    const outcome = decompressMessage(bytes, this.#bytesMax);
    if ("bytes" in outcome) return this.#sink.message(outcome.bytes);
    this.#sink.refuse(outcome.status, outcome.text);
    return false;
  }

  /** Returns where the bytes go on, -1 when nothing more is wanted. */
  #readHead(bytes: Buffer, at: number, end: number): number {
    this.#head ??= Buffer.alloc(MESSAGE_HEAD_BYTES);
    const copied = bytes.copy(this.#head, this.#headBytes, at, end);
    this.#headBytes += copied;
    if (this.#headBytes < MESSAGE_HEAD_BYTES) return end;
    this.#headBytes = 0;
    const length = this.#head.readUInt32BE(1);
    if (!this.#accepts(this.#head[0] as number, length)) return -1;
    if (length === 0) return this.#deliver(Buffer.alloc(0)) ? at + copied : -1;
    this.#openBody(length, end - at - copied);
    return at + copied;
  }

  #openBody(length: number, available: number): void {
    const size = Math.min(length, Math.max(FIRST_BODY_BYTES, 2 * available));
    this.#body = Buffer.allocUnsafe(size);
    this.#bodyBytes = 0;
    this.#sink.hold(size);
  }

  #readBody(bytes: Buffer, at: number, end: number): number {
    const count = Math.min(end - at, this.#bodyLength - this.#bodyBytes);
    const body = this.#roomFor(this.#bodyBytes + count);
    bytes.copy(body, this.#bodyBytes, at, at + count);
    this.#bodyBytes += count;
    if (this.#bodyBytes < this.#bodyLength) return at + count;
    this.#body = undefined;
    this.#sink.hold(-body.length);
    return this.#deliver(body.subarray(0, this.#bodyLength)) ? at + count : -1;
  }

  #roomFor(needed: number): Buffer {
    const body = this.#body as Buffer;
    if (body.length >= needed) return body;
    const grown = Buffer.allocUnsafe(Math.min(this.#bodyLength, Math.max(needed, 2 * body.length)));
    body.copy(grown, 0, 0, this.#bodyBytes);
    this.#sink.hold(grown.length - body.length);
    this.#body = grown;
    return grown;
  }
}
