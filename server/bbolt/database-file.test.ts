import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import type { View } from "../storage/engine.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { TABLES, type Table } from "../storage/tables.ts";
import { DatabaseFile, DatabaseFormatError } from "./database-file.ts";
import { databaseStatus } from "./database-status.ts";
import { writeDatabase } from "./database-writer.ts";
import { PAGE_HEADER_BYTES, PageFlag, writeMetaPage } from "./page-format.ts";

const root = mkdtempSync(join(tmpdir(), "bbolt-"));
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;
const newPath = () => join(root, `${count++}.db`);

type Rows = readonly (readonly [Table, Buffer, Buffer])[];

async function viewOf(rows: Rows): Promise<View> {
  const engine = new MemoryEngine();
  for (const [table, key, value] of rows) engine.put(table, key, value);
  await engine.commit();
  return engine;
}

async function bytesOf(rows: Rows): Promise<Buffer> {
  const database = await writeDatabase(await viewOf(rows));
  const chunks: Buffer[] = [];
  for await (const chunk of database.chunks()) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  expect(bytes.length).toBe(database.totalBytes);
  return bytes;
}

function openBytes(bytes: Buffer): DatabaseFile {
  const path = newPath();
  writeFileSync(path, bytes);
  return DatabaseFile.open(path);
}

/** Opens, checks and reads everything. */
async function readAll(bytes: Buffer): Promise<(readonly [Table, Buffer, Buffer])[]> {
  const file = openBytes(bytes);
  try {
    await file.check();
    const rows: (readonly [Table, Buffer, Buffer])[] = [];
    for await (const row of file.content()) rows.push(row);
    return rows;
  } finally {
    file.close();
  }
}

function numbered(table: Table, rows: number, keyBytes: number, valueBytes: (i: number) => number) {
  return Array.from({ length: rows }, (_, i) => {
    const key = Buffer.alloc(keyBytes, 0xee);
    key.writeUInt32BE(i);
    return [table, key, Buffer.alloc(valueBytes(i), i)] as const;
  });
}

/** Byte for byte, as text: of buffers the comparison would list every element. */
const asText = (rows: Rows) =>
  rows.map(([table, key, value]) => [table, key.toString("latin1"), value.toString("latin1")]);

test("what is written is read back, for every shape of table", async () => {
  const shapes: Rows[] = [
    [],
    [["meta", Buffer.from("term"), Buffer.alloc(0)]],
    TABLES.map((table) => [table, Buffer.of(0), Buffer.from(table)] as const),
    numbered("key", 1_500, 17, (i) => i % 500),
    numbered("key", 600, 1_978, () => 0),
    numbered("authUsers", 60, 300, (i) => (i % 7 === 3 ? 100_000 : 4_000 + i)),
    [["lease", Buffer.from("large"), Buffer.alloc(5_000_000, 7)]],
    [...numbered("auth", 1, 8, () => 4_039), ...numbered("key", 3, 8, () => 4_040)],
  ];
  for (const rows of shapes) {
    expect(asText(await readAll(await bytesOf(rows)))).toEqual(asText(rows));
  }
});

test("all ten buckets are there, rows or none", async () => {
  const file = openBytes(await bytesOf([]));
  expect(file.buckets).toEqual(TABLES);
  expect(await databaseStatus(file)).toMatchObject({ revision: 0, totalKeys: 0, version: "" });
  file.close();
});

test("the hash is the one etcd computes", async () => {
  // By `etcdutl snapshot status` of 3.5.16 over a file with these rows.
  const index = Buffer.from("0000000000000005", "hex");
  const term = Buffer.from("0000000000000001", "hex");
  const rows: Rows = [
    ["meta", Buffer.from("consistent_index"), index],
    ["meta", Buffer.from("term"), term],
  ];
  const file = openBytes(await bytesOf(rows));
  expect(await databaseStatus(file)).toEqual({
    hash: 1_351_435_906,
    revision: 0,
    totalKeys: 2,
    totalBytes: 20_480,
    version: "",
  });
  file.close();
});

test("writing pauses, so that others have their turn", async () => {
  let turns = 0;
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: () => () => undefined,
    every: () => () => undefined,
    soon: (callback: () => void) => {
      turns++;
      queueMicrotask(callback);
    },
  };
  const view = await viewOf(numbered("key", 20_000, 17, () => 100));
  const database = await writeDatabase(view, clock);
  const afterLayout = turns;
  for await (const chunk of database.chunks()) expect(chunk.length).toBeGreaterThan(0);
  expect(afterLayout).toBeGreaterThan(8);
  expect(turns - afterLayout).toBeGreaterThan(8);
});

test("a flipped bit is an error or changes a value, and never more", async () => {
  const rows = numbered("key", 400, 17, (i) => (i === 200 ? 9_000 : 100));
  const whole = await bytesOf(rows);
  const random = new SeededRandom(11);
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.from(whole);
    // Headers and elements are at the beginning of a page: hit them more often.
    const page = random.below(bytes.length / 4096) * 4096;
    const at = page + random.below(random.below(2) === 0 ? 64 : 4096);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    try {
      expect((await readAll(bytes)).length).toBeLessThanOrEqual(rows.length);
    } catch (error) {
      expect(error).toBeInstanceOf(DatabaseFormatError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test("a file cut anywhere is refused", async () => {
  const whole = await bytesOf(numbered("key", 200, 17, () => 100));
  for (let length = 0; length < whole.length; length += 511) {
    expect(() => openBytes(whole.subarray(0, length))).toThrow(DatabaseFormatError);
  }
});

test("of two metas the newer one that verifies counts", async () => {
  const bytes = await bytesOf([["meta", Buffer.from("a"), Buffer.from("1")]]);
  const highWater = bytes.length / 4096;
  const meta = { pageSize: 4096, root: highWater - 1, freelist: 2, highWater };
  writeMetaPage(bytes.subarray(4096, 8192), 1, { ...meta, root: 77, transaction: 9 });
  await expect(readAll(bytes)).rejects.toThrow("page 77: out of range");
  bytes[4096 + 70] = 1;
  expect(await readAll(bytes)).toHaveLength(1);
  bytes[70] = 1;
  await expect(readAll(bytes)).rejects.toThrow("not a database");
});

/** A file of one leaf table "key" whose pages a test may spoil; the root leaf is the last page. */
async function spoiled(change: (pages: (id: number) => Buffer, last: number) => void) {
  const bytes = await bytesOf(numbered("key", 400, 17, () => 100));
  const pages = (id: number) => bytes.subarray(id * 4096, (id + 1) * 4096);
  change(pages, bytes.length / 4096 - 1);
  return readAll(bytes);
}

const BRANCH = 3 + Math.ceil(400 / 30);

test("hostile pages are refused by name, and none makes the reader loop", async () => {
  const branchOf = (pages: (id: number) => Buffer, last: number) => pages(last - 1);
  await expect(
    spoiled((pages, last) => branchOf(pages, last).writeUInt32LE(last - 1, PAGE_HEADER_BYTES + 8)),
  ).rejects.toThrow(`page ${BRANCH}: multiple references`);
  await expect(
    spoiled((pages, last) => branchOf(pages, last).writeUInt32LE(4, PAGE_HEADER_BYTES + 8)),
  ).rejects.toThrow("out of order");
  await expect(
    spoiled((pages, last) => branchOf(pages, last).writeUInt32LE(0, PAGE_HEADER_BYTES + 8)),
  ).rejects.toThrow("page 0: out of range");
  await expect(
    spoiled((pages, last) => branchOf(pages, last).writeUInt32LE(1, PAGE_HEADER_BYTES + 12)),
  ).rejects.toThrow("out of range");
  await expect(spoiled((pages) => pages(3).writeUInt32LE(4, 0))).rejects.toThrow(
    "page 3: says to be page 4",
  );
  await expect(spoiled((pages) => pages(3).writeUInt16LE(PageFlag.META, 8))).rejects.toThrow(
    "page 3: unexpected kind 4",
  );
  await expect(spoiled((pages) => pages(3).writeUInt16LE(65_535, 10))).rejects.toThrow(
    "page 3: 65535 elements do not fit",
  );
  await expect(spoiled((pages) => pages(3).writeUInt32LE(0xffff_ffff, 12))).rejects.toThrow(
    "page 3: out of range",
  );
  await expect(spoiled((pages) => pages(3).writeUInt32LE(1, 12))).rejects.toThrow(
    "multiple references",
  );
  await expect(
    spoiled((pages) => pages(3).writeUInt32LE(0xffff_fff0, PAGE_HEADER_BYTES + 12)),
  ).rejects.toThrow("page 3: an element points outside");
  await expect(
    spoiled((pages) => pages(3).writeUInt32LE(0, PAGE_HEADER_BYTES + 8)),
  ).rejects.toThrow("page 3: an empty key");
  await expect(
    spoiled((pages) => pages(3).writeUInt32LE(16, PAGE_HEADER_BYTES + 4)),
  ).rejects.toThrow("page 3: rows overlap");
  await expect(spoiled((pages) => pages(3).writeUInt32LE(1, PAGE_HEADER_BYTES))).rejects.toThrow(
    "holds a bucket",
  );
  await expect(spoiled((pages) => pages(2).writeUInt16LE(3, 10))).rejects.toThrow("freed twice");
  await expect(
    spoiled((pages) => {
      pages(2).writeUInt16LE(1, 10);
      pages(2).writeUInt32LE(5, PAGE_HEADER_BYTES);
    }),
  ).rejects.toThrow("page 5: in use, free");
});

test("a page that nothing leads to is found by the check", async () => {
  await expect(
    spoiled((pages, last) => {
      const branch = pages(last - 1);
      branch.writeUInt16LE(branch.readUInt16LE(10) - 1, 10);
    }),
  ).rejects.toThrow(/page \d+: unreachable unfreed/);
});
