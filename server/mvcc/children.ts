import { prefixEnd } from "../base/bytes.ts";
import type { KeyBlock } from "./key-block.ts";
import { blockOf, slotOf } from "./key-index.ts";
import { prefixRange, successor } from "./key-range.ts";
import type { KeySpace } from "./key-space.ts";
import type { KeyValueRecord } from "./key-value.ts";

// The children of a folder, found by jumping: from each child straight behind the last key that
// starts with it. The keys in between are counted, not visited. A count at an older revision looks
// once at the blocks that changed since.

export interface ChildrenQuery {
  /** The folder: all its keys start with these bytes. */
  readonly prefix: Buffer;
  /** Ends a folder's name; at least one byte. */
  readonly separator: Buffer;
  /** 0 or less is the current revision. */
  readonly revision: number;
  /** At most so many children, fewer where they are long; at least 1. */
  readonly limit: number;
  /** Continue behind this child; empty starts at the first. */
  readonly after: Buffer;
  /** Start at the child that this key is or lies in; empty starts at the first. */
  readonly from: Buffer;
}

export interface ChildEntry {
  /** The whole key, or prefix + name + separator of a folder. */
  readonly key: Buffer;
  /** Keys in the folder, at any depth; 1 for a key. */
  readonly count: number;
  /** Absent for a folder. */
  readonly record: KeyValueRecord | undefined;
}

export interface ChildrenResult {
  readonly children: ChildEntry[];
  /** More children follow. */
  readonly more: boolean;
  /** Keys below the prefix, at any depth. */
  readonly count: number;
  /** The revision that the answer shows. */
  readonly revision: number;
}

/** Of names, keys and records read for one answer; what would be beyond it is for the next. */
const ANSWER_BYTES = 8 * 1024 * 1024;

export function listChildren(
  space: KeySpace,
  query: ChildrenQuery,
  at: { revision: number; current: number },
): ChildrenResult {
  const walk = new ChildrenWalk(space, query, at);
  const children: ChildEntry[] = [];
  let bytes = 0;
  while (children.length < query.limit && bytes < ANSWER_BYTES) {
    const child = walk.next();
    if (child === undefined) break;
    children.push(child);
    bytes += child.record?.bytes.length ?? child.key.length;
  }
  return { children, more: walk.hasMore(), count: walk.count, revision: at.revision };
}

class ChildrenWalk {
  /** Keys below the prefix. */
  readonly count: number;
  readonly #space: KeySpace;
  readonly #query: ChildrenQuery;
  readonly #revision: number;
  readonly #isCurrent: boolean;
  readonly #end: number;
  readonly #shown = { main: 0, sub: 0 };
  readonly #firstBlock: number;
  /** At an older revision: keys in the blocks before each, from the first of the prefix on. */
  readonly #before: Float64Array;
  /** At an older revision, per block that changed since: keys before each slot. */
  readonly #within = new Map<number, Uint16Array>();
  #at: number;

  constructor(space: KeySpace, query: ChildrenQuery, at: { revision: number; current: number }) {
    const { index } = space;
    this.#space = space;
    this.#query = query;
    this.#revision = at.revision;
    this.#isCurrent = at.revision === at.current;
    const range = prefixRange(query.prefix);
    const start = index.seek(range.start);
    this.#end = index.seekEnd(range.end);
    this.#firstBlock = blockOf(start);
    this.#before = this.#isCurrent ? new Float64Array(0) : this.#countBlocks();
    this.count = this.#countBetween(start, this.#end);
    this.#at = start;
    if (query.from.length > 0) this.#at = Math.max(start, index.seek(this.#childOf(query.from)));
    if (query.after.length > 0) this.#at = Math.max(this.#at, this.#behind(query.after));
  }

  next(): ChildEntry | undefined {
    if (!this.#toNextShown()) return undefined;
    const { index, table } = this.#space;
    const block = index.block(blockOf(this.#at));
    const slot = slotOf(this.#at);
    const nameEnd = folderEnd(block, slot, this.#query.prefix.length, this.#query.separator);
    if (nameEnd < 0) {
      this.#at++;
      const record = table.read(this.#shown.main, this.#shown.sub);
      return { key: record.key, count: 1, record };
    }
    const key = Buffer.from(block.bytes.subarray(block.start(slot), nameEnd));
    const from = this.#at;
    this.#at = Math.min(index.seekEnd(prefixEnd(key)), this.#end);
    return { key, count: this.#countBetween(from, this.#at), record: undefined };
  }

  hasMore(): boolean {
    return this.#toNextShown();
  }

  /** Moves on to a key that exists at the revision, if there is one. */
  #toNextShown(): boolean {
    const { index } = this.#space;
    for (;;) {
      this.#at = index.normalize(this.#at);
      if (this.#at >= this.#end) return false;
      const block = index.block(blockOf(this.#at));
      if (index.visible(block, slotOf(this.#at), this.#revision, this.#shown)) return true;
      this.#at++;
    }
  }

  /** The folder that the key lies in, or the key itself. */
  #childOf(key: Buffer): Buffer {
    const { prefix, separator } = this.#query;
    const nameEnd = key.indexOf(separator, prefix.length);
    return nameEnd < 0 ? key : key.subarray(0, nameEnd + separator.length);
  }

  #behind(after: Buffer): number {
    const { prefix, separator } = this.#query;
    const isFolder = after.indexOf(separator, prefix.length) >= 0;
    const next = isFolder ? prefixEnd(after) : successor(after);
    return this.#space.index.seekEnd(next);
  }

  #countBetween(from: number, to: number): number {
    if (to <= from) return 0;
    if (this.#isCurrent) return this.#space.index.liveBetween(from, to);
    const first = blockOf(from);
    const last = blockOf(to);
    if (first === last) return this.#countIn(first, slotOf(from), slotOf(to));
    const head = this.#countIn(first, slotOf(from), this.#space.index.block(first).count);
    const middle = this.#blocksBefore(last) - this.#blocksBefore(first + 1);
    return head + middle + this.#countIn(last, 0, slotOf(to));
  }

  #countIn(number: number, from: number, to: number): number {
    const before = this.#within.get(number);
    if (before !== undefined) return (before[to] as number) - (before[from] as number);
    return this.#space.countInBlock(number, from, to, this.#revision);
  }

  #blocksBefore(number: number): number {
    return this.#before[number - this.#firstBlock] as number;
  }

  #countBlocks(): Float64Array {
    const blocks = blockOf(this.#end) - this.#firstBlock + 1;
    const before = new Float64Array(blocks + 1);
    for (let i = 0; i < blocks; i++) {
      const number = this.#firstBlock + i;
      const block = this.#space.index.block(number);
      if (block.newest > this.#revision) this.#within.set(number, this.#countSlots(block));
      before[i + 1] = (before[i] as number) + this.#countIn(number, 0, block.count);
    }
    return before;
  }

  #countSlots(block: KeyBlock): Uint16Array {
    const before = new Uint16Array(block.count + 1);
    for (let slot = 0; slot < block.count; slot++) {
      const isShown = this.#space.index.exists(block, slot, this.#revision);
      before[slot + 1] = (before[slot] as number) + (isShown ? 1 : 0);
    }
    return before;
  }
}

/** Keys longer than this are left to the native search, which no key and separator make slow. */
const LOOP_BYTES = 256;

/** Where in the block's bytes the first separator behind the prefix ends, -1 when there is none. */
function folderEnd(block: KeyBlock, slot: number, prefixLength: number, separator: Buffer): number {
  const { bytes } = block;
  const first = separator[0];
  const start = block.start(slot) + prefixLength;
  const end = block.end(slot) - separator.length;
  if (end - start > LOOP_BYTES) {
    const found = bytes.subarray(start, block.end(slot)).indexOf(separator);
    return found < 0 ? -1 : start + found + separator.length;
  }
  for (let at = start; at <= end; at++) {
    if (bytes[at] !== first) continue;
    let matched = 1;
    while (matched < separator.length && bytes[at + matched] === separator[matched]) matched++;
    if (matched === separator.length) return at + matched;
  }
  return -1;
}
