import type { EngineSnapshot, ScanRange, View } from "./engine.ts";
import type { Layer } from "./layer.ts";
import type { Table } from "./tables.ts";

export type Content = AsyncIterable<readonly [Table, Buffer, Buffer]>;

/** What lies below the layers of a `WriteBehindEngine`. Calls that return promises never overlap. */
export interface Store extends View {
  readonly contentId: bigint;
  scanKeys(table: Table, range: ScanRange): Iterable<Buffer>;
  /** One transaction, all or nothing; durable, and seen by `get`, when resolved. */
  write(layer: Layer): Promise<void>;
  /** What the last write left, for as long as it is open, whatever is written afterwards. */
  picture(): EngineSnapshot;
  size(): { readonly totalBytes: number; readonly inUseBytes: number };
  /** Puts `content` in the place of everything, under this name, all or nothing. */
  rewrite(content: Content, contentId: bigint): Promise<void>;
  close(): Promise<void>;
}
