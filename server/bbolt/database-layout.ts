import type { View } from "../storage/engine.ts";
import { TABLES, type Table } from "../storage/tables.ts";
import { ELEMENT_BYTES, PAGE_HEADER_BYTES } from "./page-format.ts";
import type { Turns } from "./turns.ts";

export const PAGE_BYTES = 4096;
/** Two metas and the freelist come before the first table. */
export const FIRST_TABLE_PAGE = 3;
/** What a row costs besides its bytes, as work of a turn is counted. */
export const ROW_WORK = 1_000;
/** Elements of one page: the count has 16 bits, and 0xffff means something else in places. */
const ELEMENTS_MAX = 0xfff0;

/** A branch page: its children are `[from, to)` of the level below. */
interface Branch {
  readonly from: number;
  readonly to: number;
}

/** Pages of one height. Keys as latin1 text: the first key under each page. */
export interface Level {
  readonly ids: readonly number[];
  readonly keys: readonly string[];
}

export interface BranchLevel extends Level {
  readonly branches: readonly Branch[];
  readonly children: Level;
}

/** Where the rows of one table go. A table without rows has no pages: its bucket is inline. */
export interface TableLayout {
  readonly table: Table;
  readonly root: number;
  /** Rows of each leaf page, in order. */
  readonly leafRows: readonly number[];
  /** Pages that each leaf takes: more than one when a single row is longer than a page. */
  readonly leafPages: readonly number[];
  readonly leaves: Level;
  /** From the leaves up; the last one has one page. Empty when the only leaf is the root. */
  readonly branchLevels: readonly BranchLevel[];
}

export interface DatabaseLayout {
  readonly tables: readonly TableLayout[];
  /** The leaf of the buckets, the last page. */
  readonly root: number;
  readonly pages: number;
}

/** The first of two passes: says which rows share a page, and which page that is. */
export async function layOut(view: View, turns: Turns): Promise<DatabaseLayout> {
  const tables: TableLayout[] = [];
  let next = FIRST_TABLE_PAGE;
  for (const table of TABLES) {
    const plan = new LeafPlan(next);
    for (const [key, value] of view.scan(table)) {
      plan.add(key, value.length);
      if (turns.spend(ROW_WORK + key.length + value.length)) await turns.pause();
    }
    const layout = plan.finish(table);
    tables.push(layout.table);
    next = layout.end;
  }
  return { tables, root: next, pages: next + 1 };
}

class LeafPlan {
  readonly #rows: number[] = [];
  readonly #pages: number[] = [];
  readonly #ids: number[] = [];
  readonly #keys: string[] = [];
  #next: number;
  #rowsHere = 0;
  #bytesHere = 0;

  constructor(firstPage: number) {
    this.#next = firstPage;
  }

  add(key: Buffer, valueBytes: number): void {
    const bytes = ELEMENT_BYTES + key.length + valueBytes;
    if (this.#rowsHere > 0 && this.#bytesHere + bytes > PAGE_BYTES) this.#close();
    if (this.#rowsHere === 0) {
      this.#keys.push(key.toString("latin1"));
      this.#bytesHere = PAGE_HEADER_BYTES;
    }
    this.#rowsHere++;
    this.#bytesHere += bytes;
  }

  finish(table: Table): { table: TableLayout; end: number } {
    if (this.#rowsHere > 0) this.#close();
    const leaves: Level = { ids: this.#ids, keys: this.#keys };
    const branchLevels: BranchLevel[] = [];
    let top: Level = leaves;
    while (top.ids.length > 1) {
      const level = branchesOver(top, this.#next);
      this.#next += level.ids.length;
      branchLevels.push(level);
      top = level;
    }
    const layout: TableLayout = {
      table,
      root: top.ids[0] ?? 0,
      leafRows: this.#rows,
      leafPages: this.#pages,
      leaves,
      branchLevels,
    };
    return { table: layout, end: this.#next };
  }

  #close(): void {
    const pages = Math.ceil(this.#bytesHere / PAGE_BYTES);
    this.#rows.push(this.#rowsHere);
    this.#pages.push(pages);
    this.#ids.push(this.#next);
    this.#next += pages;
    this.#rowsHere = 0;
  }
}

function branchesOver(children: Level, firstId: number): BranchLevel {
  const ids: number[] = [];
  const keys: string[] = [];
  const branches: Branch[] = [];
  let from = 0;
  let bytes = PAGE_HEADER_BYTES;
  const close = (to: number) => {
    ids.push(firstId + ids.length);
    keys.push(children.keys[from] as string);
    branches.push({ from, to });
    from = to;
    bytes = PAGE_HEADER_BYTES;
  };
  for (const [at, key] of children.keys.entries()) {
    const needed = ELEMENT_BYTES + key.length;
    const isFull = bytes + needed > PAGE_BYTES || at - from >= ELEMENTS_MAX;
    if (at > from && isFull) close(at);
    bytes += needed;
  }
  close(children.keys.length);
  return { ids, keys, branches, children };
}
