import { EMPTY_BYTES } from "../base/bytes.ts";
import { finish, type Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { blockOf, type KeyIndex, type KeyState, position, slotOf } from "./key-index.ts";
import { type KeyRange, keyRange } from "./key-range.ts";
import type { KeyValueRecord } from "./key-value.ts";
import type { RecordTable } from "./record-table.ts";

/** Slots that a slice looks at, living or not: a few ms where each has older revisions. */
export const SLICE_SLOTS = 16_384;
/** The same for a count that is only begun, as many callers may at once. */
const FIRST_SLICE_SLOTS = 1024;

/** What to read; the fields of a Range request that the store itself understands. */
export interface RangeQuery {
  readonly key: Buffer;
  /** Empty: only `key`. One zero byte: all keys from `key` on. */
  readonly rangeEnd: Buffer;
  /** 0 or less is the current revision. */
  readonly revision: number;
  /** At most so many records; 0 or less is no limit. */
  readonly limit: number;
  /** No records, only their number. */
  readonly countOnly?: boolean;
}

export interface RangeResult {
  /** In key order. */
  readonly records: KeyValueRecord[];
  /** Keys in the range, whatever the limit. */
  readonly count: number;
}

/** The index and the records together: every read, at any revision the caller has checked. */
export class KeySpace {
  readonly index: KeyIndex;
  readonly table: RecordTable;
  readonly #shown = { main: 0, sub: 0 };

  constructor(index: KeyIndex, table: RecordTable) {
    this.index = index;
    this.table = table;
  }

  /** The key as `revision` shows it. */
  record(key: Buffer, revision: number): KeyValueRecord | undefined {
    const at = this.index.seek(key);
    if (!this.index.isHit || !this.#isShown(at, revision)) return undefined;
    return this.table.read(this.#shown.main, this.#shown.sub);
  }

  /** @param isCurrent whether no change is newer than `revision` */
  range(query: RangeQuery, revision: number, isCurrent: boolean): RangeResult {
    if (query.rangeEnd.length === 0) return this.#single(query, revision);
    const range = keyRange(query.key, query.rangeEnd);
    const count = this.count(range, revision, isCurrent);
    const records: KeyValueRecord[] = [];
    if (query.countOnly !== true && count > 0) {
      const limit = query.limit > 0 ? query.limit : count;
      this.visit(range, revision, limit, (main, sub) => {
        records.push(this.table.read(main, sub));
        return true;
      });
    }
    return { records, count };
  }

  /** Keys of the range that exist at `revision`. */
  count(range: KeyRange, revision: number, isCurrent: boolean): number {
    return isCurrent ? this.countNow(range) : finish(this.counting(range, revision));
  }

  /** Keys of the range that exist now. */
  countNow(range: KeyRange): number {
    const { index } = this;
    return index.liveBetween(index.seek(range.start), index.seekEnd(range.end));
  }

  /**
   * As `count`, pausing. Anything newer than `revision` may change meanwhile, and what no reader at
   * `revision` sees may be deleted.
   */
  *counting(range: KeyRange, revision: number): Steps<number> {
    let count = 0;
    let next: Buffer | undefined = range.start;
    let slots = FIRST_SLICE_SLOTS;
    for (;;) {
      const slice = this.#countSome({ start: next, end: range.end }, revision, slots);
      slots = SLICE_SLOTS;
      count += slice.count;
      next = slice.next;
      if (next === undefined) return count;
      yield;
    }
  }

  /** Whether any key exists at `revision`; pausing. */
  *hasKeyAt(revision: number): Steps<boolean> {
    let has = false;
    let next: Buffer | undefined = EMPTY_BYTES;
    const note = () => {
      has = true;
      return false;
    };
    for (;;) {
      next = this.visit({ start: next, end: undefined }, revision, 1, note, SLICE_SLOTS);
      if (has || next === undefined) return has;
      yield;
    }
  }

  /**
   * Tells of the keys of the range that exist at `revision`, in key order, up to the limit and
   * while `callback` returns true. It may change keys it was told of, but add none.
   * @param slotsMax about so many keys are looked at, whether or not they exist
   * @returns the key to continue at, if there may be more.
   */
  visit(
    range: KeyRange,
    revision: number,
    limit: number,
    callback: (main: number, sub: number, at: number) => boolean,
    slotsMax = Number.POSITIVE_INFINITY,
  ): Buffer | undefined {
    const { index } = this;
    const shown = this.#shown;
    const end = index.seekEnd(range.end);
    let at = index.normalize(index.seek(range.start));
    let left = limit;
    let slotsLeft = slotsMax;
    while (at < end) {
      const number = blockOf(at);
      const block = index.block(number);
      const first = slotOf(at);
      const slotEnd = blockOf(end) === number ? slotOf(end) : block.count;
      if (slotsLeft <= 0) return block.key(first);
      slotsLeft -= slotEnd - first;
      for (let slot = first; slot < slotEnd; slot++) {
        if (!index.visible(block, slot, revision, shown)) continue;
        if (left === 0) return block.key(slot);
        left = callback(shown.main, shown.sub, position(number, slot)) ? left - 1 : 0;
      }
      at = index.normalize(position(number, block.count));
      if (blockOf(at) === number) break;
    }
    return undefined;
  }

  /** Keys that exist at `revision` in blocks that may have changed since. */
  countInBlock(number: number, from: number, to: number, revision: number): number {
    const block = this.index.block(number);
    if (block.newest <= revision) return block.liveBetween(from, to);
    let count = 0;
    for (let slot = from; slot < to; slot++) {
      if (this.index.exists(block, slot, revision)) count++;
    }
    return count;
  }

  #countSome(
    range: KeyRange,
    revision: number,
    slotsMax: number,
  ): { readonly count: number; readonly next: Buffer | undefined } {
    const { index } = this;
    const from = index.normalize(index.seek(range.start));
    const to = index.seekEnd(range.end);
    let count = 0;
    if (to <= from) return { count, next: undefined };
    let slotsLeft = slotsMax;
    const last = blockOf(to);
    for (let number = blockOf(from); number <= last; number++) {
      const block = index.block(number);
      const first = number === blockOf(from) ? slotOf(from) : 0;
      const end = number === last ? slotOf(to) : block.count;
      if (first >= end) continue;
      if (slotsLeft <= 0) return { count, next: block.key(first) };
      slotsLeft -= block.newest > revision ? end - first : 1;
      count += this.countInBlock(number, first, end, revision);
    }
    return { count, next: undefined };
  }

  #single(query: RangeQuery, revision: number): RangeResult {
    const at = this.index.seek(query.key);
    if (!this.index.isHit || !this.#isShown(at, revision)) return { records: [], count: 0 };
    if (query.countOnly === true) return { records: [], count: 1 };
    return { records: [this.table.read(this.#shown.main, this.#shown.sub)], count: 1 };
  }

  #isShown(at: number, revision: number): boolean {
    return this.index.visible(this.index.block(blockOf(at)), slotOf(at), revision, this.#shown);
  }
}

export function newState(): KeyState {
  return { main: 0, sub: 0, isTombstone: false, createRevision: 0, version: 0 };
}

/**
 * The revision that a reader means, if it can be read.
 * @throws EtcdError FutureRev above `current`, Compacted below `compacted`
 */
export function readableRevision(revision: number, current: number, compacted: number): number {
  if (revision > current) throw new EtcdError("FutureRev");
  if (revision <= 0) return current;
  if (revision < compacted) throw new EtcdError("Compacted");
  return revision;
}
