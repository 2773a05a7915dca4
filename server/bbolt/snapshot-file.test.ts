import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { DatabaseFormatError } from "./database-file.ts";
import { writeDatabase } from "./database-writer.ts";
import { writeMetaPage } from "./page-format.ts";
import {
  hasTrailer,
  receiveDatabase,
  SnapshotHashError,
  saveChunks,
  verifyTrailer,
  withTrailer,
} from "./snapshot-file.ts";

const root = mkdtempSync(join(tmpdir(), "snapshot-file-"));
afterAll(() => rmSync(root, { recursive: true }));

async function database() {
  const engine = new MemoryEngine();
  for (let i = 0; i < 500; i++) engine.put("key", Buffer.from(`key ${i}`), Buffer.alloc(100, i));
  await engine.commit();
  return writeDatabase(engine);
}

test("a snapshot ends with its own hash; any flipped byte is noticed", async () => {
  const path = join(root, "whole.db");
  const source = await database();
  await saveChunks(path, withTrailer(source.chunks()));
  expect(statSync(path).size).toBe(source.totalBytes + 32);
  await verifyTrailer(path);
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += 997) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 1;
    writeFileSync(join(root, "damaged.db"), damaged);
    await expect(verifyTrailer(join(root, "damaged.db"))).rejects.toThrow(/^expected sha256 \[/);
  }
});

test("a file without a hash is refused by name", async () => {
  const path = join(root, "bare.db");
  await saveChunks(path, (await database()).chunks());
  expect(hasTrailer(path)).toBe(false);
  await expect(verifyTrailer(path)).rejects.toThrow(SnapshotHashError);
  await expect(verifyTrailer(path)).rejects.toThrow("snapshot missing hash");
});

test("a file that is a hash and nothing else is refused with both hashes", async () => {
  const path = join(root, "hash-alone.db");
  writeFileSync(path, Buffer.alloc(32, 7));
  await expect(verifyTrailer(path)).rejects.toThrow(SnapshotHashError);
  // SHA-256 of nothing.
  await expect(verifyTrailer(path)).rejects.toThrow(
    /^expected sha256 \[7 7 7 .* 7\], got \[227 176 196 66 .* 85\]$/,
  );
});

test("a source that breaks leaves no file, neither whole nor in part", async () => {
  const path = join(root, "broken.db");
  const broken = async function* () {
    yield Buffer.alloc(4096);
    throw new Error("the connection is gone");
  };
  await expect(saveChunks(path, broken())).rejects.toThrow("the connection is gone");
  expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
});

test("what begins like no database, or goes on behind its end, is not even saved", async () => {
  const path = join(root, "refused.db");
  let sent = 0;
  const endless = async function* (first: Buffer) {
    yield first;
    for (; sent < 1_000_000_000; sent += 65_536) yield Buffer.alloc(65_536);
  };
  const source = await database();
  const chunks: Buffer[] = [];
  for await (const chunk of source.chunks()) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  const refused = [Buffer.alloc(65_536), Buffer.alloc(10), whole.subarray(0, 79)];
  for (const first of refused) {
    await expect(receiveDatabase(path, endless(first))).rejects.toThrow("not a database");
  }
  await expect(receiveDatabase(path, endless(whole))).rejects.toThrow(
    `more than the ${whole.length} bytes that it announces`,
  );
  expect(sent).toBeLessThan(1_000_000);
  expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
});

test("a database for which there is no room on the disk is refused before it is sent", async () => {
  const path = join(root, "huge.db");
  const page = Buffer.alloc(4096);
  writeMetaPage(page, 0, { pageSize: 4096, root: 3, freelist: 2, highWater: 1e12, transaction: 1 });
  const head = async function* () {
    yield page;
    throw new Error("more was asked for");
  };
  await expect(receiveDatabase(path, head())).rejects.toThrow("has no room on the disk");
});

test("a received database is kept when it is sound, and only then", async () => {
  const path = join(root, "received.db");
  const source = await database();
  const file = await receiveDatabase(path, source.chunks());
  expect([...file.scan("key")]).toHaveLength(500);
  file.close();
  const half = async function* () {
    for await (const chunk of source.chunks()) yield chunk.subarray(0, 3 * 4096);
  };
  await expect(receiveDatabase(join(root, "half.db"), half())).rejects.toThrow(DatabaseFormatError);
  expect(existsSync(join(root, "half.db"))).toBe(false);
});
