import { compareBytes } from "../base/bytes.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { Compare, RequestOp, TxnRequest } from "../proto/gen/rpc.ts";
import { Compare_CompareResult, Compare_CompareTarget } from "../proto/gen/rpc.ts";
import type { RangeSource } from "./range.ts";

/** Keys compared between two pauses, and read at once. */
const TURN_KEYS = 512;
const PAGE_KEYS = 64;
const PAGE_BYTES = 1024 * 1024;

/** Keys that one transaction may look at before it is decided: some seconds of every member. */
export const COMPARED_KEYS_MAX = 4_194_304;

/** All compares of one transaction. */
export class ComparePace {
  /** What they are decided on, whatever is written in the pauses. */
  readonly revision: number;
  readonly #keysMax: number;
  #keys = 0;
  #pausedAt = 0;

  constructor(revision: number, keysMax = Number.POSITIVE_INFINITY) {
    this.revision = revision;
    this.#keysMax = keysMax;
  }

  /**
   * Whether so much was compared since the last pause that it is time for one.
   * @throws EtcdError TooManyOps beyond the limit
   */
  isPauseDue(keys: number): boolean {
    this.#keys += keys;
    if (this.#keys - this.#pausedAt < TURN_KEYS) return false;
    if (this.#keys > this.#keysMax) throw new EtcdError("TooManyOps");
    this.#pausedAt = this.#keys;
    return true;
  }
}

/** A store, which a long entry may be changing. */
interface ComparedStore extends RangeSource {
  /** Beyond `revision` while an entry is being applied: then counting takes its time as well. */
  readonly writtenRevision: number;
}

/** Whether the ranges that are compared may hold more keys than may be looked at. */
export function mayCompareMuch(store: ComparedStore, request: TxnRequest): boolean {
  if (store.writtenRevision !== store.revision) return isComparingRanges(request);
  return comparedKeys(store, request, COMPARED_KEYS_MAX) > COMPARED_KEYS_MAX;
}

function isComparingRanges({ compare, success, failure }: TxnRequest): boolean {
  const isWithin = ({ requestTxn }: RequestOp) =>
    requestTxn !== undefined && isComparingRanges(requestTxn);
  return (
    compare.some(({ rangeEnd }) => rangeEnd.length > 0) ||
    success.some(isWithin) ||
    failure.some(isWithin)
  );
}

/** Keys of all ranges, or some number beyond `max`. */
function comparedKeys(source: RangeSource, request: TxnRequest, max: number): number {
  let count = 0;
  for (const { key, rangeEnd } of request.compare) {
    if (rangeEnd.length === 0) continue;
    count += source.range({ key, rangeEnd, revision: 0, limit: 0, countOnly: true }).count;
    if (count > max) return count;
  }
  for (const operations of [request.success, request.failure]) {
    for (const { requestTxn } of operations) {
      if (requestTxn !== undefined) count += comparedKeys(source, requestTxn, max - count);
      if (count > max) return count;
    }
  }
  return count;
}

/**
 * Whether all compares hold; none at all hold. The first that does not decides, and in a range the
 * first key. Throws Compacted when that has happened in a pause.
 */
export function* comparing(
  source: RangeSource,
  compares: readonly Compare[],
  pace: ComparePace,
): Steps<boolean> {
  for (const compare of compares) {
    const isRange = compare.rangeEnd.length > 0;
    const holds = isRange
      ? yield* holdsForAll(source, compare, pace)
      : holdsForKey(source, compare, pace.revision);
    if (!holds) return false;
    if (pace.isPauseDue(1)) yield;
  }
  return true;
}

function holdsForKey(source: RangeSource, compare: Compare, revision: number): boolean {
  const { key, rangeEnd } = compare;
  const { records } = source.range({ key, rangeEnd, revision, limit: 0 });
  const [record] = records;
  return record === undefined ? holdsForNone(compare) : holdsFor(record, compare);
}

/** On a range every key must pass; a range without keys counts as one missing key. */
function* holdsForAll(source: RangeSource, compare: Compare, pace: ComparePace): Steps<boolean> {
  const { key, rangeEnd } = compare;
  const cursor = source.openRange({ key, rangeEnd, revision: pace.revision, limit: 0 });
  try {
    let isEmpty = true;
    while (!cursor.isDone) {
      const records = cursor.next(PAGE_KEYS, PAGE_BYTES);
      if (!records.every((record) => holdsFor(record, compare))) return false;
      isEmpty &&= records.length === 0;
      if (pace.isPauseDue(PAGE_KEYS)) yield;
    }
    return isEmpty ? holdsForNone(compare) : true;
  } finally {
    cursor.close();
  }
}

function holdsForNone(compare: Compare): boolean {
  if (compare.target === Compare_CompareTarget.VALUE) return false;
  return decide(compare, sign(0n, wanted(compare)));
}

function holdsFor(record: KeyValueRecord, compare: Compare): boolean {
  return decide(compare, difference(record, compare));
}

/** Negative, zero or positive as the record's field lies below, at or above the wanted value. */
function difference(record: KeyValueRecord, compare: Compare): number {
  switch (compare.target) {
    case Compare_CompareTarget.VALUE:
      return compareBytes(record.value, compare.value ?? EMPTY);
    case Compare_CompareTarget.CREATE:
      return sign(BigInt(record.createRevision), wanted(compare));
    case Compare_CompareTarget.MOD:
      return sign(BigInt(record.modRevision), wanted(compare));
    case Compare_CompareTarget.VERSION:
      return sign(BigInt(record.version), wanted(compare));
    case Compare_CompareTarget.LEASE:
      return sign(record.lease, wanted(compare));
    default:
      return 0;
  }
}

const EMPTY = Buffer.alloc(0);

/** The number that the target names; another member of the union than the target's counts as 0. */
function wanted(compare: Compare): bigint {
  switch (compare.target) {
    case Compare_CompareTarget.CREATE:
      return compare.createRevision ?? 0n;
    case Compare_CompareTarget.MOD:
      return compare.modRevision ?? 0n;
    case Compare_CompareTarget.VERSION:
      return compare.version ?? 0n;
    case Compare_CompareTarget.LEASE:
      return compare.lease ?? 0n;
    default:
      return 0n;
  }
}

function sign(actual: bigint, expected: bigint): number {
  if (actual === expected) return 0;
  return actual < expected ? -1 : 1;
}

/** A result outside the enum holds, as in etcd. */
function decide(compare: Compare, relation: number): boolean {
  switch (compare.result) {
    case Compare_CompareResult.EQUAL:
      return relation === 0;
    case Compare_CompareResult.NOT_EQUAL:
      return relation !== 0;
    case Compare_CompareResult.GREATER:
      return relation > 0;
    case Compare_CompareResult.LESS:
      return relation < 0;
    default:
      return true;
  }
}
