import type { Outbox, Outgoing } from "./outbox.ts";
import type { ErrorCode } from "./protocol.ts";
import type { UnpackBudget } from "./unpack-budget.ts";

/** Who is at the other end of a connection. */
export interface ConnectionPeer {
  /** `10.0.0.7:51234` */
  readonly remote: string;
  readonly isEncrypted: boolean;
  /** CN of the client's certificate, where one was demanded. */
  readonly certificateName: string | undefined;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly outbox: Outbox;
  readonly peer: ConnectionPeer;
  readonly messageBytesMax: number;
  readonly unpackBudget: UnpackBudget;
  /** Buffers for what the peer sends grew, or shrank (negative). */
  hold(bytes: number): void;
  /** The same for answers that the peer has not read. */
  holdUnread(bytes: number): void;
  /** It waits until compressed messages may be unpacked again. */
  stalled(stream: Stream): void;
  /** What was kept back is taken from now on: the peer may send more. */
  unparked(stream: Stream): void;
  /** The first thing that can be answered is here: a whole message, a whole request. Once. */
  asked(): void;
  /** Both of our directions are done: forget the stream. */
  answered(stream: Stream): void;
  /** It cannot go on: reset it. */
  abort(stream: Stream, code: ErrorCode): void;
}

/** What a connection does with a stream, whatever it carries. */
export interface Stream extends Outgoing {
  /** What the peer may still send. */
  receiveWindow: number;
  /** Window handed out for the message being received, beyond the stream's ordinary one. */
  grantedBytes: number;
  /** The peer has sent END_STREAM. */
  isRemoteClosed: boolean;
  /** It is our turn, or was: what the peer has sent can be answered. */
  readonly hasAsked: boolean;
  /** Nothing more is taken from the peer. */
  readonly isOver: boolean;
  /** What arrives is kept for later: the peer gets no more window. */
  readonly isParked: boolean;
  /** Held for its request head as long as it is open. */
  readonly headBytes: number;
  /** Bytes that the message being received still lacks. */
  readonly missingBytes: number;
  /** The payload of a DATA frame, without padding, in bytes[start, end). */
  receive(bytes: Buffer, start: number, end: number, isLast: boolean): void;
  /** END_STREAM came without DATA. */
  remoteClosed(): void;
  /** The stream is gone: reset, or lost with its connection. */
  reset(): void;
}
