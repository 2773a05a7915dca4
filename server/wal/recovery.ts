import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { LogState } from "./log-state.ts";
import { type FoundRecord, parseBody, type RecordContent, RecordKind } from "./record.ts";
import { isLossAt, recordsOf, segmentName, segmentNumber, zeroBehind } from "./segment.ts";
import { WalCorruptionError, type WalMetadata } from "./wal.ts";

export interface KnownSegment {
  readonly number: number;
  /** The largest entry in it; 0 if none. */
  lastIndex: number;
  /** Bytes of records. 0: the crash came before its head was written. */
  end: number;
}

export interface Recovered {
  readonly metadata: WalMetadata;
  readonly log: LogState;
  /** Ascending; the last one takes the next append. */
  readonly segments: KnownSegment[];
  /** Of the last record. */
  readonly checksum: number;
}

/**
 * Reads the log of a directory and removes what a crash left: the torn end of the last append and
 * segments that were released. Throws `WalCorruptionError` for every other damage.
 */
export async function recover(directory: string): Promise<Recovered> {
  const reader = new LogReader(directory);
  const numbers = await keepContiguous(directory);
  for (const number of numbers) {
    await reader.read(number, number === numbers.at(-1));
  }
  return reader.finish();
}

/** Whether the directory holds a segment. */
export function segmentsIn(directory: string): number[] {
  return readdirSync(directory)
    .map(segmentNumber)
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
}

/** Segments before a gap were released; a crash brought their names back. */
async function keepContiguous(directory: string): Promise<number[]> {
  const numbers = segmentsIn(directory);
  const gap = numbers.findLastIndex(
    (number, at) => at > 0 && number !== (numbers[at - 1] ?? 0) + 1,
  );
  const released = gap < 0 ? [] : numbers.splice(0, gap);
  for (const number of released) await rm(join(directory, segmentName(number)));
  return numbers;
}

class LogReader {
  readonly #directory: string;
  readonly #log = new LogState();
  readonly #segments: KnownSegment[] = [];
  #metadata: WalMetadata | undefined;
  /** Of the last record read. */
  #checksum: number | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(number: number, isLast: boolean): Promise<void> {
    const path = join(this.#directory, segmentName(number));
    const bytes = await readFile(path);
    const known: KnownSegment = { number, lastIndex: 0, end: 0 };
    for (const record of recordsOf(bytes, number)) {
      const content = parseBody(record.body);
      if (content === undefined) throw new WalCorruptionError(path, known.end, "unknown format");
      if ((record.kind === RecordKind.HEAD) !== (known.end === 0)) {
        throw new WalCorruptionError(path, known.end, "a segment begins with its one head");
      }
      this.#take(content, record, path, known);
      known.end = record.end;
    }
    const { end } = known;
    if (isLossAt(bytes, number, end)) {
      throw new WalCorruptionError(path, end, "a record was lost that later records count on");
    }
    if (end === 0 && !(isLast && this.#segments.length > 0)) {
      throw new WalCorruptionError(path, 0, "the segment has no valid head");
    }
    if (isLast) await zeroBehind(path, bytes, end);
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
    };
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
      this.#checkOwner(owner.metadata, path, offset);
    }
    if (record.previous !== (this.#checksum ?? record.previous)) {
      throw new WalCorruptionError(path, offset, "the record does not follow the one before it");
    }
    this.#checksum = record.checksum;
    const problem = this.#log.apply(content);
    if (problem !== undefined) throw new WalCorruptionError(path, offset, problem);
    known.lastIndex = Math.max(known.lastIndex, content.entries.at(-1)?.index ?? 0);
  }

  #checkOwner(metadata: WalMetadata, path: string, offset: number): void {
    this.#metadata ??= metadata;
    const { memberId, clusterId } = this.#metadata;
    if (metadata.memberId !== memberId || metadata.clusterId !== clusterId) {
      throw new WalCorruptionError(path, offset, "the segment belongs to another member");
    }
  }
}
