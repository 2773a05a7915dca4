import type { PlainHead } from "./request-head.ts";

/** Takes a request's body. */
export interface BodySink {
  /** The bytes are never overwritten afterwards. */
  data(bytes: Buffer): void;
  /** The body is complete. */
  end(): void;
}

/**
 * The server's side of one request of HTTP/2 that is no call of gRPC. After `end` or `onGone` it is
 * over: what is written from then on is ignored.
 */
export interface HttpCall {
  readonly head: PlainHead;
  /** The peer's address, `10.0.0.7:51234`. */
  readonly remote: string;
  /** CN of the client's certificate, where one was demanded. */
  readonly certificateName: string | undefined;
  /** Hands over the body, what has arrived of it first. Until then no more than a window comes. */
  read(sink: BodySink): void;
  /** Begins the answer. @param headers name, value, name, value … */
  start(status: number, headers: readonly string[]): void;
  /** Copies the bytes, up to 256 KiB; longer ones must not change any more. Only after `start`. */
  write(bytes: Uint8Array): void;
  end(): void;
  /** Bytes that `write` accepted and that flow control or a slow reader still holds back. */
  readonly backlogBytes: number;
  /** Called each time the backlog has become empty again. */
  onDrain: (() => void) | undefined;
  /** Called once when the peer is gone before the end of the answer. */
  onGone: (() => void) | undefined;
}

/** Called once for each request, before its body. Must answer unknown paths itself. */
export type HttpDispatch = (call: HttpCall) => void;
