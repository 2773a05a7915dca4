import type { Status } from "../errors.ts";
import type { Metadata } from "./metadata.ts";

/**
 * The server's side of one call. After `end`, `fail` or the handler's `cancel` it is over: sends,
 * ends and fails are ignored from then on, so that nobody has to guard against a client that left.
 */
export interface GrpcCall {
  /** `/package.Service/Method`, always with the leading slash. */
  readonly path: string;
  readonly metadata: Metadata;
  /** The peer's address, `10.0.0.7:51234`. */
  readonly remote: string;
  /**
   * CN of the certificate that the client proved to have; undefined where none was demanded, and
   * for what comes through the JSON gateway.
   */
  readonly peerCertificateName: string | undefined;
  /** On the clock's monotonic scale; undefined when the client set none. */
  readonly deadlineMs: number | undefined;
  /**
   * Copies the message: the caller may reuse its memory, unless it is longer than 256 KiB. One
   * write per connection and turn.
   */
  send(message: Uint8Array): void;
  /** As `send`, of a long message whose pieces do not change any more: they are not joined. */
  sendPieces(pieces: readonly Uint8Array[]): void;
  /** The OK trailers, behind everything sent before. */
  end(): void;
  /** Trailers with an error, behind everything sent before. */
  fail(status: Status, text: string): void;
  /** Bytes that `send` accepted and that flow control or a slow reader still holds back. */
  readonly backlogBytes: number;
  /** Called each time the backlog has become empty again. */
  onDrain: (() => void) | undefined;
}

/** Why a call ended that nobody ended here: the client reset it or is gone, or its time is up. */
export type CancelReason = "canceled" | "deadline";

/** The application's side of one call. Runs inside the connection's turn: it must not block. */
export interface GrpcHandler {
  /**
   * One whole message. Its bytes are never overwritten afterwards, so they may be kept without a
   * copy; but they can be a view into the 64 KiB that were read from the socket, which then live
   * as long: copy what is kept for long.
   */
  message(bytes: Buffer): void;
  /** The client will send no more messages. The call goes on until it is ended. */
  halfClose(): void;
  /** At most once, and never after `end` or `fail` were called. Nothing can be sent any more. */
  cancel(reason: CancelReason): void;
}

/** Called once for each call, before its first message. Must answer unknown paths itself. */
export type GrpcDispatch = (call: GrpcCall) => GrpcHandler;
