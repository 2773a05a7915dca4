import { Status } from "../errors.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { Expiring } from "./deadlines.ts";
import type { CancelReason, GrpcCall, GrpcDispatch, GrpcHandler } from "./grpc-call.ts";
import { KEPT_BYTES, keptBytes } from "./held-bytes.ts";
import { MessageReader, type MessageSink } from "./message-reader.ts";
import type { Metadata } from "./metadata.ts";
import { MESSAGE_HEAD_BYTES, WINDOW_DEFAULT } from "./protocol.ts";
import type { RequestHead } from "./request-head.ts";
import {
  errorTrailers,
  OK_TRAILERS,
  RESPONSE_HEADERS,
  refusalHeaders,
} from "./response-headers.ts";
import type { Stream, StreamHost } from "./stream.ts";

/** One HTTP/2 stream that carries one call. */
export class GrpcStream implements GrpcCall, Stream, Expiring, MessageSink {
  readonly id: number;
  readonly deadlineMs: number | undefined;
  onDrain: (() => void) | undefined = undefined;
  sendWindow: number;
  isInRing = false;
  receiveWindow: number = WINDOW_DEFAULT;
  grantedBytes = 0;
  isRemoteClosed = false;
  hasAsked = false;
  readonly #host: StreamHost;
  readonly #head: RequestHead;
  /** Only for messages that do not fill exactly one DATA frame, which nearly all do. */
  #reader: MessageReader | undefined;
  /** Only for answers that had to wait once. */
  #queue: ByteQueue | undefined;
  #handler: GrpcHandler | undefined;
  /** Messages that arrived before the call was dispatched. */
  #waiting: Buffer[] | undefined;
  #hasHeaders = false;
  /** Nothing more is accepted from the application, and nothing more is told to it. */
  #isOver = false;
  /** Trailers that wait for the queue to empty. */
  #trailers: Buffer | undefined;

  constructor(
    host: StreamHost,
    id: number,
    head: RequestHead,
    sendWindow: number,
    deadlineMs: number | undefined,
  ) {
    this.#host = host;
    this.id = id;
    this.#head = head;
    this.sendWindow = sendWindow;
    this.deadlineMs = deadlineMs;
  }

  get path(): string {
    return this.#head.path;
  }

  get metadata(): Metadata {
    return this.#head.metadata;
  }

  get remote(): string {
    return this.#host.peer.remote;
  }

  get peerCertificateName(): string | undefined {
    return this.#host.peer.certificateName;
  }

  get backlogBytes(): number {
    return this.queuedBytes;
  }

  get queuedBytes(): number {
    return this.#queue === undefined ? 0 : this.#queue.length;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get missingBytes(): number {
    return this.#reader === undefined ? 0 : this.#reader.missingBytes;
  }

  get headBytes(): number {
    return this.#head.bytes;
  }

  get isParked(): boolean {
    return this.#waiting !== undefined || this.#reader?.isStalled === true;
  }

  /** The call starts later, by `open`; what arrives until then is kept. */
  park(): void {
    this.#waiting = [];
  }

  /** Starts the call and hands over what it has received so far. */
  open(dispatch: GrpcDispatch): void {
    if (this.#isOver) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#handler = dispatch(this);
    if (waiting === undefined) return;
    for (const bytes of waiting) {
      this.#host.hold(-bytes.length - KEPT_BYTES);
      this.message(bytes);
    }
    if (this.isRemoteClosed) this.remoteClosed();
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return;
    this.#sendHeaders();
    if (this.queuedBytes === 0 && this.#host.outbox.tryMessage(this, message)) return;
    this.#enqueue(message.length, [message]);
  }

  sendPieces(pieces: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    this.#sendHeaders();
    let length = 0;
    for (const piece of pieces) length += piece.length;
    this.#enqueue(length, pieces);
  }

  #sendHeaders(): void {
    if (this.#hasHeaders) return;
    this.#hasHeaders = true;
    this.#host.outbox.headers(this.id, RESPONSE_HEADERS, false);
  }

  #enqueue(length: number, pieces: readonly Uint8Array[]): void {
    this.#queue ??= new ByteQueue();
    const head = Buffer.alloc(MESSAGE_HEAD_BYTES);
    head.writeUInt32BE(length, 1);
    this.#queue.push(head);
    for (const piece of pieces) this.#queue.push(piece);
    this.#host.holdUnread(head.length + length);
    this.#host.outbox.join(this);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sendHeaders();
    this.#finish(OK_TRAILERS);
  }

  fail(status: Status, text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#hasHeaders) this.#finish(errorTrailers(status, text));
    else this.#finish(refusalHeaders(200, status, text));
  }

  /** Answers a request that never became a call. */
  refuseWith(httpStatus: number, status: Status, text: string): void {
    this.#isOver = true;
    this.#finish(refusalHeaders(httpStatus, status, text));
  }

  expire(): void {
    if (this.#isOver) return;
    this.#dropQueue();
    this.fail(Status.DEADLINE_EXCEEDED, "context deadline exceeded");
    this.#cancel("deadline");
  }

  reset(): void {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#trailers = undefined;
    this.onDrain = undefined;
    this.#dropQueue();
    this.#release();
    if (!wasOver) this.#cancel("canceled");
  }

  receive(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (isLast) this.isRemoteClosed = true;
    if (this.#isOver) return;
    const { messageBytesMax: bytesMax, unpackBudget } = this.#host;
    if (this.#reader === undefined && isPlainMessage(bytes, start, end, bytesMax)) {
      this.message(bytes.subarray(start + MESSAGE_HEAD_BYTES, end));
    } else {
      this.#reader ??= new MessageReader(this, bytesMax, this.#head.encoding, unpackBudget);
      this.#reader.read(bytes, start, end);
      if (this.#reader.isStalled) this.#host.stalled(this);
    }
    if (isLast) this.remoteClosed();
  }

  /** More may be unpacked. */
  resume(): void {
    if (this.#isOver || this.#reader === undefined) return;
    this.#reader.resume();
    if (this.#reader.isStalled) this.#host.stalled(this);
    else if (this.isRemoteClosed) this.remoteClosed();
  }

  remoteClosed(): void {
    this.isRemoteClosed = true;
    if (this.#isOver || this.isParked) return;
    if (this.#reader?.isInsideMessage === true) this.#refuse(Status.UNKNOWN, "unexpected EOF");
    else this.#halfClose();
  }

  message(bytes: Buffer): boolean {
    if (!this.hasAsked) {
      this.hasAsked = true;
      this.#host.asked();
    }
    if (this.#waiting !== undefined) {
      this.#waiting.push(keptBytes(bytes));
      this.#host.hold(bytes.length + KEPT_BYTES);
    } else this.#handler?.message(bytes);
    return !this.#isOver;
  }

  refuse(status: Status, text: string): void {
    this.#refuse(status, text);
  }

  hold(bytes: number): void {
    this.#host.hold(bytes);
  }

  takeQueued(target: Buffer, at: number, count: number): void {
    this.#queue?.moveTo(target, at, count);
    this.#host.holdUnread(-count);
  }

  queueEmptied(): void {
    if (this.#trailers !== undefined) this.#finish(this.#trailers);
    else this.onDrain?.();
  }

  #halfClose(): void {
    if (!this.#isOver) this.#handler?.halfClose();
  }

  /** The client sent what gRPC does not allow: it hears why, the application hears of the end. */
  #refuse(status: Status, text: string): void {
    if (this.#isOver) return;
    this.fail(status, text);
    this.#cancel("canceled");
  }

  #cancel(reason: CancelReason): void {
    this.#handler?.cancel(reason);
  }

  #finish(trailers: Buffer): void {
    if (this.queuedBytes > 0) {
      this.#trailers = trailers;
      return;
    }
    this.#trailers = undefined;
    this.onDrain = undefined;
    this.#host.outbox.headers(this.id, trailers, true);
    this.#release();
    this.#host.answered(this);
  }

  #dropQueue(): void {
    if (this.#queue === undefined) return;
    this.#host.holdUnread(-this.#queue.length);
    this.#queue.clear();
  }

  #release(): void {
    this.#reader?.close();
    if (this.#waiting === undefined) return;
    for (const bytes of this.#waiting) this.#host.hold(-bytes.length - KEPT_BYTES);
    this.#waiting = undefined;
  }
}

/** Exactly one permitted message, uncompressed. */
function isPlainMessage(bytes: Buffer, start: number, end: number, bytesMax: number): boolean {
  const length = end - start - MESSAGE_HEAD_BYTES;
  if (length < 0 || length > bytesMax) return false;
  return bytes[start] === 0 && bytes.readUInt32BE(start + 1) === length;
}
