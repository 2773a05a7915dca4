import type { Engine, EngineSnapshot, Row, ScanRange } from "../storage/engine.ts";
import { TABLES, type Table } from "../storage/tables.ts";

interface SortedTable {
  readonly rows: Map<string, Row>;
  keys: string[];
  isStale: boolean;
}

/** The least that is an Engine: tests of the stations above need no file. */
export class SortedEngine implements Engine {
  readonly #tables = new Map<Table, SortedTable>();
  pendingCount = 0;
  readonly pendingBytes = 0;

  constructor() {
    for (const table of TABLES) {
      this.#tables.set(table, { rows: new Map(), keys: [], isStale: false });
    }
  }

  get(table: Table, key: Buffer): Buffer | undefined {
    return this.#table(table).rows.get(key.toString("latin1"))?.[1];
  }

  *scan(table: Table, range: ScanRange = {}): Iterable<Row> {
    const found = this.#table(table);
    const keys = sortedKeys(found);
    const start = range.start === undefined ? 0 : lowerBound(keys, range.start.toString("latin1"));
    const end =
      range.end === undefined ? keys.length : lowerBound(keys, range.end.toString("latin1"));
    for (let i = 0; i < end - start; i++) {
      const row = found.rows.get(keys[range.reverse === true ? end - 1 - i : start + i] ?? "");
      if (row !== undefined) yield row;
    }
  }

  put(table: Table, key: Buffer, value: Buffer): void {
    const found = this.#table(table);
    const name = key.toString("latin1");
    if (!found.rows.has(name)) {
      found.isStale ||= name < (found.keys.at(-1) ?? "");
      found.keys.push(name);
    }
    found.rows.set(name, [key, value]);
    this.pendingCount++;
  }

  delete(table: Table, key: Buffer): void {
    const found = this.#table(table);
    found.isStale = found.rows.delete(key.toString("latin1")) || found.isStale;
    this.pendingCount++;
  }

  commit(): Promise<void> {
    this.pendingCount = 0;
    return Promise.resolve();
  }

  snapshot(): Promise<EngineSnapshot> {
    const copy = this.copy();
    return Promise.resolve({
      get: (table, key) => copy.get(table, key),
      scan: (table, range) => copy.scan(table, range),
      close: () => undefined,
    });
  }

  /** Another engine with the same content, as after a crash and a restart. */
  copy(): SortedEngine {
    const copy = new SortedEngine();
    for (const [name, table] of this.#tables) {
      const rows = new Map(table.rows);
      copy.#tables.set(name, { rows, keys: [...rows.keys()], isStale: true });
    }
    return copy;
  }

  size(): { totalBytes: number; inUseBytes: number } {
    return { totalBytes: 0, inUseBytes: 0 };
  }

  defragment(): Promise<void> {
    return Promise.resolve();
  }

  async replace(content: AsyncIterable<readonly [Table, Buffer, Buffer]>): Promise<void> {
    for (const table of this.#tables.values()) {
      table.rows.clear();
      table.isStale = true;
    }
    for await (const [table, key, value] of content) this.put(table, key, value);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #table(name: Table): SortedTable {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }
}

function sortedKeys(table: SortedTable): string[] {
  if (table.isStale) {
    table.keys = [...table.rows.keys()].sort((a, b) => (a < b ? -1 : 1));
    table.isStale = false;
  }
  return table.keys;
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
