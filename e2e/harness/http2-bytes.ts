// HTTP/2 byte by byte, for what no client library would send.
import { Flag, FrameType } from "../../server/http2/protocol.ts";

/** @param length that it claims, where it is not the payload's */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer,
  length: number = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const SETTINGS: Buffer = frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(0));

/** A header block of literal fields, each shorter than 127 bytes. */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).map(([name, value]) => {
      const [n, v] = [Buffer.from(name), Buffer.from(value)];
      return Buffer.concat([Buffer.from([0, n.length]), n, Buffer.from([v.length]), v]);
    }),
  );
}

/** Of a call to Put, as gRPC has it. */
export const PUT_HEADERS: Readonly<Record<string, string>> = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/etcdserverpb.KV/Put",
  "content-type": "application/grpc",
  te: "trailers",
};

/** A Put begins on this stream. */
export function openedCall(stream = 1, more: Readonly<Record<string, string>> = {}): Buffer {
  const block = headerBlock({ ...PUT_HEADERS, ...more });
  return frame(FrameType.HEADERS, Flag.END_HEADERS, stream, block);
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** The frames that are whole. */
export function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

/** With which a connection was told to go; undefined when it was not. */
export function goodbyeOf(bytes: Buffer): number | undefined {
  return framesOf(bytes)
    .find(({ type }) => type === FrameType.GOAWAY)
    ?.payload.readUInt32BE(4);
}

const PING_PAYLOAD = Buffer.from("are here");

/** It is answered once all that was said before it has been read. */
export const PING: Buffer = frame(FrameType.PING, 0, 0, PING_PAYLOAD);
const PONG = frame(FrameType.PING, Flag.ACK, 0, PING_PAYLOAD);

/** Whether `PING` was answered. */
export function hasPong(heard: Buffer): boolean {
  return heard.includes(PONG);
}

export function dataFrame(payload: Buffer, stream = 1): Buffer {
  return frame(FrameType.DATA, 0, stream, payload);
}
