import { assert } from "../base/assert.ts";
import { finish, type Steps } from "../base/steps.ts";
import { Change } from "./change.ts";
import { type KeyRange, keyRange } from "./key-range.ts";
import {
  type KeySpace,
  newState,
  type RangeQuery,
  type RangeResult,
  readableRevision,
  SLICE_SLOTS,
} from "./key-space.ts";
import { encodeKeyValue, encodeTombstone, KeyValueRecord } from "./key-value.ts";

/** Keys that a transaction reads or changes between two pauses: a few ms of work. */
export const TXN_SLICE_KEYS = 512;
/** So many bytes count as one more key. */
const BYTES_PER_KEY = 2048;

export interface TxnResult {
  /** The store's revision now: one more than before if anything changed. */
  readonly revision: number;
  /** In order of execution; their sub revisions count from 0. */
  readonly changes: readonly Change[];
}

/** How the store stood when the transaction began. */
export interface TxnStart {
  readonly revision: number;
  readonly compactRevision: number;
}

/**
 * The changes of one log entry: all get the same main revision. Every change holds at once, there
 * is no way back: whoever writes has checked before that nothing can fail. Reads see what was
 * written.
 */
export class WriteTxn {
  readonly #space: KeySpace;
  readonly #main: number;
  readonly #compactRevision: number;
  readonly #onEnd: (revision: number) => void;
  readonly #changes: Change[] = [];
  readonly #state = newState();
  /** Keys read and changed since the last pause. */
  #work = 0;
  #hasEnded = false;

  constructor(space: KeySpace, start: TxnStart, onEnd: (revision: number) => void) {
    this.#space = space;
    this.#main = start.revision + 1;
    this.#compactRevision = start.compactRevision;
    this.#onEnd = onEnd;
  }

  /** What a response header shows at this point: the new revision once anything was changed. */
  get revision(): number {
    return this.#changes.length === 0 ? this.#main - 1 : this.#main;
  }

  /** The store keeps `key` and `value`'s bytes only in its own copy. */
  put(key: Buffer, value: Buffer, lease: bigint): Change {
    const { index, table } = this.#space;
    const state = this.#state;
    const main = this.#main;
    const sub = this.#changes.length;
    const at = index.seek(key);
    const isKnown = index.isHit;
    if (isKnown) index.readState(at, state);
    const isNew = !isKnown || state.isTombstone;
    const before = isNew ? undefined : { main: state.main, sub: state.sub };
    state.main = main;
    state.sub = sub;
    state.isTombstone = false;
    state.createRevision = isNew ? main : state.createRevision;
    state.version = isNew ? 1 : state.version + 1;
    const { createRevision, version } = state;
    const bytes = encodeKeyValue({ key, createRevision, modRevision: main, version, value, lease });
    if (isKnown) index.change(at, state);
    else index.insert(at, key, state);
    table.put(main, sub, false, bytes);
    const change = Change.put(table, { main, sub }, new KeyValueRecord(bytes), before);
    return this.#add(change, key.length);
  }

  /** As `deletingRange`, at once. */
  deleteRange(key: Buffer, rangeEnd: Buffer): readonly Change[] {
    return finish(this.deletingRange(key, rangeEnd));
  }

  /** Deletes what lives in the range, in key order; one change per key. */
  *deletingRange(key: Buffer, rangeEnd: Buffer): Steps<readonly Change[]> {
    const first = this.#changes.length;
    const range = keyRange(key, rangeEnd);
    let next: Buffer | undefined = range.start;
    for (;;) {
      next = this.#deleteSome({ start: next, end: range.end });
      if (next === undefined) return this.#changes.slice(first);
      this.#work = 0;
      yield;
    }
  }

  /** One slice; the key to continue at. */
  #deleteSome(range: KeyRange): Buffer | undefined {
    const { index, table } = this.#space;
    const state = this.#state;
    const deleteOne = (main: number, sub: number, at: number) => {
      state.main = this.#main;
      state.sub = this.#changes.length;
      state.isTombstone = true;
      state.createRevision = 0;
      state.version = 0;
      const tombstone = encodeTombstone(index.keyAt(at));
      index.change(at, state);
      table.put(state.main, state.sub, true, tombstone);
      this.#add(Change.deletion(table, state, tombstone, { main, sub }), tombstone.length);
      return this.#work < TXN_SLICE_KEYS;
    };
    return this.#space.visit(range, this.#main, Number.POSITIVE_INFINITY, deleteOne, SLICE_SLOTS);
  }

  /** Whether so much was done since the last pause that it is time for one. */
  isPauseDue(): boolean {
    if (this.#work < TXN_SLICE_KEYS) return false;
    this.#work = 0;
    return true;
  }

  /** The key as it is at this point. */
  get(key: Buffer): KeyValueRecord | undefined {
    return this.#space.record(key, this.#main);
  }

  /** @throws EtcdError FutureRev, Compacted */
  range(query: RangeQuery): RangeResult {
    const current = this.revision;
    const revision = readableRevision(query.revision, current, this.#compactRevision);
    return this.#space.range(query, revision, revision === current);
  }

  /** As `range`, pausing. @throws EtcdError FutureRev, Compacted */
  *ranging(query: RangeQuery): Steps<RangeResult> {
    if (query.rangeEnd.length === 0) return this.range(query);
    const current = this.revision;
    const revision = readableRevision(query.revision, current, this.#compactRevision);
    const range = keyRange(query.key, query.rangeEnd);
    const space = this.#space;
    const isCurrent = revision === current;
    const count = isCurrent ? space.countNow(range) : yield* space.counting(range, revision);
    const records: KeyValueRecord[] = [];
    if (query.countOnly === true) return { records, count };
    const most = query.limit > 0 ? query.limit : count;
    const take = (main: number, sub: number) => {
      const record = space.table.read(main, sub);
      this.spend(record.bytes.length);
      records.push(record);
      return this.#work < TXN_SLICE_KEYS;
    };
    let next: Buffer | undefined = count > 0 ? range.start : undefined;
    while (next !== undefined && records.length < most) {
      const rest: KeyRange = { start: next, end: range.end };
      next = space.visit(rest, revision, most - records.length, take, SLICE_SLOTS);
      // It stopped before the end: by its records and bytes, or by keys that do not exist.
      if (next !== undefined && records.length < most) this.#work = TXN_SLICE_KEYS;
      if (this.isPauseDue()) yield;
    }
    return { records, count };
  }

  /** Nothing may be called afterwards. */
  end(): TxnResult {
    assert(!this.#hasEnded, "a transaction ends once");
    this.#hasEnded = true;
    this.#onEnd(this.revision);
    return { revision: this.revision, changes: this.#changes };
  }

  /** Work on one key, and on so many bytes of it, that counts towards the next pause. */
  spend(bytes: number): void {
    this.#work += 1 + Math.floor(bytes / BYTES_PER_KEY);
  }

  #add(change: Change, bytes: number): Change {
    assert(!this.#hasEnded, "nothing is written after the end of a transaction");
    this.spend(bytes);
    this.#changes.push(change);
    return change;
  }
}
