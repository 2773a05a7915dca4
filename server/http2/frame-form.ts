import { ConnectionError, ErrorCode } from "./protocol.ts";

/** Bytes of padding at the end, from the first byte of the payload. */
export function padding(bytes: Buffer, start: number, end: number): number {
  const length = start < end ? (bytes[start] as number) : end;
  if (length >= end - start) throw protocolError("more padding than payload");
  return length;
}

/** @throws ConnectionError for a frame on a stream that it may not be on, or of another length */
export function requireForm(isRightStream: boolean, length: number, expected: number): void {
  if (!isRightStream) throw protocolError("a frame on the wrong stream");
  if (length !== expected) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${length} bytes instead of ${expected}`);
  }
}

export function protocolError(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, text);
}
