import { Status } from "../errors.ts";
import { KEPT_BYTES, keptBytes } from "./held-bytes.ts";
import { decompressMessage } from "./message-compression.ts";
import { ConnectionError, ErrorCode, MESSAGE_HEAD_BYTES } from "./protocol.ts";
import type { UnpackBudget } from "./unpack-budget.ts";

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

/**
 * Puts gRPC messages together again from the payloads of DATA frames. Where no more may be unpacked
 * in this turn it keeps what comes, and is stalled until `resume`.
 */
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
  readonly #budget: UnpackBudget;
  /** A compressed message that waits, and what came behind it. */
  #stalled: Buffer | undefined;
  #behind: Buffer[] = [];
  /** No more messages are wanted. */
  #isOver = false;

  constructor(
    sink: MessageSink,
    bytesMax: number,
    encoding: string | undefined,
    budget: UnpackBudget,
  ) {
    this.#sink = sink;
    this.#bytesMax = bytesMax;
    this.#encoding = encoding;
    this.#budget = budget;
  }

  get isStalled(): boolean {
    return this.#stalled !== undefined;
  }

  /** Bytes that the message begun still lacks; 0 between messages and within a head. */
  get missingBytes(): number {
    return this.#body === undefined ? 0 : this.#bodyLength - this.#bodyBytes;
  }

  get isInsideMessage(): boolean {
    return this.#body !== undefined || this.#headBytes > 0;
  }

  read(bytes: Buffer, start: number, end: number): void {
    if (this.#stalled !== undefined) return this.#keepBehind(bytes.subarray(start, end));
    if (this.isInsideMessage && ++this.#pieces > PIECES_MIN + this.#bodyLength / PIECE_BYTES) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "a message in too many pieces");
    }
    let at = start;
    while (at < end && !this.#isOver) {
      if (this.#stalled !== undefined) return this.#keepBehind(bytes.subarray(at, end));
      at = this.#readPart(bytes, at, end);
    }
  }

  /** Goes on where the budget ended, as far as it reaches now. */
  resume(): void {
    const stalled = this.#stalled;
    const behind = this.#behind;
    if (stalled === undefined) return;
    this.#dropStalled();
    this.#isCompressed = true;
    this.#deliver(stalled);
    for (const bytes of behind) this.read(bytes, 0, bytes.length);
  }

  /** Frees what an unfinished message holds. */
  close(): void {
    if (this.#body !== undefined) this.#sink.hold(-this.#body.length);
    this.#body = undefined;
    this.#headBytes = 0;
    this.#dropStalled();
    this.#isOver = true;
  }

  #keepBehind(bytes: Buffer): void {
    this.#behind.push(keptBytes(bytes));
    this.#sink.hold(bytes.length + KEPT_BYTES);
  }

  #stall(bytes: Buffer): void {
    this.#stalled = keptBytes(bytes);
    this.#sink.hold(bytes.length + KEPT_BYTES);
  }

  #dropStalled(): void {
    if (this.#stalled === undefined) return;
    for (const { length } of [this.#stalled, ...this.#behind]) {
      this.#sink.hold(-length - KEPT_BYTES);
    }
    this.#stalled = undefined;
    this.#behind = [];
  }

  /** Returns where the bytes go on. */
  #readPart(bytes: Buffer, start: number, end: number): number {
    if (this.#body !== undefined) return this.#readBody(bytes, start, end);
    const at = start + MESSAGE_HEAD_BYTES;
    if (this.#headBytes > 0 || at > end) return this.#readHead(bytes, start, end);
    const length = bytes.readUInt32BE(start + 1);
    if (!this.#accepts(bytes[start] as number, length)) return end;
    if (length > end - at) {
      this.#openBody(length, end - at);
      return at;
    }
    this.#deliver(bytes.subarray(at, at + length));
    return at + length;
  }

  #accepts(flag: number, length: number): boolean {
    this.#pieces = 0;
    this.#bodyLength = length;
    this.#isCompressed = flag === 1;
    const refusal = this.#refusal(flag, length);
    if (refusal === undefined) return true;
    this.#refuse(refusal.status, refusal.text);
    return false;
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

  #deliver(bytes: Buffer): void {
    if (this.#isCompressed) this.#unpack(bytes);
    else if (!this.#sink.message(bytes)) this.#isOver = true;
  }

  #unpack(bytes: Buffer): void {
    if (this.#budget.isSpent) return this.#stall(bytes);
    const outcome = decompressMessage(bytes, this.#bytesMax);
    if ("bytes" in outcome) {
      this.#budget.spend(outcome.bytes.length);
      if (!this.#sink.message(outcome.bytes)) this.#isOver = true;
    } else {
      // It may have been all that a message may have, and more.
      this.#budget.spend(this.#bytesMax);
      this.#refuse(outcome.status, outcome.text);
    }
  }

  #refuse(status: Status, text: string): void {
    this.#isOver = true;
    this.#sink.refuse(status, text);
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    this.#head ??= Buffer.alloc(MESSAGE_HEAD_BYTES);
    const copied = bytes.copy(this.#head, this.#headBytes, at, end);
    this.#headBytes += copied;
    if (this.#headBytes < MESSAGE_HEAD_BYTES) return end;
    this.#headBytes = 0;
    const length = this.#head.readUInt32BE(1);
    if (!this.#accepts(this.#head[0] as number, length)) return end;
    if (length === 0) this.#deliver(Buffer.alloc(0));
    else this.#openBody(length, end - at - copied);
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
    this.#deliver(body.subarray(0, this.#bodyLength));
    return at + count;
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
