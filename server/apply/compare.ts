import { compareBytes } from "../base/bytes.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { Compare } from "../proto/gen/rpc.ts";
import { Compare_CompareResult, Compare_CompareTarget } from "../proto/gen/rpc.ts";
import type { RangeSource } from "./range.ts";

/** Whether all compares hold for the state that `source` shows; none at all hold. */
export function compareAll(source: RangeSource, compares: readonly Compare[]): boolean {
  return compares.every((compare) => holds(source, compare));
}

/** On a range every key must pass; a range without keys counts as one missing key. */
function holds(source: RangeSource, compare: Compare): boolean {
  const { key, rangeEnd } = compare;
  const { records } = source.range({ key, rangeEnd, revision: 0, limit: 0 });
  if (records.length === 0) {
    if (compare.target === Compare_CompareTarget.VALUE) return false;
    return decide(compare, sign(0n, wanted(compare)));
  }
  return records.every((record) => decide(compare, difference(record, compare)));
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
