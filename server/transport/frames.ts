import type { Message } from "../raft/message.ts";

/** The largest message etcd takes from a stream. */
export const FRAME_BYTES_MAX = 512 * 1024 * 1024;

/** Writes messages of one stream. Both ends of a stream keep the same state from its first byte. */
export interface FrameEncoder {
  /** No frame of this message is longer. */
  sizeMax(message: Message): number;
  /** Returns the offset behind the frame. */
  write(target: Buffer, offset: number, message: Message): number;
  /** Says that the line is alive. */
  readonly heartbeat: Buffer;
}

/** Reads messages of one stream. */
export interface FrameDecoder {
  /** Hands on every message that is complete. @throws WireError, after which the stream is over */
  push(chunk: Buffer): void;
}

export type MessageSink = (message: Message) => void;

/** The two kinds of stream, as they are named in paths. */
export const STREAM_KINDS = ["msgapp", "message"] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

/** 8 bytes, big endian. */
export function writeLength(target: Buffer, offset: number, value: number): number {
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset);
  target.writeUInt32BE(value % 0x1_0000_0000, offset + 4);
  return offset + 8;
}
