import { compareBytes } from "../base/bytes.ts";
import type { Order, SortTerms } from "../base/sorting.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { RangeQuery, RangeResult } from "../mvcc/key-space.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { RangeCursor } from "../mvcc/range-cursor.ts";
import type { RangeRequest } from "../proto/gen/rpc.ts";
import { RangeRequest_SortOrder, RangeRequest_SortTarget } from "../proto/gen/rpc.ts";
import { encodeRange } from "./response.ts";

/** Records of an answer that are read or encoded at once, or their bytes. */
export const SLICE_RECORDS = 1024;
export const SLICE_BYTES = 512 * 1024;

/** What can be read at a revision: the store, or a transaction that sees its own writes. */
export interface RangeSource {
  readonly revision: number;
  /** -1: never compacted. */
  readonly compactRevision: number;
  /** Keys ascending; `count` ignores the limit. Throws Compacted or FutureRev. */
  range(query: RangeQuery): RangeResult;
  /** Of the store as it was before the transaction; must be closed. Throws as `range`. */
  openRange(query: RangeQuery): RangeCursor;
}

export interface RangeAnswer {
  /** Keys of the range, and how many of them are in the answer. */
  readonly count: number;
  readonly records: number;
  /** The RangeResponse without its header. */
  readonly bytes: Buffer;
}

/** Answers a Range at once. @throws EtcdError Compacted, FutureRev */
export function answerRange(source: RangeSource, request: RangeRequest): RangeAnswer {
  const { records: found, count } = source.range(rangeQuery(request));
  if (request.countOnly) return { count, records: 0, bytes: encodeRange([], false, count) };
  const { records, more } = selectRecords(found, request);
  const bytes = encodeRange(recordBytes(records, request.keysOnly), more, count);
  return { count, records: records.length, bytes };
}

/** What to fetch: everything when sorting or filtering decides, else one more than the limit. */
export function rangeQuery(request: RangeRequest): RangeQuery {
  const limit = needsAll(request) || request.limit <= 0 ? 0 : request.limit + 1;
  const { key, rangeEnd, countOnly } = request;
  return { key, rangeEnd, revision: Math.max(request.revision, 0), limit, countOnly };
}

/** Whether every record of the range must be looked at before the first can be sent. */
export function needsAll(request: RangeRequest): boolean {
  return request.sortOrder !== RangeRequest_SortOrder.NONE || isFiltered(request);
}

/** Filters, sorts and cuts fetched records as the request asks. */
export function selectRecords(
  fetched: readonly KeyValueRecord[],
  request: RangeRequest,
): { readonly records: readonly KeyValueRecord[]; readonly more: boolean } {
  let records = filterRecords(fetched, request);
  const compare = recordOrder(request);
  if (compare !== undefined) records = [...records].sort(compare);
  const more = request.limit > 0 && records.length > request.limit;
  return { records: more ? records.slice(0, request.limit) : records, more };
}

/** What of `fetched` the request's revision bounds let through. */
export function filterRecords(
  fetched: readonly KeyValueRecord[],
  request: RangeRequest,
): readonly KeyValueRecord[] {
  return isFiltered(request) ? fetched.filter((each) => passes(each, request)) : fetched;
}

/** What `encode` makes of so many records at a time, with pauses in between. */
export function* encodingSlices(
  records: readonly KeyValueRecord[],
  encode: (slice: readonly KeyValueRecord[]) => Buffer,
): Steps<Buffer[]> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < records.length; ) {
    if (at > 0) yield;
    const end = sliceEnd(records, at);
    chunks.push(encode(records.slice(at, end)));
    at = end;
  }
  return chunks;
}

/** Behind the last record of the slice that begins at `at`. */
export function sliceEnd(records: readonly KeyValueRecord[], at: number): number {
  const last = Math.min(records.length, at + SLICE_RECORDS);
  let end = at;
  for (let bytes = 0; end < last && bytes < SLICE_BYTES; end++) {
    bytes += records[end]?.bytes.length ?? 0;
  }
  return end;
}

export function recordBytes(records: readonly KeyValueRecord[], keysOnly: boolean): Buffer[] {
  return records.map((record) => (keysOnly ? record.bytesWithoutValue : record.bytes));
}

/** What a source has to read, whatever it holds. */
export type ReadableRevisions = Pick<RangeSource, "revision" | "compactRevision">;

/** Throws what a Range at `revision` would, without reading. A negative one is taken as it is. */
export function checkRevision(source: ReadableRevisions, revision: number): void {
  if (revision === 0) return;
  if (revision > source.revision) throw new EtcdError("FutureRev");
  if (revision < source.compactRevision) throw new EtcdError("Compacted");
}

function isFiltered(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return (
    minModRevision !== 0 ||
    maxModRevision !== 0 ||
    minCreateRevision !== 0 ||
    maxCreateRevision !== 0
  );
}

function passes(record: KeyValueRecord, request: RangeRequest): boolean {
  const { modRevision, createRevision } = record;
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (maxModRevision !== 0 && modRevision > maxModRevision) return false;
  if (minModRevision !== 0 && modRevision < minModRevision) return false;
  if (maxCreateRevision !== 0 && createRevision > maxCreateRevision) return false;
  return minCreateRevision === 0 || createRevision >= minCreateRevision;
}

type RecordOrder = Order<KeyValueRecord>;

/** Undefined where the order of the fetch, keys ascending, is already the one asked for. */
export function recordOrder(request: RangeRequest): RecordOrder | undefined {
  const { sortOrder, sortTarget } = request;
  const isDescending = sortOrder === RangeRequest_SortOrder.DESCEND;
  if (sortTarget === RangeRequest_SortTarget.KEY && !isDescending) return undefined;
  const ascending = ORDERS[sortTarget] ?? ORDERS[RangeRequest_SortTarget.KEY];
  return isDescending ? (a, b) => ascending(b, a) : ascending;
}

/** For sorting in slices, where only so many of the first are wanted. */
export function recordTerms(most: number): SortTerms<KeyValueRecord> {
  return { most, sizeOf: ({ bytes }) => bytes.length };
}

const ORDERS = {
  [RangeRequest_SortTarget.KEY]: (a, b) => compareBytes(a.key, b.key),
  [RangeRequest_SortTarget.VERSION]: (a, b) => a.version - b.version,
  [RangeRequest_SortTarget.CREATE]: (a, b) => a.createRevision - b.createRevision,
  [RangeRequest_SortTarget.MOD]: (a, b) => a.modRevision - b.modRevision,
  [RangeRequest_SortTarget.VALUE]: (a, b) => compareBytes(a.value, b.value),
} satisfies Record<RangeRequest_SortTarget, RecordOrder>;
