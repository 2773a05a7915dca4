// A snapshot file is a database followed by its SHA-256. Databases are whole pages, so that a size
// of 32 modulo 512 tells that the hash is there; a copied data file has none.

import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseFile } from "./database-file.ts";

export const TRAILER_BYTES = 32;
const SECTOR_BYTES = 512;

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
  for await (const chunk of createReadStream(path, { end: end - 1 })) hash.update(chunk as Buffer);
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
 * What is not sound is removed again, and the error says why.
 */
export async function receiveDatabase(
  path: string,
  chunks: AsyncIterable<Buffer>,
  sync: SyncFile = syncFile,
): Promise<DatabaseFile> {
  await saveChunks(path, chunks, sync);
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
