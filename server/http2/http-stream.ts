import { ByteQueue } from "./byte-queue.ts";
import { KEPT_BYTES } from "./held-bytes.ts";
import type { BodySink, HttpCall } from "./http-call.ts";
import { ErrorCode, Flag, FRAME_PAYLOAD_BYTES_MAX, FrameType, WINDOW_DEFAULT } from "./protocol.ts";
import type { PlainHead } from "./request-head.ts";
import { plainHeaders } from "./response-headers.ts";
import type { Stream, StreamHost } from "./stream.ts";

const NOTHING: Buffer = Buffer.alloc(0);

/** One HTTP/2 stream that carries an ordinary request. */
export class HttpStream implements HttpCall, Stream {
  readonly id: number;
  readonly head: PlainHead;
  onDrain: (() => void) | undefined = undefined;
  onGone: (() => void) | undefined = undefined;
  sendWindow: number;
  isInRing = false;
  receiveWindow: number = WINDOW_DEFAULT;
  grantedBytes = 0;
  isRemoteClosed = false;
  hasAsked = false;
  readonly missingBytes = 0;
  readonly #host: StreamHost;
  readonly #queue = new ByteQueue();
  /** What came before anybody wanted it: at most a window. */
  #waiting: Buffer[] = [];
  #sink: BodySink | undefined;
  #isOver = false;
  /** The answer is complete and waits in the queue. */
  #isEnding = false;

  constructor(host: StreamHost, id: number, head: PlainHead, sendWindow: number) {
    this.#host = host;
    this.id = id;
    this.head = head;
    this.sendWindow = sendWindow;
  }

  get remote(): string {
    return this.#host.peer.remote;
  }

  get certificateName(): string | undefined {
    return this.#host.peer.certificateName;
  }

  get queuedBytes(): number {
    return this.#queue.length;
  }

  get backlogBytes(): number {
    return this.#queue.length;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get headBytes(): number {
    return this.head.bytes;
  }

  get isParked(): boolean {
    return this.#sink === undefined;
  }

  read(sink: BodySink): void {
    this.#sink = sink;
    for (const bytes of this.#takeWaiting()) sink.data(bytes);
    if (this.#isOver) return;
    if (this.isRemoteClosed) sink.end();
    else this.#host.unparked(this);
  }

  start(status: number, headers: readonly string[]): void {
    if (this.#isOver) return;
    this.#ask();
    const block = plainHeaders(status, headers);
    if (block.length > FRAME_PAYLOAD_BYTES_MAX) {
      this.#host.abort(this, ErrorCode.INTERNAL_ERROR);
      return;
    }
    this.#host.outbox.headers(this.id, block, false);
  }

  write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#queue.push(bytes);
    this.#host.holdUnread(bytes.length);
    this.#host.outbox.join(this);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#takeWaiting();
    if (this.queuedBytes > 0) this.#isEnding = true;
    else this.#finish();
  }

  receive(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (isLast) this.isRemoteClosed = true;
    if (this.#isOver) return;
    if (this.#sink !== undefined) {
      if (end > start) this.#sink.data(bytes.subarray(start, end));
    } else if (end > start) {
      this.#waiting.push(Buffer.from(bytes.subarray(start, end)));
      this.#host.hold(end - start + KEPT_BYTES);
    }
    if (isLast) this.remoteClosed();
  }

  remoteClosed(): void {
    this.isRemoteClosed = true;
    if (this.#isOver) return;
    this.#ask();
    this.#sink?.end();
  }

  reset(): void {
    const wasAnswered = this.#isOver && !this.#isEnding;
    this.#isOver = true;
    this.#isEnding = false;
    this.onDrain = undefined;
    this.#takeWaiting();
    this.#host.holdUnread(-this.#queue.length);
    this.#queue.clear();
    if (!wasAnswered) this.onGone?.();
  }

  takeQueued(target: Buffer, at: number, count: number): void {
    this.#queue.moveTo(target, at, count);
    this.#host.holdUnread(-count);
  }

  queueEmptied(): void {
    if (this.#isEnding) this.#finish();
    else this.onDrain?.();
  }

  #ask(): void {
    if (this.hasAsked) return;
    this.hasAsked = true;
    this.#host.asked();
  }

  #takeWaiting(): readonly Buffer[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.#host.hold(-bytes.length - KEPT_BYTES);
    return waiting;
  }

  #finish(): void {
    this.#isEnding = false;
    this.onDrain = undefined;
    this.#host.outbox.frame(FrameType.DATA, Flag.END_STREAM, this.id, NOTHING);
    this.#host.answered(this);
  }
}
