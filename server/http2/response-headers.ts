import type { Status } from "../errors.ts";

// Our answers' header blocks. They never touch HPACK's dynamic table, so a block means the same
// wherever it is sent: the two that nearly every call needs are constants.

/** Longer error texts are cut: a block must fit one frame. */
const TEXT_BYTES_MAX = 4096;
const INDEXED = 0x80;
const STATUS_200 = 8;
const CONTENT_TYPE = 31;

/** `:status: 200`, `content-type: application/grpc` */
export const RESPONSE_HEADERS: Buffer = Buffer.concat([
  Buffer.from([INDEXED | STATUS_200]),
  contentType(),
]);

/** `grpc-status: 0` */
export const OK_TRAILERS: Buffer = literal("grpc-status", "0");

/** Announces to the peer that our use of its table has shrunk to nothing; opens a block. */
export const TABLE_SIZE_ZERO: Buffer = Buffer.from([0x20]);

export function errorTrailers(status: Status, text: string): Buffer {
  const message = percentEncode(text);
  const code = literal("grpc-status", String(status));
  return message === "" ? code : Buffer.concat([code, literal("grpc-message", message)]);
}

/** Headers and trailers in one block, for a call that ends without a message. */
export function refusalHeaders(httpStatus: number, status: Status, text: string): Buffer {
  const trailers = errorTrailers(status, text);
  if (httpStatus === 200) return Buffer.concat([RESPONSE_HEADERS, trailers]);
  return Buffer.concat([literal(":status", String(httpStatus)), contentType(), trailers]);
}

/** Of an ordinary answer. @param headers name, value, name, value … */
export function plainHeaders(status: number, headers: readonly string[]): Buffer {
  const fields = [literal(":status", String(status))];
  for (let at = 0; at < headers.length; at += 2) {
    fields.push(literal((headers[at] ?? "").toLowerCase(), headers[at + 1] ?? ""));
  }
  return Buffer.concat(fields);
}

/** gRPC's: everything but printable ASCII, and the percent sign itself, byte by byte. */
function percentEncode(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text) && text.length <= TEXT_BYTES_MAX) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (encoded.length >= TEXT_BYTES_MAX) break;
  }
  return encoded;
}

function contentType(): Buffer {
  return Buffer.concat([
    integer(CONTENT_TYPE, 0x0f, 0),
    integer("application/grpc".length, 0x7f, 0),
    Buffer.from("application/grpc", "latin1"),
  ]);
}

/** A literal field that enters no table. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0]),
    integer(name.length, 0x7f, 0),
    Buffer.from(name, "latin1"),
    integer(value.length, 0x7f, 0),
    Buffer.from(value, "latin1"),
  ]);
}

/** HPACK's integer behind the `bits` that share its first byte. */
function integer(value: number, mask: number, bits: number): Buffer {
  if (value < mask) return Buffer.from([bits | value]);
  const bytes = [bits | mask];
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
