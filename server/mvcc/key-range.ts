import { prefixEnd } from "../base/bytes.ts";

/** The keys in [start, end); without `end` all from `start` on. */
export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer | undefined;
}

/**
 * A request's `key` and `range_end` as a range: an empty end is the single key, one zero byte is
 * everything from `key` on. An end that is not behind `key` selects nothing.
 */
export function keyRange(key: Buffer, rangeEnd: Buffer): KeyRange {
  if (rangeEnd.length === 0) return { start: key, end: successor(key) };
  if (isOpenEnd(rangeEnd)) return { start: key, end: undefined };
  return { start: key, end: rangeEnd };
}

/** All keys that start with `prefix`. */
export function prefixRange(prefix: Buffer): KeyRange {
  return { start: prefix, end: prefixEnd(prefix) };
}

export function isOpenEnd(rangeEnd: Buffer): boolean {
  return rangeEnd.length === 1 && rangeEnd[0] === 0;
}

/** The smallest key behind `key`. */
export function successor(key: Buffer): Buffer {
  const next = Buffer.allocUnsafe(key.length + 1);
  key.copy(next);
  next[key.length] = 0;
  return next;
}
