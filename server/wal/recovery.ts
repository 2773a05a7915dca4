import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { LogState } from "./log-state.ts";
import {
  type FoundRecord,
  type LogSecret,
  type Owner,
  type RecordContent,
  RecordKind,
} from "./record.ts";
import { isLossAt, recordsOf, segmentName, segmentNumber, zeroBehind } from "./segment.ts";
import { WalCorruptionError, type WalMetadata } from "./wal.ts";

export interface KnownSegment {
  readonly number: number;
  /** The largest entry in it; 0 if none. */
  lastIndex: number;
  /** Bytes of records. 0: the crash came before its head was written. */
  end: number;
  /** Of its records; undefined: it is one of version 2. */
  secret: LogSecret | undefined;
}

export interface Recovered {
  readonly metadata: WalMetadata;
  readonly log: LogState;
  /** Ascending; the last one takes the next append. */
  readonly segments: KnownSegment[];
  /** Of the last record. */
  readonly checksum: number;
  /** Of the next segment; undefined: the log has none yet. */
  readonly secret: LogSecret | undefined;
}

/**
 * Reads the log of a directory and removes what a crash left: the torn end of the last append and
 * segments that were released. Throws `WalCorruptionError` for every other damage, and then has
 * changed nothing.
 */
export async function recover(directory: string): Promise<Recovered> {
  const reader = new LogReader(directory);
  const { released, kept } = splitAtGap(segmentsIn(directory));
  for (const number of kept) await reader.read(number, number === kept.at(-1));
  const recovered = reader.finish();
  // Not before the rest is known to be a whole log: with a lost segment it is not, and these count.
  for (const number of released) await rm(join(directory, segmentName(number)));
  await reader.zeroTail();
  return recovered;
}

/** Whether the directory holds a segment. */
export function segmentsIn(directory: string): number[] {
  return readdirSync(directory)
    .map(segmentNumber)
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
}

/** Segments before a gap were released, and a crash brought their names back; or one was lost. */
function splitAtGap(numbers: readonly number[]): { released: number[]; kept: number[] } {
  const gap = numbers.findLastIndex(
    (number, at) => at > 0 && number !== (numbers[at - 1] ?? 0) + 1,
  );
  const first = Math.max(gap, 0);
  return { released: numbers.slice(0, first), kept: numbers.slice(first) };
}

class LogReader {
  readonly #directory: string;
  readonly #log = new LogState();
  readonly #segments: KnownSegment[] = [];
  #metadata: WalMetadata | undefined;
  /** Of the last record read. */
  #checksum: number | undefined;
  /** The log's, once a head or a record has told it. */
  #secret: LogSecret | undefined;
  /** Of the last segment. */
  #tail: { readonly path: string; readonly bytes: Buffer; readonly end: number } | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(number: number, isLast: boolean): Promise<void> {
    const path = join(this.#directory, segmentName(number));
    const bytes = await readFile(path);
    const known: KnownSegment = { number, lastIndex: 0, end: 0, secret: this.#secret };
    for (const record of recordsOf(bytes, number)) {
      const { content } = record;
      if (content === undefined) throw new WalCorruptionError(path, known.end, "unknown format");
      if ((record.kind === RecordKind.HEAD) !== (known.end === 0)) {
        throw new WalCorruptionError(path, known.end, "a segment begins with its one head");
      }
      this.#take(content, record, path, known);
      known.end = record.end;
    }
    const { end } = known;
    if (isLossAt(bytes, { segment: number, offset: end, secret: known.secret })) {
      throw new WalCorruptionError(path, end, "a record was lost that later records count on");
    }
    if (end === 0 && !(isLast && this.#segments.length > 0)) {
      throw new WalCorruptionError(path, 0, "the segment has no valid head");
    }
    if (isLast) this.#tail = { path, bytes, end };
    this.#segments.push(known);
  }

  finish(): Recovered {
    const last = this.#segments.at(-1);
    if (last === undefined || this.#metadata === undefined) {
      throw new WalCorruptionError(this.#directory, 0, "the directory holds no segment");
    }
    const problem = this.#log.check();
    if (problem !== undefined) {
      const path = join(this.#directory, segmentName(last.number));
      throw new WalCorruptionError(path, last.end, problem);
    }
    return {
      metadata: this.#metadata,
      log: this.#log,
      segments: this.#segments,
      checksum: this.#checksum ?? 0,
      secret: this.#secret,
    };
  }

  async zeroTail(): Promise<void> {
    const tail = this.#tail;
    this.#tail = undefined;
    if (tail !== undefined) await zeroBehind(tail.path, tail.bytes, tail.end);
  }

  #take(content: RecordContent, record: FoundRecord, path: string, known: KnownSegment): void {
    const { owner } = content;
    const offset = known.end;
    if (owner !== undefined) {
      const previous = this.#segments.at(-1);
      if (previous !== undefined && owner.previousEnd !== previous.end) {
        const file = join(this.#directory, segmentName(previous.number));
        const detail = `the segment ends here, but had ${owner.previousEnd} bytes of records`;
        throw new WalCorruptionError(file, previous.end, detail);
      }
      this.#checkOwner(owner, path, offset);
      known.secret = owner.secret;
    }
    this.#secret ??= owner?.secret ?? content.secret;
    if (record.previous !== (this.#checksum ?? record.previous)) {
      throw new WalCorruptionError(path, offset, "the record does not follow the one before it");
    }
    this.#checksum = record.checksum;
    const problem = this.#log.apply(content);
    if (problem !== undefined) throw new WalCorruptionError(path, offset, problem);
    known.lastIndex = Math.max(known.lastIndex, content.entries.at(-1)?.index ?? 0);
  }

  #checkOwner({ metadata, secret }: Owner, path: string, offset: number): void {
    this.#metadata ??= metadata;
    const { memberId, clusterId } = this.#metadata;
    if (metadata.memberId !== memberId || metadata.clusterId !== clusterId) {
      throw new WalCorruptionError(path, offset, "the segment belongs to another member");
    }
    const told = this.#secret ?? secret;
    if (secret?.mark !== told?.mark || secret?.salt !== told?.salt) {
      throw new WalCorruptionError(path, offset, "the segment belongs to another log");
    }
  }
}
