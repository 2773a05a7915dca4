// A snapshot file is a database followed by its SHA-256. Databases are whole pages, so that a size
// of 32 modulo 512 tells that the hash is there; a copied data file has none.

import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { type FileHandle, open, rename, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseFile, DatabaseFormatError } from "./database-file.ts";
import { META_BYTES, PAGE_HEADER_BYTES, parseMetaPage } from "./page-format.ts";

export const TRAILER_BYTES = 32;
const SECTOR_BYTES = 512;
/** What the log and the state may need of a disk while a database comes in. */
const ROOM_LEFT_BYTES = 64 * 1024 * 1024;

/** The file is not what was sent, or it cannot be known. */
export class SnapshotHashError extends Error {
  override readonly name = "SnapshotHashError";
}

/** The chunks of a database, then their hash. */
export async function* withTrailer(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  yield hash.digest();
}

/** Whether the file is long enough, and of a length, to end with a hash. */
export function hasTrailer(path: string): boolean {
  return statSync(path).size % SECTOR_BYTES === TRAILER_BYTES;
}

/** Throws `SnapshotHashError`, with etcd's texts, unless the file ends with its own hash. */
export async function verifyTrailer(path: string): Promise<void> {
  if (!hasTrailer(path)) {
    throw new SnapshotHashError("snapshot missing hash but --skip-hash-check=false");
  }
  const end = statSync(path).size - TRAILER_BYTES;
  const hash = createHash("sha256");
  // The last byte is counted in: of a file that is a hash alone there is no such byte.
  const content = end === 0 ? [] : createReadStream(path, { end: end - 1 });
  for await (const chunk of content) hash.update(chunk as Buffer);
  const expected = await readTail(path, end);
  const found = hash.digest();
  if (!found.equals(expected)) {
    throw new SnapshotHashError(`expected sha256 ${asList(expected)}, got ${asList(found)}`);
  }
}

/** Brings a file to the disk; a caller may put its stopwatch around it. */
export type SyncFile = (handle: FileHandle) => Promise<void>;

const syncFile: SyncFile = (handle) => handle.sync();

/**
 * Writes chunks to a file of this name: all of them, durably, or nothing. A part that a failure
 * leaves is named `<path>.part` and removed.
 */
export async function saveChunks(
  path: string,
  chunks: AsyncIterable<Buffer>,
  sync: SyncFile = syncFile,
): Promise<void> {
  const part = `${path}.part`;
  try {
    const handle = await open(part, "w", 0o600);
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      await sync(handle);
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  const directory: FileHandle = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Takes in a database that somebody sends: saved under `path`, opened and checked from end to end.
 * What is not sound is removed again, and the error says why. What does not even begin like a
 * database, is longer than it says itself or leaves no room on the disk is not saved.
 */
export async function receiveDatabase(
  path: string,
  chunks: AsyncIterable<Buffer>,
  sync: SyncFile = syncFile,
): Promise<DatabaseFile> {
  await saveChunks(path, asAnnounced(chunks, dirname(path)), sync);
  let file: DatabaseFile | undefined;
  try {
    file = DatabaseFile.open(path);
    await file.check();
    return file;
  } catch (error) {
    file?.close();
    await rm(path, { force: true });
    throw error;
  }
}

/** A database is sent from its first page on, which says how many there are. */
async function* asAnnounced(
  chunks: AsyncIterable<Buffer>,
  folder: string,
): AsyncGenerator<Buffer, void, undefined> {
  let head: Buffer = Buffer.alloc(0);
  let expectedBytes: number | undefined;
  let count = 0;
  for await (const chunk of chunks) {
    count += chunk.length;
    if (expectedBytes === undefined) {
      head = Buffer.concat([head, chunk]);
      if (head.length < PAGE_HEADER_BYTES + META_BYTES) continue;
      expectedBytes = announcedBytes(head);
      await requireRoom(folder, expectedBytes);
    }
    if (count > expectedBytes) {
      throw new DatabaseFormatError(`more than the ${expectedBytes} bytes that it announces`);
    }
    yield head.length > 0 ? head : chunk;
    head = Buffer.alloc(0);
  }
  if (head.length > 0) throw new DatabaseFormatError("no valid meta page: not a database");
}

function announcedBytes(head: Buffer): number {
  const meta = parseMetaPage(head);
  if (meta === undefined) throw new DatabaseFormatError("no valid meta page: not a database");
  return meta.highWater * meta.pageSize;
}

async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bytes + ROOM_LEFT_BYTES <= bavail * bsize) return;
  throw new Error(`a database of ${bytes} bytes has no room on the disk`);
}

async function readTail(path: string, from: number): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const tail = Buffer.alloc(TRAILER_BYTES);
    await handle.read(tail, 0, TRAILER_BYTES, from);
    return tail;
  } finally {
    await handle.close();
  }
}

/** As Go prints a slice of bytes. */
function asList(bytes: Buffer): string {
  return `[${[...bytes].join(" ")}]`;
}
