import { assert } from "../base/assert.ts";
import { SystemRandom } from "../base/random.ts";
import type { EngineSnapshot, Row, ScanRange } from "./engine.ts";
import type { Layer } from "./layer.ts";
import { keyText, presentRows, SortedTable } from "./sorted-table.ts";
import type { Content, Store } from "./store.ts";
import { TABLES, type Table } from "./tables.ts";
import { WriteBehindEngine } from "./write-behind-engine.ts";

type Tables = Readonly<Record<Table, SortedTable>>;

/** Waits before a commit becomes durable; throwing is a failing disk. */
export type MemoryDisk = () => Promise<void>;

/** The same engine without a disk: for simulation and for tests of what stands on an engine. */
export class MemoryEngine extends WriteBehindEngine {
  readonly #store: MemoryStore;

  constructor(disk: MemoryDisk = async () => undefined, store = new MemoryStore(disk)) {
    super(store);
    this.#store = store;
  }

  /** What a new process would find after a crash now: the last durable commit, nothing since. */
  crash(disk: MemoryDisk = async () => undefined): MemoryEngine {
    return new MemoryEngine(disk, this.#store.copy(disk));
  }
}

/** Tables that somebody reads from are never changed: a commit then goes on with a copy. */
class MemoryStore implements Store {
  readonly #disk: MemoryDisk;
  readonly #readers = new Map<SortedTable, number>();
  #tables: Tables;
  contentId: bigint;

  constructor(disk: MemoryDisk, tables = emptyTables(), contentId = new SystemRandom().uint64()) {
    this.#disk = disk;
    this.#tables = tables;
    this.contentId = contentId;
  }

  copy(disk: MemoryDisk): MemoryStore {
    return new MemoryStore(
      disk,
      mapTables((table) => this.#tables[table].copy()),
      this.contentId,
    );
  }

  get(table: Table, key: Buffer): Buffer | undefined {
    return this.#tables[table].get(keyText(key)) ?? undefined;
  }

  *scan(table: Table, range: ScanRange): Generator<Row> {
    const rows = this.#tables[table];
    this.#hold(rows, 1);
    try {
      yield* presentRows(rows.scan(range));
    } finally {
      this.#hold(rows, -1);
    }
  }

  *scanKeys(table: Table, range: ScanRange): Generator<Buffer> {
    for (const [key] of this.scan(table, range)) yield key;
  }

  async write(layer: Layer): Promise<void> {
    await this.#disk();
    this.#tables = mapTables((table) => this.#merged(this.#tables[table], layer.tables[table]));
  }

  picture(): EngineSnapshot {
    const tables = this.#tables;
    for (const table of TABLES) this.#hold(tables[table], 1);
    return new MemoryPicture(tables, () => {
      for (const table of TABLES) this.#hold(tables[table], -1);
    });
  }

  size(): { totalBytes: number; inUseBytes: number } {
    let bytes = 0;
    for (const table of TABLES) {
      for (const [key, value] of this.#tables[table].entries()) {
        if (value !== null) bytes += key.length + value.length;
      }
    }
    return { totalBytes: bytes, inUseBytes: bytes };
  }

  async rewrite(content: Content, contentId: bigint): Promise<void> {
    const tables = emptyTables();
    for await (const [table, key, value] of content) tables[table].set(keyText(key), value);
    await this.#disk();
    this.#tables = tables;
    this.contentId = contentId;
  }

  async close(): Promise<void> {
    this.#tables = emptyTables();
  }

  #hold(table: SortedTable, change: 1 | -1): void {
    const readers = (this.#readers.get(table) ?? 0) + change;
    if (readers === 0) this.#readers.delete(table);
    else this.#readers.set(table, readers);
  }

  #merged(rows: SortedTable, changes: SortedTable): SortedTable {
    if (changes.size === 0) return rows;
    const merged = this.#readers.has(rows) ? rows.copy() : rows;
    for (const [key, value] of changes.entries()) merged.set(key, value);
    merged.dropDeletedIfMany();
    return merged;
  }
}

class MemoryPicture implements EngineSnapshot {
  readonly #tables: Tables;
  readonly #release: () => void;
  #isOpen = true;

  constructor(tables: Tables, release: () => void) {
    this.#tables = tables;
    this.#release = release;
  }

  get(table: Table, key: Buffer): Buffer | undefined {
    assert(this.#isOpen, "a closed snapshot is not read");
    return this.#tables[table].get(keyText(key)) ?? undefined;
  }

  scan(table: Table, range: ScanRange = {}): Iterable<Row> {
    assert(this.#isOpen, "a closed snapshot is not read");
    return presentRows(this.#tables[table].scan(range));
  }

  close(): void {
    if (this.#isOpen) this.#release();
    this.#isOpen = false;
  }
}

function emptyTables(): Tables {
  return mapTables(() => new SortedTable());
}

function mapTables(make: (table: Table) => SortedTable): Tables {
  const tables: Partial<Record<Table, SortedTable>> = {};
  for (const table of TABLES) tables[table] = make(table);
  return tables as Tables;
}
