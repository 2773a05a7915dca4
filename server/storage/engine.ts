import type { Table } from "./tables.ts";

export type Row = readonly [key: Buffer, value: Buffer];

/** Longest key in bytes (LMDB's limit with 4 KiB pages is 1,978). The shortest is one byte. */
export const ENGINE_KEY_BYTES_MAX = 1_978;

/** A stored record is not what was written: bytes rotted on disk. The member must stop. */
export class EngineCorruptionError extends Error {
  override readonly name = "EngineCorruptionError";
  readonly table: Table;
  readonly key: Buffer;

  constructor(table: Table, key: Buffer, detail: string) {
    super(`table "${table}", key ${key.toString("hex")}: ${detail}`);
    this.table = table;
    this.key = key;
  }
}

/** The disk refused a commit, or the engine is closed. What is in memory is no longer promised. */
export class EngineFailedError extends Error {
  override readonly name = "EngineFailedError";
}

export interface ScanRange {
  /** Inclusive; absent is the first key. */
  readonly start?: Buffer | undefined;
  /** Exclusive; absent is behind the last key. */
  readonly end?: Buffer | undefined;
  /** Largest key first; the bounds keep their meaning. */
  readonly reverse?: boolean | undefined;
}

/**
 * Reading. Buffers handed out stay valid and are never written to, by either side. A record whose
 * checksum does not fit throws `EngineCorruptionError`.
 */
export interface View {
  get(table: Table, key: Buffer): Buffer | undefined;
  /**
   * In byte order. The caller may stop early; it must not write while it iterates. Commits that end
   * meanwhile do not show.
   */
  scan(table: Table, range?: ScanRange): Iterable<Row>;
}

/**
 * The state of one member on disk: ten ordered tables of bytes.
 *
 * Writing is behind: `put` and `delete` change what `get` and `scan` show at once, in memory;
 * `commit` hands all of it to the disk as ONE transaction. A crash therefore shows the state at
 * some earlier commit, whole. The caller calls `commit` only between log entries, with the applied
 * index among what was put, and keeps the write-ahead log until the commit is durable.
 */
export interface Engine extends View {
  /**
   * Names the content and whatever grows out of it: another one after `replace`, and in every other
   * folder. What is kept beside the state says by it what it belongs to.
   */
  readonly contentId: bigint;
  /** The keys that `scan` would show, without their values and without looking at checksums. */
  scanKeys(table: Table, range?: ScanRange): Iterable<Buffer>;
  /**
   * The engine keeps `value`; the caller must not change its bytes afterwards. The key is copied.
   * Keys have 1 to `ENGINE_KEY_BYTES_MAX` bytes.
   */
  put(table: Table, key: Buffer, value: Buffer): void;
  delete(table: Table, key: Buffer): void;
  /** Number of puts and deletes that no commit has taken yet. */
  readonly pendingCount: number;
  /** Their keys and values. */
  readonly pendingBytes: number;
  /**
   * Memory, roughly, of all that is not durable yet, commits under way included. The caller bounds
   * it.
   */
  readonly uncommittedBytes: number;
  /**
   * A change begins that takes several turns: until `release` no commit takes anything. Whoever asks
   * for one meanwhile waits, and gets all of the change.
   */
  hold(): void;
  release(): void;
  /**
   * Resolves when all that was put before the call is durable. Rejects once and for all on I/O
   * failure, and every later call of any method throws: the member must stop. Commits may overlap.
   */
  commit(): Promise<void>;
  /** A fixed picture of everything put before the call (commits first). Must be closed. */
  snapshot(): Promise<EngineSnapshot>;
  /** Snapshots that are not closed. */
  readonly openSnapshots: number;
  /** Bytes of the file; and of them, those in use. */
  size(): { readonly totalBytes: number; readonly inUseBytes: number };
  /** Rewrites the file without its free pages, under the same content. Writing may go on. */
  defragment(): Promise<void>;
  /**
   * Atomically replaces the whole content, e.g. by a leader's snapshot; pending writes are dropped
   * and the caller writes nothing until this resolves. If `content` throws, so does this, and the
   * old content stands.
   */
  replace(content: AsyncIterable<readonly [Table, Buffer, Buffer]>): Promise<void>;
  /** Commits what is pending, then ends. Snapshots must be closed before. */
  close(): Promise<void>;
}

export interface EngineSnapshot extends View {
  close(): void;
}
