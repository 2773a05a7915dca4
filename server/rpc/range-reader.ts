import { ANSWER_BYTES_MAX } from "../apply/answer-room.ts";
import { COMPARED_KEYS_MAX } from "../apply/compare.ts";
import type { Outcome } from "../apply/outcome.ts";
import {
  answerRange,
  filterRecords,
  needsAll,
  type RangeAnswer,
  rangeQuery,
  recordBytes,
  recordOrder,
  recordTerms,
  SLICE_BYTES,
  SLICE_RECORDS,
  selectRecords,
  sliceEnd,
} from "../apply/range.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { encodeRangeEnd, encodeRecords, totalSize } from "../apply/response.ts";
import { checkCompares, checkTxnNow, decideReadOnlyTxn, encodeReadOnlyTxn } from "../apply/txn.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { SlicedWork, type Slices } from "../base/sliced-work.ts";
import { merging } from "../base/sorting.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError, Status } from "../errors.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { RangeCursor } from "../mvcc/range-cursor.ts";
import type { MvccStore } from "../mvcc/store.ts";
import type { RangeRequest, TxnRequest } from "../proto/gen/rpc.ts";
import type { ReadCaller } from "../replica/reads.ts";
import { StatusError } from "./call-errors.ts";
import { HEADER_ROOM, joining, RESPONSE_BYTES_MAX } from "./header.ts";

/** Keys that a range may have to be answered within one turn, and about how many bytes. */
const SMALL_COUNT = 256;
const SMALL_BYTES = 64 * 1024;
/** Longer ranges that are being read or wait for it; more are refused with TooManyRequests. */
export const LONG_READS_MAX = 4096;
/** What they may hold together, apart from the oldest, which always goes on. */
export const LONG_READS_BYTES_MAX = 512 * 1024 * 1024;
/** Of a transaction that a compaction overtakes. */
const ATTEMPTS_MAX = 3;
const ROOM = Buffer.alloc(HEADER_ROOM);

/** Its bytes lie behind HEADER_ROOM bytes for the header. */
export interface RangeReply extends RangeAnswer {
  readonly revision: number;
}

/** A TxnResponse without its header. */
export interface TxnAnswer extends Pick<Outcome, "revision" | "chunks"> {
  /** In each of its ranges. */
  readonly records: readonly number[];
}

/** A RangeResponse without its header, in pieces. */
interface RangeChunks {
  readonly records: number;
  readonly chunks: Buffer[];
}

interface OpenRange {
  readonly request: RangeRequest;
  readonly cursor: RangeCursor;
  /** Records that were read before it turned out to be long. */
  head: readonly KeyValueRecord[];
}

const NO_RECORDS: readonly KeyValueRecord[] = [];

/** Answers ranges from local state, long ones in slices so that no turn stalls. */
export class RangeReader {
  readonly #state: ReplicatedState;
  readonly #long: SlicedWork;

  constructor(state: ReplicatedState, clock: Clock) {
    this.#state = state;
    const limits = { worksMax: LONG_READS_MAX, bytesMax: LONG_READS_BYTES_MAX };
    this.#long = new SlicedWork({ clock, ...limits });
  }

  /** @throws EtcdError Compacted, FutureRev, LeaderChanged, TooManyRequests */
  read(request: RangeRequest, asker: ReadCaller): RangeReply | Promise<RangeReply> {
    const { kv, operationCounts } = this.#state;
    operationCounts.read(1);
    const { revision } = kv;
    if (request.rangeEnd.length === 0) {
      const { count, records, bytes } = answerRange(kv, request);
      return { revision, count, records, bytes: Buffer.concat([ROOM, bytes]) };
    }
    const open = openRange(kv, request);
    const answer = readSmall(open, SMALL_BYTES);
    if (answer === undefined) return this.#readLong(open, revision, asker);
    open.cursor.close();
    const { records, chunks } = answer;
    return { revision, count: open.cursor.count, records, bytes: Buffer.concat([ROOM, ...chunks]) };
  }

  /**
   * Answers a transaction of ranges only, all at one revision.
   * @throws EtcdError Compacted, FutureRev, LeaderChanged, TooManyRequests, ResponseTooLarge,
   * TooManyOps
   */
  readTxn(request: TxnRequest, asker: ReadCaller): Promise<TxnAnswer> {
    return this.#unlessCompacted(() => this.#readTxn(request, asker));
  }

  /** As `checkTxnNow`, in slices. @throws also LeaderChanged, TooManyRequests */
  checkTxn(request: TxnRequest, asker: ReadCaller): Promise<void> {
    const check = (kv: MvccStore) => checkTxnNow(kv, this.#state.lessor, request);
    return this.#unlessCompacted(() => this.#inSlices(check, asker));
  }

  /** Whether every member could decide it in reasonable time. @throws EtcdError TooManyOps */
  checkCompares(request: TxnRequest, asker: ReadCaller): Promise<void> {
    const check = (kv: MvccStore) => checkCompares(kv, request, COMPARED_KEYS_MAX);
    return this.#unlessCompacted(() => this.#inSlices(check, asker));
  }

  async #readTxn(request: TxnRequest, asker: ReadCaller): Promise<TxnAnswer> {
    const { kv, operationCounts } = this.#state;
    const { revision } = kv;
    const decide = () => decideReadOnlyTxn(kv, request);
    const { hasSucceeded, ranges } = await this.#inSlices(decide, asker);
    operationCounts.read(request.compare.length + ranges.length);
    const answers: RangeChunks[] = [];
    const long: (OpenRange & { at: number })[] = [];
    let bytes = 0;
    try {
      // What takes turns to read is pinned now, before anything can be written.
      for (const [at, asked] of ranges.entries()) {
        const isMoved = kv.revision !== revision && asked.revision <= 0;
        const request = isMoved ? { ...asked, revision } : asked;
        const room = SMALL_BYTES - bytes;
        if (request.rangeEnd.length === 0 && room > 0) {
          const answer = answerRange(kv, request);
          answers[at] = { records: answer.records, chunks: [answer.bytes] };
          bytes += answer.bytes.length;
          continue;
        }
        const open = { ...openRange(kv, request), at };
        const small = room > 0 ? readSmall(open, room) : undefined;
        if (small === undefined) {
          long.push(open);
          bytes += recordsSize(open.head);
        } else {
          open.cursor.close();
          answers[at] = small;
          bytes += totalSize(small.chunks);
        }
      }
      if (long.length > 0) await this.#run(answerAll(long, answers), kv, bytes, asker);
    } finally {
      for (const { cursor } of long) cursor.close();
    }
    const pieces = answers.map(({ chunks }) => chunks);
    return {
      revision,
      chunks: encodeReadOnlyTxn(hasSucceeded, revision, pieces),
      records: answers.map(({ records }) => records),
    };
  }

  /** A compaction in a pause took away what was being read: then the state of now is read. */
  async #unlessCompacted<T>(read: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { compactRevision } = this.#state.kv;
      try {
        return await read();
      } catch (error) {
        const isCompacted = error instanceof EtcdError && error.code === "Compacted";
        const isMoved = isCompacted && this.#state.kv.compactRevision !== compactRevision;
        if (!isMoved || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** What takes no pause is done at once. */
  async #inSlices<T>(begin: (kv: MvccStore) => Steps<T>, asker: ReadCaller): Promise<T> {
    const { kv } = this.#state;
    const steps = begin(kv);
    try {
      const first = steps.next();
      if (first.done === true) return first.value;
      return await this.#run(sliced(steps), kv, 0, asker);
    } finally {
      steps.return(undefined as T);
    }
  }

  async #readLong(open: OpenRange, revision: number, asker: ReadCaller): Promise<RangeReply> {
    try {
      const { kv } = this.#state;
      const held = recordsSize(open.head);
      const { records, bytes } = await this.#run(joinLong(open), kv, held, asker);
      return { revision, count: open.cursor.count, records, bytes };
    } finally {
      open.cursor.close();
    }
  }

  #run<T>(slices: Slices<T>, kv: MvccStore, bytes: number, asker: ReadCaller): Promise<T> {
    if (this.#long.isFull) throw new EtcdError("TooManyRequests");
    const check = () => {
      if (asker.isCanceled) throw new EtcdError("Canceled");
      // A snapshot took the place of what the cursor reads, maybe while it waited for its turn.
      if (this.#state.isReplacing || this.#state.kv !== kv) throw new EtcdError("LeaderChanged");
    };
    return this.#long.run(slices, { bytes, check });
  }
}

function openRange(kv: MvccStore, request: RangeRequest): OpenRange {
  return { request, cursor: kv.openRange(rangeQuery(request)), head: NO_RECORDS };
}

/** The whole answer; undefined for a long range, of which `head` then may have the begin. */
function readSmall(open: OpenRange, bytesMax: number): RangeChunks | undefined {
  const { request, cursor } = open;
  if (!cursor.isCounted) return undefined;
  const { count } = cursor;
  if (request.countOnly) return { records: 0, chunks: [encodeRangeEnd(false, count)] };
  const wanted = request.limit > 0 && !needsAll(request) ? request.limit : count;
  if (Math.min(wanted, count) > SMALL_COUNT) return undefined;
  const read = cursor.next(SMALL_COUNT + 1, bytesMax);
  if (!cursor.isDone) {
    open.head = read;
    return undefined;
  }
  const { records, more } = selectRecords(read, request);
  const bytes = encodeRecords(recordBytes(records, request.keysOnly));
  return { records: records.length, chunks: [bytes, encodeRangeEnd(more, count)] };
}

/** They hold nothing that is kept. */
function* sliced<T>(steps: Steps<T>): Slices<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    yield 0;
  }
}

/** One after the other, each into its place. @throws EtcdError ResponseTooLarge */
function* answerAll(
  ranges: readonly (OpenRange & { at: number })[],
  answers: RangeChunks[],
): Slices<void> {
  let records = 0;
  let bytes = 0;
  let total = 0;
  for (const open of ranges) {
    const answer = yield* answerLong(open, ANSWER_BYTES_MAX - total);
    const size = totalSize(answer.chunks);
    answers[open.at] = answer;
    total += size;
    records += Math.min(open.cursor.count, SLICE_RECORDS);
    // Of its last slice: the others were told of.
    bytes += Math.min(size, SLICE_BYTES);
    if (records < SLICE_RECORDS && bytes < SLICE_BYTES) continue;
    yield bytes;
    records = 0;
    bytes = 0;
  }
}

/** A whole answer; its pieces are let go of as they are put behind one another. */
function* joinLong(open: OpenRange): Slices<{ records: number; bytes: Buffer }> {
  const { records, chunks } = yield* answerLong(open);
  const bytes = Buffer.allocUnsafe(HEADER_ROOM + totalSize(chunks));
  yield* sliced(joining(released(chunks), bytes, HEADER_ROOM));
  return { records, bytes };
}

function* released(chunks: Buffer[]): Generator<Buffer> {
  for (const [index, chunk] of chunks.entries()) {
    chunks[index] = EMPTY_BYTES;
    yield chunk;
  }
}

/** @param bytesMax of a part of a larger answer */
function* answerLong(open: OpenRange, bytesMax?: number): Slices<RangeChunks> {
  const { request, cursor } = open;
  while (!cursor.isCounted) {
    cursor.countSome();
    if (!cursor.isCounted) yield 0;
  }
  if (request.countOnly) return { records: 0, chunks: [encodeRangeEnd(false, cursor.count)] };
  const isDirect = !needsAll(request) && request.sortTarget === 0;
  const answer = new AnswerChunks(request, bytesMax);
  return yield* isDirect ? encodeSlices(open, answer) : collectSlices(open, answer);
}

/** The next slice; may be empty before the end. */
function nextRecords(open: OpenRange): readonly KeyValueRecord[] {
  const { head, cursor } = open;
  if (head.length === 0) return cursor.next(SLICE_RECORDS, SLICE_BYTES);
  open.head = NO_RECORDS;
  return head;
}

/** The order of the keys is the order asked for: every slice is encoded as it comes. */
function* encodeSlices(open: OpenRange, answer: AnswerChunks): Slices<RangeChunks> {
  const { request, cursor } = open;
  let left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  while (left > 0 && !cursor.isDone) {
    const records = nextRecords(open);
    const sent = records.length > left ? records.slice(0, left) : records;
    left -= sent.length;
    const bytes = answer.push(sent);
    if (left > 0 && !cursor.isDone) yield bytes;
  }
  return answer.end(request.limit > 0 && cursor.count > request.limit, cursor.count);
}

/** Every slice is filtered and sorted as it comes; the sorted runs are merged in slices too. */
function* collectSlices(open: OpenRange, answer: AnswerChunks): Slices<RangeChunks> {
  const { request, cursor } = open;
  const order = recordOrder(request);
  const most = request.limit > 0 ? request.limit + 1 : Number.POSITIVE_INFINITY;
  let runs: (readonly KeyValueRecord[])[] = [];
  while (!cursor.isDone) {
    const passed = filterRecords(nextRecords(open), request);
    const run = order === undefined ? passed : [...passed].sort(order).slice(0, most);
    runs.push(run);
    if (!cursor.isDone) yield recordsSize(run);
  }
  if (order !== undefined) runs = [yield* sliced(merging(runs, order, recordTerms(most)))];
  let left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  let found = 0;
  for (const run of runs) {
    found += run.length;
    for (let at = 0; at < run.length && left > 0; ) {
      const end = Math.min(sliceEnd(run, at), at + left);
      const bytes = answer.push(run.slice(at, end));
      left -= end - at;
      at = end;
      yield bytes;
    }
  }
  return answer.end(request.limit > 0 && found > request.limit, cursor.count);
}

function recordsSize(records: readonly KeyValueRecord[]): number {
  let bytes = 0;
  for (const record of records) bytes += record.bytes.length;
  return bytes;
}

/** The answer to one range as far as it is made. */
class AnswerChunks {
  readonly #keysOnly: boolean;
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #records = 0;
  #bytes = 0;

  constructor({ keysOnly }: RangeRequest, bytesMax = Number.POSITIVE_INFINITY) {
    this.#keysOnly = keysOnly;
    this.#bytesMax = bytesMax;
  }

  /**
   * How many bytes were added.
   * @throws EtcdError ResponseTooLarge, StatusError where no message can be as long
   */
  push(records: readonly KeyValueRecord[]): number {
    if (records.length === 0) return 0;
    const chunk = encodeRecords(recordBytes(records, this.#keysOnly));
    this.#chunks.push(chunk);
    this.#records += records.length;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) throw new EtcdError("ResponseTooLarge");
    if (this.#bytes > RESPONSE_BYTES_MAX) {
      const sizes = `${this.#bytes} vs. ${RESPONSE_BYTES_MAX}`;
      const text = `grpc: trying to send message larger than max (${sizes})`;
      throw new StatusError(Status.RESOURCE_EXHAUSTED, text);
    }
    return chunk.length;
  }

  end(more: boolean, count: number): RangeChunks {
    this.#chunks.push(encodeRangeEnd(more, count));
    return { records: this.#records, chunks: this.#chunks };
  }
}
