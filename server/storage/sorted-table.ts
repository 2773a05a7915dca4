import type { Row, ScanRange } from "./engine.ts";

/**
 * One table in memory. Keys are latin1 strings: they compare as their bytes do, and a Map finds
 * them by content. The order costs nothing while keys only grow, as revisions do; otherwise it is
 * made when a scan asks for it.
 *
 * A null value stands for "deleted": a layer must remember that, to hide what lies below it.
 */
export class SortedTable {
  #values = new Map<string, Buffer | null>();
  #keys: string[] = [];
  #isSorted = true;
  /** Markers set since they were last dropped: no less than there are. */
  #deletions = 0;

  /** Entries, markers of deletion included. */
  get size(): number {
    return this.#values.size;
  }

  get(key: string): Buffer | null | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Buffer | null): void {
    const before = this.#values.size;
    this.#values.set(key, value);
    if (value === null) this.#deletions++;
    if (this.#values.size === before) return;
    const last = this.#keys[this.#keys.length - 1];
    if (last !== undefined && key < last) this.#isSorted = false;
    this.#keys.push(key);
  }

  /** In no particular order. */
  entries(): IterableIterator<[string, Buffer | null]> {
    return this.#values.entries();
  }

  /**
   * Forgets the markers of deletion once they are the larger part: for a table with nothing below.
   */
  dropDeletedIfMany(): void {
    if (this.#deletions * 2 <= this.#values.size) return;
    for (const [key, value] of this.#values) {
      if (value === null) this.#values.delete(key);
    }
    this.#keys = this.#keys.filter((key) => this.#values.has(key));
    this.#deletions = 0;
  }

  copy(): SortedTable {
    const copy = new SortedTable();
    copy.#values = new Map(this.#values);
    copy.#keys = this.#keys.slice();
    copy.#isSorted = this.#isSorted;
    copy.#deletions = this.#deletions;
    return copy;
  }

  /** Markers of deletion come as null. */
  *scan(range: ScanRange): Generator<readonly [Buffer, Buffer | null]> {
    const keys = this.#sorted();
    const from = range.start === undefined ? 0 : lowerBound(keys, keyText(range.start));
    const to = range.end === undefined ? keys.length : lowerBound(keys, keyText(range.end));
    if (range.reverse === true) {
      for (let at = to - 1; at >= from; at--) yield this.#row(keys[at] as string);
    } else {
      for (let at = from; at < to; at++) yield this.#row(keys[at] as string);
    }
  }

  #row(key: string): readonly [Buffer, Buffer | null] {
    return [Buffer.from(key, "latin1"), this.#values.get(key) ?? null];
  }

  /** Replaced by a new array when out of order, so that a scan keeps the one it began with. */
  #sorted(): string[] {
    if (!this.#isSorted) {
      this.#keys = this.#keys.slice().sort(compareText);
      this.#isSorted = true;
    }
    return this.#keys;
  }
}

export function keyText(key: Buffer): string {
  return key.toString("latin1");
}

/** The rows of a table that has no markers of deletion to respect. */
export function* presentRows(rows: Iterable<readonly [Buffer, Buffer | null]>): Generator<Row> {
  for (const [key, value] of rows) if (value !== null) yield [key, value];
}

/** Of keys as Latin-1 texts, whose order is that of the bytes. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Index of the first key at or behind `bound`. */
function lowerBound(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
