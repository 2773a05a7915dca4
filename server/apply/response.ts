// Response messages by hand, without their headers. A record is stored in the encoding in which it
// is sent, so that answering a range is little more than copying its records behind one another.
import { EMPTY_BYTES } from "../base/bytes.ts";
import { bytesFieldSize, uintSize, writeBytes, writeUint } from "../proto/wire.ts";

const TAG_HEADER = 0x0a;
const TAG_HEADER_REVISION = 0x18;
const TAG_SECOND_BYTES = 0x12;
const TAG_SECOND_NUMBER = 0x10;
const TAG_THIRD_BYTES = 0x1a;
const TAG_THIRD_NUMBER = 0x18;
const TAG_FOURTH_NUMBER = 0x20;

/** A transaction whose compares held. */
const SUCCEEDED = Buffer.from([TAG_SECOND_NUMBER, 1]);
/** A header that is there and says nothing, as nested transactions have it. */
const EMPTY_HEADER = Buffer.from([TAG_HEADER, 0]);

/** Which member of ResponseOp a response is; the numbers are the field numbers. */
export const ResponseKind = { RANGE: 1, PUT: 2, DELETE_RANGE: 3, TXN: 4 } as const;
export type ResponseKind = (typeof ResponseKind)[keyof typeof ResponseKind];

/** Encoded KeyValues as field 2, one after the other: a part of a RangeResponse. */
export function encodeRecords(records: readonly Buffer[]): Buffer {
  return encodeField(TAG_SECOND_BYTES, records);
}

/** The end of a RangeResponse: `more` and `count`. */
export function encodeRangeEnd(more: boolean, count: number): Buffer {
  const bytes = Buffer.allocUnsafe((more ? 2 : 0) + numberSize(count));
  let at = 0;
  if (more) {
    bytes[at++] = TAG_THIRD_NUMBER;
    bytes[at++] = 1;
  }
  writeNumber(bytes, at, TAG_FOURTH_NUMBER, count);
  return bytes;
}

export function encodeRange(records: readonly Buffer[], more: boolean, count: number): Buffer {
  let size = (more ? 2 : 0) + numberSize(count);
  for (const record of records) size += bytesFieldSize(1, record.length);
  const written = writeRecords(Buffer.allocUnsafe(size), 0, TAG_SECOND_BYTES, records);
  let at = written.at;
  if (more) {
    written.bytes[at++] = TAG_THIRD_NUMBER;
    written.bytes[at++] = 1;
  }
  writeNumber(written.bytes, at, TAG_FOURTH_NUMBER, count);
  return written.bytes;
}

/** @param previous the encoded KeyValue that was overwritten, when the client asked for it */
export function encodePut(previous: Buffer | undefined): Buffer {
  return previous === undefined ? EMPTY_BYTES : encodeRecords([previous]);
}

/** The begin of a DeleteRangeResponse. */
export function encodeDeleted(deleted: number): Buffer {
  const bytes = Buffer.allocUnsafe(numberSize(deleted));
  writeNumber(bytes, 0, TAG_SECOND_NUMBER, deleted);
  return bytes;
}

/** Encoded KeyValues as field 3, one after the other: a part of a DeleteRangeResponse. */
export function encodePrevious(records: readonly Buffer[]): Buffer {
  return encodeField(TAG_THIRD_BYTES, records);
}

/** @param responses from `encodeResponseOp`, one behind the other */
export function encodeTxn(hasSucceeded: boolean, responses: readonly Buffer[]): readonly Buffer[] {
  return hasSucceeded ? [SUCCEEDED, ...responses] : responses;
}

/**
 * One response of a TxnResponse, in pieces: its header holds only the revision, and a nested
 * transaction's nothing at all.
 * @param body the response without its header
 */
export function encodeResponseOp(
  kind: ResponseKind,
  revision: number,
  body: readonly Buffer[],
): readonly Buffer[] {
  const isTxn = kind === ResponseKind.TXN;
  const headerSize = isTxn ? EMPTY_HEADER.length : bytesFieldSize(1, numberSize(revision));
  const length = headerSize + totalSize(body);
  const opLength = bytesFieldSize(1, length);
  const head = Buffer.allocUnsafe(bytesFieldSize(1, opLength) - totalSize(body));
  head[0] = TAG_THIRD_BYTES;
  let at = writeUint(head, 1, opLength);
  head[at++] = (kind << 3) | 2;
  at = writeUint(head, at, length);
  if (isTxn) EMPTY_HEADER.copy(head, at);
  else {
    head[at++] = TAG_HEADER;
    at = writeUint(head, at, numberSize(revision));
    writeNumber(head, at, TAG_HEADER_REVISION, revision);
  }
  return [head, ...body];
}

export function totalSize(chunks: readonly Buffer[]): number {
  let size = 0;
  for (const { length } of chunks) size += length;
  return size;
}

function encodeField(tag: number, records: readonly Buffer[]): Buffer {
  let size = 0;
  for (const record of records) size += bytesFieldSize(1, record.length);
  return writeRecords(Buffer.allocUnsafe(size), 0, tag, records).bytes;
}

function writeRecords(
  bytes: Buffer,
  start: number,
  tag: number,
  records: readonly Buffer[],
): { bytes: Buffer; at: number } {
  let at = start;
  for (const record of records) {
    bytes[at++] = tag;
    at = writeBytes(bytes, at, record);
  }
  return { bytes, at };
}

/** Bytes of a number field with a one-byte tag; zero is left out. */
function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + uintSize(value);
}

function writeNumber(bytes: Buffer, start: number, tag: number, value: number): number {
  if (value === 0) return start;
  bytes[start] = tag;
  return writeUint(bytes, start + 1, value);
}
