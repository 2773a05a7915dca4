import { answerRange, needsAll, rangeQuery, recordBytes, selectRecords } from "../apply/range.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { encodeRangeEnd, encodeRecords } from "../apply/response.ts";
import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { RangeCursor } from "../mvcc/range-cursor.ts";
import type { RangeRequest } from "../proto/gen/rpc.ts";

/** Keys that a range may have to be answered within one turn. */
const SMALL_COUNT = 256;
/** One slice of a longer one: records, or their bytes. */
const SLICE_RECORDS = 2048;
const SLICE_BYTES = 1024 * 1024;

/** The RangeResponse without its header, in pieces. */
export interface RangeAnswer {
  readonly revision: number;
  readonly chunks: readonly Buffer[];
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
    const { kv } = this.#state;
    if (request.rangeEnd.length === 0 || request.countOnly) {
      return { revision: kv.revision, chunks: [answerRange(kv, request)] };
    }
    const { revision } = kv;
    const cursor = kv.openRange(rangeQuery(request));
    const wanted = request.limit > 0 && !needsAll(request) ? request.limit : cursor.count;
    if (Math.min(wanted, cursor.count) > SMALL_COUNT) {
      return this.#readSliced(request, cursor, revision);
    }
    try {
      const { records, more } = selectRecords(cursor.next(SMALL_COUNT + 1), request);
      const body = encodeRecords(recordBytes(records, request.keysOnly));
      return { revision, chunks: [body, encodeRangeEnd(more, cursor.count)] };
    } finally {
      cursor.close();
    }
  }

  async #readSliced(
    request: RangeRequest,
    cursor: RangeCursor,
    revision: number,
  ): Promise<RangeAnswer> {
    try {
      const isDirect = !needsAll(request) && request.sortTarget === 0;
      const chunks = isDirect
        ? await this.#encodeSlices(request, cursor)
        : await this.#collectSlices(request, cursor);
      return { revision, chunks };
    } finally {
      cursor.close();
    }
  }

  /** The order of the keys is the order asked for: every slice is encoded as it comes. */
  async #encodeSlices(request: RangeRequest, cursor: RangeCursor): Promise<Buffer[]> {
    const chunks: Buffer[] = [];
    let left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
    for await (const records of this.#slices(cursor)) {
      const sent = records.length > left ? records.slice(0, left) : records;
      left -= sent.length;
      chunks.push(encodeRecords(recordBytes(sent, request.keysOnly)));
      if (left === 0) break;
    }
    const more = request.limit > 0 && cursor.count > request.limit;
    chunks.push(encodeRangeEnd(more, cursor.count));
    return chunks;
  }

  async #collectSlices(request: RangeRequest, cursor: RangeCursor): Promise<Buffer[]> {
    const fetched: KeyValueRecord[] = [];
    for await (const records of this.#slices(cursor)) {
      for (const record of records) fetched.push(record);
    }
    const { records, more } = selectRecords(fetched, request);
    const body = encodeRecords(recordBytes(records, request.keysOnly));
    return [body, encodeRangeEnd(more, cursor.count)];
  }

  async *#slices(cursor: RangeCursor): AsyncGenerator<KeyValueRecord[]> {
    const { kv } = this.#state;
    while (!cursor.isDone) {
      yield cursor.next(SLICE_RECORDS, SLICE_BYTES);
      if (cursor.isDone) return;
      await new Promise<void>((resolve) => this.#clock.soon(resolve));
      // A snapshot took the place of what the cursor reads.
      if (this.#state.isReplacing || this.#state.kv !== kv) throw new EtcdError("LeaderChanged");
    }
  }
}
