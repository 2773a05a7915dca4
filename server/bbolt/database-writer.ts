// A picture of the engine as etcd's database file, written front to back without ever going back:
//
//     pages   0    1    2         3 …                             last
//             meta meta freelist  key: leaves, branches; lease …  root leaf: the ten buckets
//
// Two passes over the picture. The first only counts: which rows share a page decides how many
// pages there are, and receivers want to know the size before the first byte. The second writes.
//
// Invariants:
// - Every page is reachable exactly once, or is a meta or the (empty) freelist.
// - A table without rows is an inline bucket; every other has pages of its own.
// - Leaves are full; a row longer than a page has a leaf of its own with overflow pages.

import { must } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Row, View } from "../storage/engine.ts";
import {
  type BranchLevel,
  type DatabaseLayout,
  layOut,
  PAGE_BYTES,
  ROW_WORK,
  type TableLayout,
} from "./database-layout.ts";
import {
  BUCKET_HEADER_BYTES,
  ELEMENT_BYTES,
  LEAF_FLAG_BUCKET,
  PAGE_HEADER_BYTES,
  PageFlag,
  writeMetaPage,
  writePageHeader,
  writePageNumber,
} from "./page-format.ts";
import { Turns } from "./turns.ts";

const CHUNK_BYTES = 256 * 1024;
/** A few milliseconds: rows and their bytes. */
const TURN_WORK = 2_000_000;
const FREELIST_PAGE = 2;
const TRANSACTION = 2;

export interface Database {
  readonly totalBytes: number;
  /** The file from front to back; `view` must stay open until the end. Buffers are the caller's. */
  chunks(): AsyncIterable<Buffer>;
}

/** etcd's database file with everything that `view` shows. Resolves when the size is known. */
export async function writeDatabase(view: View, clock?: Clock): Promise<Database> {
  const layout = await layOut(view, new Turns(TURN_WORK, clock));
  return {
    totalBytes: layout.pages * PAGE_BYTES,
    chunks: () => stream(view, layout, new Turns(TURN_WORK, clock)),
  };
}

async function* stream(
  view: View,
  layout: DatabaseLayout,
  turns: Turns,
): AsyncGenerator<Buffer, void, undefined> {
  const chunk = new Chunk();
  writeHead(chunk, layout);
  for (const table of layout.tables) {
    let leaf = 0;
    for (const rows of leavesOf(view, table)) {
      const pages = must(table.leafPages[leaf], "the second pass finds the leaves of the first");
      const id = must(table.leaves.ids[leaf++], "every leaf has a page");
      const page = chunk.take(pages);
      writeLeaf(page, id, rows, 0);
      if (chunk.isFull) yield chunk.end();
      if (turns.spend(ROW_WORK * rows.length + page.length)) await turns.pause();
    }
    for (const level of table.branchLevels) {
      for (let at = 0; at < level.ids.length; at++) {
        writeBranch(chunk.take(1), level, at);
        if (chunk.isFull) yield chunk.end();
        if (turns.spend(PAGE_BYTES)) await turns.pause();
      }
    }
  }
  const buckets = layout.tables.map(bucketOf);
  writeLeaf(chunk.take(1), layout.root, buckets, LEAF_FLAG_BUCKET);
  yield chunk.end();
}

function writeHead(chunk: Chunk, layout: DatabaseLayout): void {
  const meta = {
    pageSize: PAGE_BYTES,
    root: layout.root,
    freelist: FREELIST_PAGE,
    highWater: layout.pages,
  };
  writeMetaPage(chunk.take(1), 0, { ...meta, transaction: TRANSACTION });
  writeMetaPage(chunk.take(1), 1, { ...meta, transaction: TRANSACTION - 1 });
  const freelist = { id: FREELIST_PAGE, flags: PageFlag.FREELIST, count: 0, overflow: 0 };
  writePageHeader(chunk.take(1), freelist);
}

/** The rows of a table, leaf by leaf as laid out. */
function* leavesOf(view: View, table: TableLayout): Generator<readonly Row[]> {
  let leaf = 0;
  let rows: Row[] = [];
  for (const row of view.scan(table.table)) {
    rows.push(row);
    if (rows.length < must(table.leafRows[leaf], "the picture shows the same rows twice")) continue;
    yield rows;
    rows = [];
    leaf++;
  }
}

function writeLeaf(page: Buffer, id: number, rows: readonly Row[], flags: number): void {
  const overflow = page.length / PAGE_BYTES - 1;
  writePageHeader(page, { id, flags: PageFlag.LEAF, count: rows.length, overflow });
  let element = PAGE_HEADER_BYTES;
  let at = PAGE_HEADER_BYTES + rows.length * ELEMENT_BYTES;
  for (const [key, value] of rows) {
    page.writeUInt32LE(flags, element);
    page.writeUInt32LE(at - element, element + 4);
    page.writeUInt32LE(key.length, element + 8);
    page.writeUInt32LE(value.length, element + 12);
    at += key.copy(page, at);
    at += value.copy(page, at);
    element += ELEMENT_BYTES;
  }
}

function writeBranch(page: Buffer, level: BranchLevel, at: number): void {
  const id = must(level.ids[at], "every branch has a page");
  const { from, to } = must(level.branches[at], "every branch has children");
  writePageHeader(page, { id, flags: PageFlag.BRANCH, count: to - from, overflow: 0 });
  let element = PAGE_HEADER_BYTES;
  let position = PAGE_HEADER_BYTES + (to - from) * ELEMENT_BYTES;
  for (let child = from; child < to; child++) {
    const key = must(level.children.keys[child], "every child has a first key");
    page.writeUInt32LE(position - element, element);
    page.writeUInt32LE(key.length, element + 4);
    writePageNumber(page, element + 8, must(level.children.ids[child], "every child has a page"));
    position += page.write(key, position, "latin1");
    element += ELEMENT_BYTES;
  }
}

function bucketOf(layout: TableLayout): Row {
  const isEmpty = layout.root === 0;
  const bucket = Buffer.alloc(BUCKET_HEADER_BYTES + (isEmpty ? PAGE_HEADER_BYTES : 0));
  writePageNumber(bucket, 0, layout.root);
  if (isEmpty) {
    const inline = { id: 0, flags: PageFlag.LEAF, count: 0, overflow: 0 };
    writePageHeader(bucket.subarray(BUCKET_HEADER_BYTES), inline);
  }
  return [Buffer.from(layout.table), bucket];
}

/** Pages side by side in zeroed memory, until there are enough of them. */
class Chunk {
  #bytes = Buffer.alloc(CHUNK_BYTES);
  #used = 0;

  get isFull(): boolean {
    return this.#used >= CHUNK_BYTES;
  }

  /** Memory for the next pages. A long run makes this chunk longer than others. */
  take(pages: number): Buffer {
    const needed = this.#used + pages * PAGE_BYTES;
    if (needed > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#used)], needed);
    }
    const page = this.#bytes.subarray(this.#used, needed);
    this.#used = needed;
    return page;
  }

  end(): Buffer {
    const whole = this.#bytes.subarray(0, this.#used);
    this.#bytes = Buffer.alloc(CHUNK_BYTES);
    this.#used = 0;
    return whole;
  }
}
