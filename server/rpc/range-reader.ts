import {
  answerRange,
  filterRecords,
  needsAll,
  type RecordOrder,
  rangeQuery,
  recordBytes,
  recordOrder,
  selectRecords,
} from "../apply/range.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { encodeRangeEnd, encodeRecords } from "../apply/response.ts";
import { decideReadOnlyTxn, encodeReadOnlyTxn } from "../apply/txn.ts";
import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { RangeCursor } from "../mvcc/range-cursor.ts";
import type { MvccStore } from "../mvcc/store.ts";
import type { RangeRequest, TxnRequest } from "../proto/gen/rpc.ts";

/** Keys that a range may have to be answered within one turn. */
const SMALL_COUNT = 256;
/** One slice of a longer one: records, or their bytes. */
const SLICE_RECORDS = 1024;
const SLICE_BYTES = 512 * 1024;
/** Records merged in one slice. */
const MERGE_SLICE = 8192;

/** The RangeResponse without its header, in pieces. */
export interface RangeAnswer {
  readonly revision: number;
  readonly chunks: readonly Buffer[];
}

/** A range that takes turns to read, and the store that its cursor reads. */
interface OpenRange {
  readonly request: RangeRequest;
  readonly kv: MvccStore;
  readonly cursor: RangeCursor;
}

/** Answers ranges from local state, long ones in slices so that no turn stalls. */
export class RangeReader {
  readonly #state: ReplicatedState;
  readonly #clock: Clock;

  constructor(state: ReplicatedState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** @throws EtcdError Compacted, FutureRev, LeaderChanged */
  read(request: RangeRequest): RangeAnswer | Promise<RangeAnswer> {
    const { kv, operationCounts } = this.#state;
    operationCounts.read(1);
    if (request.rangeEnd.length === 0 || request.countOnly) {
      return { revision: kv.revision, chunks: [answerRange(kv, request)] };
    }
    const { revision } = kv;
    const cursor = kv.openRange(rangeQuery(request));
    const wanted = request.limit > 0 && !needsAll(request) ? request.limit : cursor.count;
    if (Math.min(wanted, cursor.count) > SMALL_COUNT) {
      return this.#readSliced({ request, kv, cursor }, revision);
    }
    try {
      const { records, more } = selectRecords(cursor.next(SMALL_COUNT + 1), request);
      const body = encodeRecords(recordBytes(records, request.keysOnly));
      return { revision, chunks: [body, encodeRangeEnd(more, cursor.count)] };
    } finally {
      cursor.close();
    }
  }

  /**
   * Answers a transaction of ranges only, all at one revision: the TxnResponse without its header.
   * @throws EtcdError Compacted, FutureRev, LeaderChanged
   */
  async readTxn(request: TxnRequest): Promise<{ revision: number; body: Buffer }> {
    const { kv, operationCounts } = this.#state;
    const { revision } = kv;
    const { hasSucceeded, ranges } = decideReadOnlyTxn(kv, request);
    operationCounts.read(request.compare.length + ranges.length);
    const answers: Buffer[] = [];
    const pinned: (OpenRange & { at: number })[] = [];
    try {
      // What takes turns to read is pinned now, before anything can be written.
      for (const [at, request] of ranges.entries()) {
        const isShort = request.rangeEnd.length === 0 || request.countOnly;
        if (isShort) answers[at] = answerRange(kv, request);
        else pinned.push({ request, kv, cursor: kv.openRange(rangeQuery(request)), at });
      }
      for (const open of pinned) {
        const { chunks } = await this.#readSliced(open, revision);
        answers[open.at] = Buffer.concat(chunks);
      }
    } finally {
      for (const { cursor } of pinned) cursor.close();
    }
    return { revision, body: encodeReadOnlyTxn(hasSucceeded, revision, answers) };
  }

  async #readSliced(open: OpenRange, revision: number): Promise<RangeAnswer> {
    try {
      const { request } = open;
      const isDirect = !needsAll(request) && request.sortTarget === 0;
      const chunks = isDirect ? await this.#encodeSlices(open) : await this.#collectSlices(open);
      return { revision, chunks };
    } finally {
      open.cursor.close();
    }
  }

  /** The order of the keys is the order asked for: every slice is encoded as it comes. */
  async #encodeSlices(open: OpenRange): Promise<Buffer[]> {
    const { request, cursor } = open;
    const chunks: Buffer[] = [];
    let left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
    for await (const records of this.#slices(open)) {
      const sent = records.length > left ? records.slice(0, left) : records;
      left -= sent.length;
      chunks.push(encodeRecords(recordBytes(sent, request.keysOnly)));
      if (left === 0) break;
    }
    const more = request.limit > 0 && cursor.count > request.limit;
    chunks.push(encodeRangeEnd(more, cursor.count));
    return chunks;
  }

  /** Every slice is filtered and sorted as it comes; the sorted runs are merged in slices too. */
  async #collectSlices(open: OpenRange): Promise<Buffer[]> {
    const { request, cursor } = open;
    const order = recordOrder(request);
    const most = request.limit > 0 ? request.limit + 1 : Number.POSITIVE_INFINITY;
    let runs: (readonly KeyValueRecord[])[] = [];
    for await (const records of this.#slices(open)) {
      const run = filterRecords(records, request);
      runs.push(order === undefined ? run : [...run].sort(order).slice(0, most));
    }
    while (order !== undefined && runs.length > 1) {
      const merged: (readonly KeyValueRecord[])[] = [];
      for (let at = 0; at < runs.length; at += 2) {
        merged.push(await this.#merge(runs[at] ?? [], runs[at + 1] ?? [], order, most));
      }
      runs = merged;
    }
    const chunks: Buffer[] = [];
    let left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
    let found = 0;
    for (const run of runs) {
      found += run.length;
      for (let at = 0; at < run.length && left > 0; at += SLICE_RECORDS) {
        const records = run.slice(at, at + Math.min(SLICE_RECORDS, left));
        left -= records.length;
        chunks.push(encodeRecords(recordBytes(records, request.keysOnly)));
        await this.#pause();
      }
    }
    chunks.push(encodeRangeEnd(request.limit > 0 && found > request.limit, cursor.count));
    return chunks;
  }

  async #merge(
    left: readonly KeyValueRecord[],
    right: readonly KeyValueRecord[],
    order: RecordOrder,
    most: number,
  ): Promise<KeyValueRecord[]> {
    const merged: KeyValueRecord[] = [];
    let a = 0;
    let b = 0;
    while (merged.length < most) {
      const [first, second] = [left[a], right[b]];
      if (first === undefined && second === undefined) break;
      const isLeft = second === undefined || (first !== undefined && order(first, second) <= 0);
      merged.push((isLeft ? left[a++] : right[b++]) as KeyValueRecord);
      if (merged.length % MERGE_SLICE === 0) await this.#pause();
    }
    return merged;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#clock.soon(resolve));
  }

  async *#slices({ kv, cursor }: OpenRange): AsyncGenerator<KeyValueRecord[]> {
    while (!cursor.isDone) {
      // A snapshot took the place of what the cursor reads, maybe while it waited for its turn.
      if (this.#state.isReplacing || this.#state.kv !== kv) throw new EtcdError("LeaderChanged");
      yield cursor.next(SLICE_RECORDS, SLICE_BYTES);
      if (!cursor.isDone) await this.#pause();
    }
  }
}
