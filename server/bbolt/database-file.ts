// Reading etcd's database file. The file may come from anywhere and hold anything: nothing in it is
// believed before it is checked, and nothing in it can make the reader loop, read out of bounds or
// take more memory than the file is long.
//
// Checked on every read: page ids against the file's length; that a page is of the expected kind and
// says its own id; elements against the page; that no page is met twice in one walk; that keys
// ascend, within a page, across pages, and within what their branch promises.
// `check` also accounts for every page: reached once, or free.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Row } from "../storage/engine.ts";
import { TABLES, type Table } from "../storage/tables.ts";
import {
  BUCKET_HEADER_BYTES,
  ELEMENT_BYTES,
  LEAF_FLAG_BUCKET,
  META_BYTES,
  type Meta,
  NO_FREELIST,
  PAGE_HEADER_BYTES,
  PageFlag,
  parseMetaPage,
  readPageHeader,
  readPageNumber,
} from "./page-format.ts";
import { Turns } from "./turns.ts";

const PAGE_BYTES_MIN = 1024;
const PAGE_BYTES_MAX = 65_536;
const KEY_BYTES_MAX = 32_768;
/** Levels of a tree with at least two children a page, over all pages a file can have. */
const DEPTH_MAX = 64;
/** Of one page with all that it goes on in: far beyond any row, and any list of free pages. */
const PAGE_RUN_BYTES_MAX = 1024 * 1024 * 1024;
/** Rows between two pauses. */
const TURN_ROWS = 2_000;

/** The file is no database, or damaged. */
export class DatabaseFormatError extends Error {
  override readonly name = "DatabaseFormatError";
}

interface Page {
  readonly id: number;
  readonly bytes: Buffer;
  readonly isBranch: boolean;
  readonly count: number;
}

interface Element {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly isBucket: boolean;
}

/** Keys allowed in a subtree: `[low, high)`. */
interface Bounds {
  readonly low: Buffer | undefined;
  readonly high: Buffer | undefined;
}

const UNBOUNDED: Bounds = { low: undefined, high: undefined };

export class DatabaseFile {
  readonly #fd: number;
  readonly #meta: Meta;
  readonly #buckets: ReadonlyMap<string, Buffer>;

  private constructor(fd: number) {
    this.#fd = fd;
    this.#meta = this.#findMeta(fstatSync(fd).size);
    const buckets = new Map<string, Buffer>();
    for (const { key, value, isBucket } of this.#walk(this.#meta.root, new PageSet())) {
      if (!isBucket) throw new DatabaseFormatError(`"${text(key)}" at top level is no bucket`);
      buckets.set(text(key), value);
    }
    this.#buckets = buckets;
  }

  /** Throws `DatabaseFormatError` when there is no readable database; close it afterwards. */
  static open(path: string): DatabaseFile {
    const fd = openSync(path, "r");
    try {
      return new DatabaseFile(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Names of the top-level buckets, in byte order. */
  get buckets(): readonly string[] {
    return [...this.#buckets.keys()];
  }

  /** Of the pages that count; the file itself may be longer. */
  get totalBytes(): number {
    return this.#meta.highWater * this.#meta.pageSize;
  }

  /** Rows of one bucket in byte order; none if there is no such bucket. */
  *scan(bucket: string): Generator<Row> {
    for (const { key, value, isBucket } of this.#elements(bucket, new PageSet())) {
      if (isBucket) throw new DatabaseFormatError(`bucket "${bucket}" holds a bucket`);
      yield [key, value];
    }
  }

  /** The rows of every table an engine has; other buckets are passed over. */
  async *content(): AsyncGenerator<readonly [Table, Buffer, Buffer], void, undefined> {
    const turns = new Turns(TURN_ROWS);
    for (const table of TABLES) {
      for (const [key, value] of this.scan(table)) {
        yield [table, key, value];
        if (turns.spend(1)) await turns.pause();
      }
    }
  }

  /** Reads all of it. Throws `DatabaseFormatError` for the first thing that is wrong. */
  async check(): Promise<void> {
    const turns = new Turns(TURN_ROWS);
    const reached = new PageSet();
    for (const element of this.#walk(this.#meta.root, reached)) {
      for (const { isBucket } of this.#elements(text(element.key), reached)) {
        if (isBucket) throw new DatabaseFormatError("a bucket holds a bucket");
        if (turns.spend(1)) await turns.pause();
      }
    }
    const { freelist, highWater } = this.#meta;
    if (freelist === NO_FREELIST) return;
    const free = this.#freePages(freelist, reached);
    for (let id = 2; id < highWater; id++) {
      if (reached.has(id) && free.has(id))
        throw new DatabaseFormatError(`page ${id}: in use, free`);
      if (!reached.has(id) && !free.has(id)) {
        throw new DatabaseFormatError(`page ${id}: unreachable unfreed`);
      }
      if (turns.spend(1)) await turns.pause();
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #elements(bucket: string, seen: PageSet): Iterable<Element> {
    const header = this.#buckets.get(bucket);
    if (header === undefined) return [];
    if (header.length < BUCKET_HEADER_BYTES) {
      throw new DatabaseFormatError(`bucket "${bucket}": header of ${header.length} bytes`);
    }
    const root = readPageNumber(header, 0);
    if (root !== 0) return this.#walk(root, seen);
    const bytes = header.subarray(BUCKET_HEADER_BYTES);
    if (bytes.length < PAGE_HEADER_BYTES) {
      throw new DatabaseFormatError(`bucket "${bucket}": inline page of ${bytes.length} bytes`);
    }
    const { flags, count } = readPageHeader(bytes);
    if (flags !== PageFlag.LEAF)
      throw new DatabaseFormatError(`bucket "${bucket}": no inline leaf`);
    return inOrder(leafElements({ id: 0, bytes, isBranch: false, count }), UNBOUNDED);
  }

  /** Everything under a page, in order. */
  *#walk(root: number, seen: PageSet, bounds = UNBOUNDED, depth = 0): Generator<Element> {
    if (depth > DEPTH_MAX) throw new DatabaseFormatError(`page ${root}: the tree is too deep`);
    const page = this.#readPage(root, seen);
    if (!page.isBranch) {
      yield* inOrder(leafElements(page), bounds);
      return;
    }
    if (page.count === 0) throw new DatabaseFormatError(`page ${root}: a branch without children`);
    const children = branchElements(page);
    for (const [at, { key, child }] of children.entries()) {
      const next = children[at + 1]?.key;
      if (next !== undefined && Buffer.compare(key, next) >= 0) {
        throw new DatabaseFormatError(`page ${root}: keys out of order`);
      }
      // The first child may hold keys below its branch's: rows were put there later.
      const low = at === 0 ? bounds.low : key;
      yield* this.#walk(child, seen, { low, high: next ?? bounds.high }, depth + 1);
    }
  }

  #readPage(id: number, seen: PageSet): Page {
    const { pageSize, highWater } = this.#meta;
    if (id < 2 || id >= highWater) throw new DatabaseFormatError(`page ${id}: out of range`);
    const first = this.#read(id * pageSize, pageSize);
    const { id: ownId, flags, count, overflow } = readPageHeader(first);
    if (ownId !== id) throw new DatabaseFormatError(`page ${id}: says to be page ${ownId}`);
    if (flags !== PageFlag.BRANCH && flags !== PageFlag.LEAF && flags !== PageFlag.FREELIST) {
      throw new DatabaseFormatError(`page ${id}: unexpected kind ${flags}`);
    }
    const runBytes = (overflow + 1) * pageSize;
    if (id + overflow >= highWater || runBytes > PAGE_RUN_BYTES_MAX) {
      throw new DatabaseFormatError(`page ${id}: out of range`);
    }
    for (let part = id; part <= id + overflow; part++) {
      if (!seen.add(part)) throw new DatabaseFormatError(`page ${part}: multiple references`);
    }
    const bytes = overflow === 0 ? first : this.#read(id * pageSize, runBytes);
    if (flags === PageFlag.FREELIST) return { id, bytes, isBranch: false, count: -1 };
    return { id, bytes, isBranch: flags === PageFlag.BRANCH, count };
  }

  #freePages(root: number, reached: PageSet): PageSet {
    const page = this.#readPage(root, reached);
    if (page.count !== -1) throw new DatabaseFormatError(`page ${root}: no freelist`);
    const { count: stored } = readPageHeader(page.bytes);
    const isLong = stored === 0xffff;
    const count = isLong ? readPageNumber(page.bytes, PAGE_HEADER_BYTES) : stored;
    const start = PAGE_HEADER_BYTES + (isLong ? 8 : 0);
    if (start + count * 8 > page.bytes.length) {
      throw new DatabaseFormatError(`page ${root}: a freelist of ${count} does not fit`);
    }
    const free = new PageSet();
    for (let at = 0; at < count; at++) {
      const id = readPageNumber(page.bytes, start + 8 * at);
      if (id < 2 || id >= this.#meta.highWater || !free.add(id)) {
        throw new DatabaseFormatError(`page ${id}: freed twice, or out of range`);
      }
    }
    return free;
  }

  /** The newer of the two metas that verify. The second one's place depends on the page size. */
  #findMeta(fileBytes: number): Meta {
    const first = this.#metaAt(0, fileBytes);
    const candidates = [first];
    for (let size = PAGE_BYTES_MIN; size <= PAGE_BYTES_MAX; size *= 2) {
      if (first !== undefined && first.pageSize !== size) continue;
      const meta = this.#metaAt(size, fileBytes);
      if (meta?.pageSize === size) candidates.push(meta);
    }
    const [newest] = candidates
      .filter((meta) => meta !== undefined)
      .sort((a, b) => b.transaction - a.transaction);
    if (newest === undefined) throw new DatabaseFormatError("no valid meta page: not a database");
    const { pageSize, highWater } = newest;
    const isPower = pageSize >= PAGE_BYTES_MIN && (pageSize & (pageSize - 1)) === 0;
    if (!isPower || pageSize > PAGE_BYTES_MAX) {
      throw new DatabaseFormatError(`page size ${pageSize} is not supported`);
    }
    if (highWater * pageSize > fileBytes) {
      const detail = `${fileBytes} bytes, ${highWater} pages of ${pageSize} expected`;
      throw new DatabaseFormatError(`the file is cut short: ${detail}`);
    }
    return newest;
  }

  #metaAt(offset: number, fileBytes: number): Meta | undefined {
    const bytes = PAGE_HEADER_BYTES + META_BYTES;
    return offset + bytes <= fileBytes ? parseMetaPage(this.#read(offset, bytes)) : undefined;
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const count = readSync(this.#fd, bytes, done, length - done, offset + done);
      if (count === 0) throw new DatabaseFormatError(`the file ends at ${offset + done}`);
      done += count;
    }
    return bytes;
  }
}

/** Page ids, one bit each, in pieces as they are needed. */
class PageSet {
  readonly #pieces = new Map<number, Uint8Array>();

  has(id: number): boolean {
    const piece = this.#pieces.get(Math.floor(id / 65_536));
    return piece !== undefined && ((piece[(id % 65_536) >>> 3] ?? 0) & (1 << (id & 7))) !== 0;
  }

  /** False when it was in already. */
  add(id: number): boolean {
    if (this.has(id)) return false;
    const number = Math.floor(id / 65_536);
    let piece = this.#pieces.get(number);
    if (piece === undefined) {
      piece = new Uint8Array(8_192);
      this.#pieces.set(number, piece);
    }
    const at = (id % 65_536) >>> 3;
    piece[at] = (piece[at] ?? 0) | (1 << (id & 7));
    return true;
  }
}

function* inOrder(elements: Iterable<Element>, bounds: Bounds): Generator<Element> {
  let before: Buffer | undefined;
  for (const element of elements) {
    const { key } = element;
    const isAscending =
      before === undefined
        ? bounds.low === undefined || Buffer.compare(key, bounds.low) >= 0
        : Buffer.compare(key, before) > 0;
    const isBelow = bounds.high === undefined || Buffer.compare(key, bounds.high) < 0;
    if (!isAscending || !isBelow) {
      throw new DatabaseFormatError(`key ${key.toString("hex")} is out of order`);
    }
    before = key;
    yield element;
  }
}

function* leafElements(page: Page): Generator<Element> {
  checkElements(page);
  // Rows that shared their bytes could say more than the file holds.
  let free = PAGE_HEADER_BYTES + page.count * ELEMENT_BYTES;
  for (let at = 0; at < page.count; at++) {
    const element = PAGE_HEADER_BYTES + at * ELEMENT_BYTES;
    const flags = page.bytes.readUInt32LE(element);
    const position = page.bytes.readUInt32LE(element + 4);
    const key = slice(page, element, position, element + 8);
    if (key.length === 0) throw new DatabaseFormatError(`page ${page.id}: an empty key`);
    if (flags !== 0 && flags !== LEAF_FLAG_BUCKET) {
      throw new DatabaseFormatError(`page ${page.id}: unknown flags ${flags}`);
    }
    if (element + position < free) throw new DatabaseFormatError(`page ${page.id}: rows overlap`);
    const value = slice(page, element, position + key.length, element + 12);
    free = element + position + key.length + value.length;
    yield { key, value, isBucket: flags === LEAF_FLAG_BUCKET };
  }
}

function branchElements(page: Page): { key: Buffer; child: number }[] {
  checkElements(page);
  return Array.from({ length: page.count }, (_, at) => {
    const element = PAGE_HEADER_BYTES + at * ELEMENT_BYTES;
    const key = slice(page, element, page.bytes.readUInt32LE(element), element + 4);
    return { key, child: readPageNumber(page.bytes, element + 8) };
  });
}

function checkElements(page: Page): void {
  const end = PAGE_HEADER_BYTES + page.count * ELEMENT_BYTES;
  if (page.count < 0 || end > page.bytes.length) {
    throw new DatabaseFormatError(`page ${page.id}: ${page.count} elements do not fit`);
  }
}

/** `position` bytes behind `element`; as long as the number at `lengthAt` says. */
function slice(page: Page, element: number, position: number, lengthAt: number): Buffer {
  const length = page.bytes.readUInt32LE(lengthAt);
  const start = element + position;
  const isKey = lengthAt !== element + 12;
  if (start + length > page.bytes.length || (isKey && length > KEY_BYTES_MAX)) {
    throw new DatabaseFormatError(`page ${page.id}: an element points outside`);
  }
  return page.bytes.subarray(start, start + length);
}

function text(name: Buffer): string {
  return name.toString("latin1");
}
