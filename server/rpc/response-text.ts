// What a warning about a slow read says of its answer. The answer may be long: it is neither decoded
// nor looked through.
import { ResponseHeader } from "../proto/gen/rpc.ts";
import { WireReader, WireType } from "../proto/wire.ts";

const HEADER_FIELD = 1;

/** @param bytes a RangeResponse of so many records, its header in front */
export function rangeText(bytes: Buffer, records: number): string {
  return `range_response_count:${records} size:${sizeOf(bytes)}`;
}

/**
 * @param bytes a TxnResponse of ranges only, its header in front
 * @param records of each range
 */
export function readTxnText(bytes: Buffer, records: readonly number[]): string {
  const counts = records.map((count) => `range_response_count:${count}`);
  return `responses:<${counts.join(" ")}> size:${sizeOf(bytes)}`;
}

/**
 * A number of a message on its first level; 0 where it is absent. Fields stand in the order of
 * their numbers: what is behind it is not looked at.
 */
export function numberIn(message: Uint8Array, field: number): number {
  const reader = new WireReader(Buffer.from(message.buffer, message.byteOffset, message.length));
  let number = 0;
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    if (tag >>> 3 > field) break;
    if (tag === field * 8 + WireType.VARINT) number = reader.uint();
    else reader.skip(tag);
  }
  return number;
}

/** As etcd measures a response: before it adds what a header has beyond the revision. */
function sizeOf(bytes: Buffer): number {
  const reader = new WireReader(bytes);
  const hasHeader = !reader.isAtEnd && reader.tag() >>> 3 === HEADER_FIELD;
  if (!hasHeader) return bytes.length;
  const header = reader.bytes();
  const { revision } = ResponseHeader.decode(header);
  const bare = ResponseHeader.encode(ResponseHeader.fromPartial({ revision })).finish();
  return bytes.length - header.length + bare.length;
}
