import { closeSync, fdatasync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import {
  type FoundRecord,
  HEADER_BYTES,
  type LogSecret,
  markAt,
  type Place,
  parseBody,
  type RecordContent,
  RecordKind,
  readHeader,
  readRecord,
  recordBytes,
  writeRecord,
} from "./record.ts";

const SEGMENT_FILE = /^([0-9a-f]{16})\.wal$/;
/** Records up to the larger size are put together in memory that is kept for the next one. */
const STAGING_BYTES = 256 * 1024;
const STAGING_BYTES_MAX = 8 * 1024 * 1024;
const BLOCK = Buffer.alloc(4096);
/**
 * Bytes to checksum while looking for records behind a damaged one, before giving up. What carries
 * the log's mark comes nowhere near it; in a segment of version 2 values that pose as records can.
 */
const SEARCH_BYTES_MAX = 1024 * 1024 * 1024;

export const ZEROS: Buffer = Buffer.alloc(1024 * 1024);

const syncData = promisify(fdatasync);

/** `segment` counts from 1 and never repeats. */
export function segmentName(segment: number): string {
  return `${segment.toString(16).padStart(16, "0")}.wal`;
}

/** The number of a segment's file, or undefined if the file is none. */
export function segmentNumber(name: string): number | undefined {
  const digits = SEGMENT_FILE.exec(name)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** Where a segment is written on. */
export interface SegmentEnd {
  readonly segment: number;
  /** End of the records that are there; all of them synced. */
  readonly position: number;
  /** Checksum of the last record before `position`, be it in the segment before. */
  readonly previous: number;
  /** Undefined: the segment is one of version 2, and stays one. */
  readonly secret: LogSecret | undefined;
}

/** A verified record, and what it says; undefined: made by another version, or not by us. */
export interface ParsedRecord extends FoundRecord {
  readonly content: RecordContent | undefined;
}

/** Appends records to one segment's file. */
export class SegmentWriter {
  readonly segment: number;
  readonly #fd: number;
  readonly #secret: LogSecret | undefined;
  #position: number;
  #durable: number;
  #previous: number;
  #staging = Buffer.allocUnsafeSlow(STAGING_BYTES);

  constructor(path: string, { segment, position, previous, secret }: SegmentEnd) {
    this.segment = segment;
    this.#fd = openSync(path, "r+");
    this.#secret = secret;
    this.#position = position;
    this.#durable = position;
    this.#previous = previous;
  }

  /** Checksum of the last record. */
  get lastChecksum(): number {
    return this.#previous;
  }

  get position(): number {
    return this.#position;
  }

  get isSynced(): boolean {
    return this.#durable === this.#position;
  }

  /** Blocks for the copy into the page cache, not for the disk. */
  write(kind: RecordKind, content: RecordContent): void {
    const needed = recordBytes(content);
    const staging = this.#stagingFor(needed);
    const secret = kind === RecordKind.HEAD ? undefined : this.#secret;
    const place = { segment: this.segment, offset: this.#position, secret };
    const past = { durable: this.#durable, previous: this.#previous };
    const { length, checksum } = writeRecord(staging, kind, place, past, content);
    for (let done = 0; done < length; ) {
      done += writeSync(this.#fd, staging, done, length - done, this.#position + done);
    }
    this.#position += length;
    this.#previous = checksum;
  }

  /** In the pool. An error means that nothing is known about what the disk holds. */
  async sync(): Promise<void> {
    const position = this.#position;
    await syncData(this.#fd);
    this.#durable = position;
  }

  /** As `sync`, and everything else waits. */
  syncNow(): void {
    fdatasyncSync(this.#fd);
    this.#durable = this.#position;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #stagingFor(bytes: number): Buffer {
    if (bytes <= this.#staging.length) return this.#staging;
    const longer = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#staging.length));
    if (longer.length <= STAGING_BYTES_MAX) this.#staging = longer;
    return longer;
  }
}

/** The records from the start of a segment up to the first place that holds none. */
export function* recordsOf(bytes: Buffer, segment: number): Generator<ParsedRecord> {
  let offset = 0;
  let secret: LogSecret | undefined;
  for (;;) {
    const record = readRecord(bytes, { segment, offset, secret });
    if (record === undefined) return;
    const content = parseBody(record.body);
    if (offset === 0) secret = content?.owner?.secret;
    yield { ...record, content };
    offset = record.end;
  }
}

/**
 * Whether data was lost at a place where the records of a segment stop: some record behind it was
 * written when this place had been synced already. A crash in the middle of a write cannot do that.
 */
export function isLossAt(bytes: Buffer, place: Place): boolean {
  const { offset } = place;
  const mark = markAt(place);
  let budget = SEARCH_BYTES_MAX;
  for (let at = nextNonZero(bytes, offset); at + HEADER_BYTES <= bytes.length; ) {
    const header = readHeader(bytes, at, mark);
    if (header !== undefined && (place.secret !== undefined || isBody(bytes, at, header.length))) {
      budget -= header.length;
      const record = readRecord(bytes, { ...place, offset: at });
      if (record !== undefined && record.durable > offset) return true;
      if (budget < 0) return true;
      at = record?.end ?? at + 8;
    } else {
      at = nextNonZero(bytes, at + 8);
    }
  }
  return false;
}

/** Without a mark any number may pass for a length; what a body says is told in fewer bytes. */
function isBody(bytes: Buffer, at: number, length: number): boolean {
  const from = at + HEADER_BYTES;
  return parseBody(bytes.subarray(from, from + length)) !== undefined;
}

/** The first multiple of 8 at or behind `from` whose block may hold something. */
function nextNonZero(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && at % BLOCK.length === 0) {
    const block = bytes.subarray(at, at + BLOCK.length);
    if (!block.equals(BLOCK.subarray(0, block.length))) break;
    at += BLOCK.length;
  }
  return at;
}

/** Overwrites with zeros what lies behind the end of the log, durably. */
export async function zeroBehind(path: string, bytes: Buffer, end: number): Promise<void> {
  let last = bytes.length;
  const { length: block } = BLOCK;
  while (last - block > end && bytes.subarray(last - block, last).equals(BLOCK)) last -= block;
  while (last > end && bytes[last - 1] === 0) last--;
  const handle: FileHandle = await open(path, "r+");
  try {
    for (let at = end; at < last; ) {
      const length = Math.min(ZEROS.length, last - at);
      at += (await handle.write(ZEROS, 0, length, at)).bytesWritten;
    }
    // Also without a tail: what was read may be in the page cache only.
    await handle.sync();
  } finally {
    await handle.close();
  }
}
