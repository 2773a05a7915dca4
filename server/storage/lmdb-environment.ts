import { chmodSync, statSync } from "node:fs";
import type { Transaction } from "lmdb";
import { decodeUint64, encodeUint64 } from "../base/bytes.ts";
import { SystemRandom } from "../base/random.ts";
import {
  ENGINE_KEY_BYTES_MAX,
  EngineCorruptionError,
  type Row,
  type ScanRange,
  type View,
} from "./engine.ts";
import type { Layer } from "./layer.ts";
import { LmdbCommitThread } from "./lmdb-commit-thread.ts";
import { prepareLmdbFile } from "./lmdb-file.ts";
import { type FileTables, openFileTables } from "./lmdb-tables.ts";
import { openSealed } from "./sealed-value.ts";
import { TABLES, type Table } from "./tables.ts";

const CONTENT_ID = Buffer.from("contentId");

interface TableStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

type EnvironmentStats = TableStats & { readonly root: TableStats; readonly free: TableStats };

/** One LMDB file with its ten tables. Every value in it is sealed. */
export class LmdbEnvironment implements View {
  readonly path: string;
  readonly #root: FileTables["root"];
  readonly #tables: FileTables["tables"];
  /** Knows the file once something was committed to it. */
  #thread: LmdbCommitThread | undefined;
  readonly contentId: bigint;
  #users = 1;
  #onUnused: (() => Promise<void>) | undefined;
  #size: { totalBytes: number; inUseBytes: number } | undefined;

  /**
   * Opens or creates; throws when the file is not ours to open.
   * @param contentId of a new file; one that is there has its own
   */
  constructor(path: string, contentId = new SystemRandom().uint64()) {
    this.path = path;
    prepareLmdbFile(path);
    const { root, tables, own } = openFileTables(path);
    this.#root = root;
    this.#tables = tables;
    const known = own.get(CONTENT_ID);
    this.contentId = known === undefined ? contentId : decodeUint64(known);
    if (known === undefined) own.putSync(CONTENT_ID, encodeUint64(contentId));
    chmodSync(path, 0o600);
    chmodSync(lockPath(path), 0o600);
  }

  get(table: Table, key: Buffer, transaction?: Transaction): Buffer | undefined {
    if (key.length === 0 || key.length > ENGINE_KEY_BYTES_MAX) return undefined;
    const rows = this.#tables[table];
    const sealed = transaction ? rows.get(key, { transaction }) : rows.getBinaryFast(key);
    if (sealed === undefined) return undefined;
    // lmdb lends one long buffer and overrides its `length`.
    return unseal(table, key, sealed.subarray(0, sealed.length));
  }

  *scan(table: Table, range: ScanRange = {}, transaction?: Transaction): Generator<Row> {
    if (range.end?.length === 0) return;
    const bounds = boundsOf(range);
    const options = transaction === undefined ? bounds : { ...bounds, transaction };
    this.retain();
    try {
      for (const { key, value } of this.#tables[table].getRange(options as object)) {
        yield [key, unseal(table, key, value)];
      }
    } finally {
      void this.release();
    }
  }

  *scanKeys(table: Table, range: ScanRange): Generator<Buffer> {
    if (range.end?.length === 0) return;
    this.retain();
    try {
      yield* this.#tables[table].getKeys(boundsOf(range) as object);
    } finally {
      void this.release();
    }
  }

  /** One transaction, durable when resolved. */
  async write(layer: Layer): Promise<void> {
    this.#thread ??= LmdbCommitThread.shared();
    await this.#thread.commit(this.path, layer);
    this.#root.resetReadTxn();
    this.#size = undefined;
  }

  /** What the last write left, until `done`. */
  read(): Transaction {
    this.#root.resetReadTxn();
    return this.#root.useReadTransaction();
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    this.#size ??= this.#measure();
    return this.#size;
  }

  /** A second user; the file closes when all have released it. */
  retain(): void {
    this.#users++;
  }

  /** @param onUnused runs after the file is closed */
  async release(onUnused?: () => Promise<void>): Promise<void> {
    this.#onUnused ??= onUnused;
    if (--this.#users > 0) return;
    await this.#thread?.close(this.path);
    await this.#root.close();
    await this.#onUnused?.();
  }

  #measure(): { totalBytes: number; inUseBytes: number } {
    const root = this.#root.getStats() as EnvironmentStats;
    let pages = 2 + pagesOf(root.root) + pagesOf(root.free);
    for (const name of TABLES) pages += pagesOf(this.#tables[name].getStats() as TableStats);
    return { totalBytes: statSync(this.path).size, inUseBytes: pages * root.pageSize };
  }
}

function boundsOf(range: ScanRange): object {
  const start = range.start?.length === 0 ? undefined : range.start;
  const { end } = range;
  // Said outright even when undefined: lmdb's default start is behind the key 00.
  return range.reverse === true
    ? { reverse: true, start: end, exclusiveStart: true, end: start, inclusiveEnd: true }
    : { start, end };
}

export function lockPath(path: string): string {
  return `${path}-lock`;
}

function pagesOf(stats: TableStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}

function unseal(table: Table, key: Buffer, sealed: Uint8Array): Buffer {
  const value = openSealed(key, sealed);
  if (value !== undefined) return value;
  throw new EngineCorruptionError(table, Buffer.from(key), "the stored checksum does not fit");
}
