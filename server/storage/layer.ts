import type { Row, ScanRange } from "./engine.ts";
import { keyText, SortedTable } from "./sorted-table.ts";
import { TABLES, type Table } from "./tables.ts";

/** What was written since a commit took the layer below: one transaction to be. Null deletes. */
export class Layer {
  readonly tables: Readonly<Record<Table, SortedTable>>;
  #operations = 0;
  #bytes = 0;

  constructor() {
    const tables: Partial<Record<Table, SortedTable>> = {};
    for (const table of TABLES) tables[table] = new SortedTable();
    this.tables = tables as Record<Table, SortedTable>;
  }

  /** Writes taken, overwritten ones included. */
  get operations(): number {
    return this.#operations;
  }

  get bytes(): number {
    return this.#bytes;
  }

  set(table: Table, key: Buffer, value: Buffer | null): void {
    this.#operations++;
    this.#bytes += key.length + (value === null ? 0 : value.length);
    this.tables[table].set(keyText(key), value);
  }

  /** Takes over all of `newer`: both become one transaction. */
  absorb(newer: Layer): void {
    this.#operations += newer.#operations;
    this.#bytes += newer.#bytes;
    for (const table of TABLES) {
      for (const [key, value] of newer.tables[table].entries()) this.tables[table].set(key, value);
    }
  }
}

type LayerRow = readonly [key: Buffer, value: Buffer | null];

/** One source of a merge: its iterator and the row it stands on. */
interface Source {
  readonly rows: Iterator<LayerRow>;
  row: LayerRow | undefined;
}

/**
 * The rows of `below` with what the layers say on top of them. `layers` are oldest first; of equal
 * keys the newest counts. Stopping early closes the scan below.
 */
export function* layeredScan(
  layers: readonly Layer[],
  table: Table,
  range: ScanRange,
  below: Iterable<Row>,
): Generator<Row> {
  const sources: Source[] = [];
  const add = (rows: Iterator<LayerRow>) => sources.push({ rows, row: nextOf(rows) });
  try {
    for (let at = layers.length - 1; at >= 0; at--) {
      add((layers[at] as Layer).tables[table].scan(range));
    }
    add(below[Symbol.iterator]());
    const sign = range.reverse === true ? -1 : 1;
    for (let row = takeFirst(sources, sign); row; row = takeFirst(sources, sign)) {
      if (row[1] !== null) yield row as Row;
    }
  } finally {
    for (const source of sources) source.rows.return?.();
  }
}

/** The row with the first key; of equal keys the one of the newest source. All of them move on. */
function takeFirst(sources: readonly Source[], sign: number): LayerRow | undefined {
  let first: LayerRow | undefined;
  for (const { row } of sources) {
    if (row === undefined) continue;
    if (first === undefined || sign * Buffer.compare(row[0], first[0]) < 0) first = row;
  }
  if (first === undefined) return undefined;
  for (const source of sources) {
    if (source.row !== undefined && source.row[0].equals(first[0])) {
      source.row = nextOf(source.rows);
    }
  }
  return first;
}

function nextOf(rows: Iterator<LayerRow>): LayerRow | undefined {
  const next = rows.next();
  return next.done === true ? undefined : next.value;
}
