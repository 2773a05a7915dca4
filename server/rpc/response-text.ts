// What a warning about a slow read says of its answer. The answer may be long: it is stepped through,
// as far as that has to be, not decoded.
import { ResponseHeader } from "../proto/gen/rpc.ts";
import { WireReader, WireType } from "../proto/wire.ts";

const HEADER_FIELD = 1;
/** Of a RangeResponse. */
const RECORD_FIELD = 2;
/** Of a TxnResponse, and of a ResponseOp. */
const RESPONSES_FIELD = 3;
const RANGE_FIELD = 1;

/** @param bytes a RangeResponse of so many records, its header in front */
export function rangeText(bytes: Buffer, records: number): string {
  const reader = new WireReader(bytes);
  const hasHeader = !reader.isAtEnd && reader.tag() >>> 3 === HEADER_FIELD;
  const added = hasHeader ? addedBytes(reader.bytes()) : 0;
  return `range_response_count:${records} size:${bytes.length - added}`;
}

/** @param bytes a TxnResponse of ranges only */
export function readTxnText(bytes: Buffer): string {
  const counts: string[] = [];
  let added = 0;
  eachField(bytes, (field, content) => {
    if (field === HEADER_FIELD) added = addedBytes(content());
    else if (field === RESPONSES_FIELD)
      counts.push(`range_response_count:${rangeCount(content())}`);
  });
  return `responses:<${counts.join(" ")}> size:${bytes.length - added}`;
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

/** Records in the range of a ResponseOp. */
function rangeCount(bytes: Buffer): number {
  let records = 0;
  eachField(bytes, (field, content) => {
    if (field !== RANGE_FIELD) return;
    eachField(content(), (inner) => {
      if (inner === RECORD_FIELD) records++;
    });
  });
  return records;
}

function eachField(bytes: Buffer, callback: (field: number, content: () => Buffer) => void): void {
  const reader = new WireReader(bytes);
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    let isRead = false;
    callback(tag >>> 3, () => {
      isRead = true;
      return reader.bytes();
    });
    if (!isRead) reader.skip(tag);
  }
}

/** What a header has beyond the revision: etcd measures a response before it adds that. */
function addedBytes(bytes: Buffer): number {
  const { revision } = ResponseHeader.decode(bytes);
  const bare = ResponseHeader.encode(ResponseHeader.fromPartial({ revision })).finish();
  return bytes.length - bare.length;
}
