// The pages of etcd's database file (bbolt, version 2). All integers are little endian.
//
//     page      id u64 │ flags u16 │ count u16 │ overflow u32 │ elements │ their bytes …
//                 an overflow of n: the page goes on through the n pages behind it
//     meta      magic u32 │ version u32 │ page size u32 │ flags u32 │ root u64 │ sequence u64 │
//               freelist u64 │ high water u64 │ transaction u64 │ FNV-1a-64 of all that u64
//     leaf      flags u32 │ position u32 │ key bytes u32 │ value bytes u32      (flag 1: a bucket)
//     branch    position u32 │ key bytes u32 │ child u64
//                 positions count from the element; a value follows its key
//     bucket    root u64 │ sequence u64 │ with root 0: a leaf page, inline

export const PAGE_HEADER_BYTES = 16;
export const ELEMENT_BYTES = 16;
export const META_BYTES = 64;
export const BUCKET_HEADER_BYTES = 16;
export const PageFlag = { BRANCH: 1, LEAF: 2, META: 4, FREELIST: 16 } as const;
export const LEAF_FLAG_BUCKET = 1;

const MAGIC = 0xed0cdaed;
const VERSION = 2;
/** A freelist that is not stored: whoever opens the file finds the free pages by walking it. */
export const NO_FREELIST = Number.MAX_SAFE_INTEGER;
const NO_FREELIST_STORED = 0xffff_ffff_ffff_ffffn;

export interface PageHeader {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  readonly overflow: number;
}

export interface Meta {
  readonly pageSize: number;
  readonly root: number;
  /** Page of the freelist, or `NO_FREELIST`. */
  readonly freelist: number;
  /** Number of pages; the file may be longer. */
  readonly highWater: number;
  readonly transaction: number;
}

/** Page ids and the like: exact up to 2^53; what lies beyond is no page of any file. */
export function readPageNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at);
}

export function writePageNumber(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, at);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

export function readPageHeader(page: Buffer): PageHeader {
  return {
    id: readPageNumber(page, 0),
    flags: page.readUInt16LE(8),
    count: page.readUInt16LE(10),
    overflow: page.readUInt32LE(12),
  };
}

export function writePageHeader(page: Buffer, header: PageHeader): void {
  writePageNumber(page, 0, header.id);
  page.writeUInt16LE(header.flags, 8);
  page.writeUInt16LE(header.count, 10);
  page.writeUInt32LE(header.overflow, 12);
}

/** @param page as long as a page; its rest is left alone */
export function writeMetaPage(page: Buffer, id: number, meta: Meta): void {
  writePageHeader(page, { id, flags: PageFlag.META, count: 0, overflow: 0 });
  const body = page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + META_BYTES);
  body.writeUInt32LE(MAGIC, 0);
  body.writeUInt32LE(VERSION, 4);
  body.writeUInt32LE(meta.pageSize, 8);
  writePageNumber(body, 16, meta.root);
  writePageNumber(body, 32, meta.freelist);
  writePageNumber(body, 40, meta.highWater);
  writePageNumber(body, 48, meta.transaction);
  body.writeBigUInt64LE(fnv1a64(body.subarray(0, 56)), 56);
}

/** The meta in the first bytes of a page, or undefined if it is none or does not verify. */
export function parseMetaPage(page: Buffer): Meta | undefined {
  if (page.length < PAGE_HEADER_BYTES + META_BYTES) return undefined;
  const body = page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + META_BYTES);
  if (body.readUInt32LE(0) !== MAGIC || body.readUInt32LE(4) !== VERSION) return undefined;
  if (body.readBigUInt64LE(56) !== fnv1a64(body.subarray(0, 56))) return undefined;
  const isStored = body.readBigUInt64LE(32) !== NO_FREELIST_STORED;
  return {
    pageSize: body.readUInt32LE(8),
    root: readPageNumber(body, 16),
    freelist: isStored ? readPageNumber(body, 32) : NO_FREELIST,
    highWater: readPageNumber(body, 40),
    transaction: readPageNumber(body, 48),
  };
}

function fnv1a64(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
