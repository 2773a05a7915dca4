import { assert } from "../base/assert.ts";
import { Change } from "./change.ts";
import { keyRange } from "./key-range.ts";
import {
  type KeySpace,
  newState,
  type RangeQuery,
  type RangeResult,
  readableRevision,
} from "./key-space.ts";
import { encodeKeyValue, encodeTombstone, KeyValueRecord } from "./key-value.ts";

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
    const record = new KeyValueRecord(bytes);
    return this.#add(
      new Change(table, { key: record.key, main, sub, isDelete: false }, before, record),
    );
  }

  /** Deletes what lives in the range, in key order; one change per key. */
  deleteRange(key: Buffer, rangeEnd: Buffer): readonly Change[] {
    const { index, table } = this.#space;
    const first = this.#changes.length;
    const state = this.#state;
    const range = keyRange(key, rangeEnd);
    this.#space.visit(range, this.#main, Number.POSITIVE_INFINITY, (main, sub, at) => {
      state.main = this.#main;
      state.sub = this.#changes.length;
      state.isTombstone = true;
      state.createRevision = 0;
      state.version = 0;
      const deleted = index.keyAt(at);
      index.change(at, state);
      table.put(state.main, state.sub, true, encodeTombstone(deleted));
      const change = { key: deleted, main: state.main, sub: state.sub, isDelete: true };
      this.#add(new Change(table, change, { main, sub }, undefined));
    });
    return this.#changes.slice(first);
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

  /** Nothing may be called afterwards. */
  end(): TxnResult {
    assert(!this.#hasEnded, "a transaction ends once");
    this.#hasEnded = true;
    this.#onEnd(this.revision);
    return { revision: this.revision, changes: this.#changes };
  }

  #add(change: Change): Change {
    assert(!this.#hasEnded, "nothing is written after the end of a transaction");
    this.#changes.push(change);
    return change;
  }
}
