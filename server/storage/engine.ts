import type { Table } from "./tables.ts";

export type Row = readonly [key: Buffer, value: Buffer];

export interface ScanRange {
  /** Inclusive; absent is the first key. */
  readonly start?: Buffer;
  /** Exclusive; absent is behind the last key. */
  readonly end?: Buffer;
  /** Largest key first; the bounds keep their meaning. */
  readonly reverse?: boolean;
}

/** Reading. Buffers handed out stay valid and are never written to, by either side. */
export interface View {
  get(table: Table, key: Buffer): Buffer | undefined;
  /** In byte order. The caller may stop early; it must not write while it iterates. */
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
  /** The engine keeps `value`; the caller must not change its bytes afterwards. */
  put(table: Table, key: Buffer, value: Buffer): void;
  delete(table: Table, key: Buffer): void;
  /** Number of puts and deletes that no commit has taken yet. */
  readonly pendingCount: number;
  readonly pendingBytes: number;
  /** Resolves when all that was put before the call is durable. Rejects once and for all on I/O failure: the member must stop. */
  commit(): Promise<void>;
  /** A fixed picture of everything put before the call (commits first). Must be closed. */
  snapshot(): Promise<EngineSnapshot>;
  /** Bytes of the file; and of them, those in use. */
  size(): { readonly totalBytes: number; readonly inUseBytes: number };
  /** Rewrites the file without its free pages, under the same content. */
  defragment(): Promise<void>;
  /** Atomically replaces the whole content, e.g. by a leader's snapshot. Pending writes are dropped. */
  replace(content: AsyncIterable<readonly [Table, Buffer, Buffer]>): Promise<void>;
  close(): Promise<void>;
}

export interface EngineSnapshot extends View {
  close(): void;
}
