import { crc32c } from "../base/crc32c.ts";
import type { DatabaseFile } from "./database-file.ts";
import { Turns } from "./turns.ts";

/** What `snapshot status` prints. */
export interface DatabaseStatus {
  /** CRC-32C over every bucket: its name, then its keys and values, nothing left out. */
  readonly hash: number;
  /** Main revision of the last record; 0 without any. */
  readonly revision: number;
  /** Rows of all buckets together. */
  readonly totalKeys: number;
  readonly totalBytes: number;
  /** The storage version the database names; empty before 3.6. */
  readonly version: string;
}

/** A few milliseconds of checksumming, in bytes. */
const TURN_BYTES = 4 * 1024 * 1024;
const ROW_WORK = 2_000;

/** Reads and checks the whole file; throws `DatabaseFormatError` when it is damaged. */
export async function databaseStatus(file: DatabaseFile): Promise<DatabaseStatus> {
  const turns = new Turns(TURN_BYTES);
  let hash = 0;
  let totalKeys = 0;
  let revision = 0;
  let version = "";
  await file.check();
  for (const bucket of file.buckets) {
    hash = crc32c(Buffer.from(bucket, "latin1"), hash);
    for (const [key, value] of file.scan(bucket)) {
      hash = crc32c(value, crc32c(key, hash));
      totalKeys++;
      if (bucket === "key" && key.length >= 8) revision = Number(key.readBigUInt64BE(0));
      if (bucket === "meta" && key.equals(STORAGE_VERSION)) version = value.toString("utf8");
      if (turns.spend(ROW_WORK + key.length + value.length)) await turns.pause();
    }
  }
  return { hash, revision, totalKeys, totalBytes: file.totalBytes, version };
}

const STORAGE_VERSION = Buffer.from("storageVersion");
