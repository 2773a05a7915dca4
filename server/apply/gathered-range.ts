// Ranges within an entry. They see what the entry has written so far, and may be as long as the whole
// store: they are read in pages, of which no more is kept than the answer needs and has room for.
import { must } from "../base/assert.ts";
import { sorting } from "../base/sorting.ts";
import type { Steps } from "../base/steps.ts";
import { successor } from "../mvcc/key-range.ts";
import { KeyValueRecord } from "../mvcc/key-value.ts";
import type { RangeRequest } from "../proto/gen/rpc.ts";
import { RangeRequest_SortTarget } from "../proto/gen/rpc.ts";
import type { AnswerRoom } from "./answer-room.ts";
import type { KeyWriter } from "./key-writer.ts";
import {
  encodingSlices,
  filterRecords,
  rangeQuery,
  recordBytes,
  recordOrder,
  recordTerms,
} from "./range.ts";
import { encodeRangeEnd, encodeRecords, totalSize } from "./response.ts";

/** Records read between two looks at how many bytes they are. */
const PAGE_RECORDS = 64;
const PAGE_BYTES = 1024 * 1024;
/** Pages of an old revision read between two pauses. */
const PAGES_PER_TURN = 8;

/**
 * The RangeResponse without its header; undefined where the answer has no room for it.
 * @param request whose revision can be read
 */
export function* gatherRange(
  writer: KeyWriter,
  request: RangeRequest,
  room: AnswerRoom,
): Steps<readonly Buffer[] | undefined> {
  const query = rangeQuery(request);
  const isShort = query.rangeEnd.length === 0 || request.countOnly;
  const limit = query.limit > 0 ? query.limit : Number.POSITIVE_INFINITY;
  const pageRecords = Math.min(PAGE_RECORDS, limit);
  const first = yield* writer.ranging(isShort ? query : { ...query, limit: pageRecords });
  const { count } = first;
  const gathered = new Gathered(request, room);
  let hasRoom = yield* gathered.adding(first.records);
  let read = first.records.length;
  if (!isShort && query.revision > 0 && read < Math.min(count, limit)) {
    // Nothing of this entry shows there.
    const left = query.limit > 0 ? query.limit - read : 0;
    const cursor = writer.openRangeOn({ ...query, key: behind(first.records), limit: left });
    try {
      for (let page = 1; hasRoom && !cursor.isDone; page++) {
        hasRoom = yield* gathered.adding(cursor.next(PAGE_RECORDS, PAGE_BYTES));
        if (page % PAGES_PER_TURN === 0) yield;
      }
    } finally {
      cursor.close();
    }
  } else if (!isShort) {
    let { records } = first;
    while (hasRoom && read < Math.min(count, limit)) {
      const next = { ...query, key: behind(records), limit: Math.min(PAGE_RECORDS, limit - read) };
      ({ records } = yield* writer.rangingOn(next));
      read += records.length;
      hasRoom = yield* gathered.adding(records);
    }
  }
  if (!hasRoom) {
    room.close();
    return undefined;
  }
  const chunks = yield* gathered.encoding(count);
  return room.take(totalSize(chunks)) ? chunks : undefined;
}

/** What of the pages read so far belongs to the answer, as far as that can be told. */
class Gathered {
  #records: KeyValueRecord[] = [];
  readonly #request: RangeRequest;
  readonly #room: AnswerRoom;
  readonly #isStripped: boolean;
  readonly #most: number;
  #bytes = 0;

  constructor(request: RangeRequest, room: AnswerRoom) {
    this.#request = request;
    this.#room = room;
    const { keysOnly, sortTarget, limit } = request;
    this.#isStripped = keysOnly && sortTarget !== RangeRequest_SortTarget.VALUE;
    this.#most = limit > 0 ? limit + 1 : Number.POSITIVE_INFINITY;
  }

  /** @returns whether the answer still has room for all of it */
  *adding(page: readonly KeyValueRecord[]): Steps<boolean> {
    for (const record of filterRecords(page, this.#request)) {
      const kept = this.#isStripped ? new KeyValueRecord(record.bytesWithoutValue) : record;
      this.#bytes += kept.bytes.length;
      this.#records.push(kept);
    }
    // By numbers or bytes that have about doubled: so all the sorting stays a few times the last.
    const isMany = this.#records.length >= this.#most + Math.max(CUT_RECORDS, this.#most);
    const hasMore = this.#records.length > this.#most;
    if (isMany || (hasMore && !this.#room.holds(this.#bytes / 2))) yield* this.#cutting();
    return this.#room.holds(this.#bytes) || this.#records.length > this.#most;
  }

  /** The RangeResponse without its header. */
  *encoding(count: number): Steps<Buffer[]> {
    const { limit, keysOnly } = this.#request;
    const records = yield* this.#sorting();
    const more = limit > 0 && records.length > limit;
    const chunks = yield* encodingSlices(more ? records.slice(0, limit) : records, (slice) =>
      encodeRecords(recordBytes(slice, keysOnly)),
    );
    chunks.push(encodeRangeEnd(more, count));
    return chunks;
  }

  *#cutting(): Steps<void> {
    this.#records = [...(yield* this.#sorting())];
    this.#bytes = 0;
    for (const { bytes } of this.#records) this.#bytes += bytes.length;
  }

  /** One more than the limit stays, so that `more` can be told in the end. */
  *#sorting(): Steps<readonly KeyValueRecord[]> {
    const order = recordOrder(this.#request);
    if (order === undefined) return this.#records.slice(0, this.#most);
    return yield* sorting(this.#records, order, recordTerms(this.#most));
  }
}

/** Records beyond the limit of a sorted range that wait for the next sorting. */
const CUT_RECORDS = 4096;

/** The smallest key behind the last of them. */
function behind(records: readonly KeyValueRecord[]): Buffer {
  return successor(must(records.at(-1), "a page of a range that goes on has records").key);
}
