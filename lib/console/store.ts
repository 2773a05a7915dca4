// What the console itself remembers, in LMDB under its own folder: it must be there when every
// cluster is down. The folder is open to its owner alone.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";

/** A table and an id in it. */
export type RecordKey = readonly [table: string, id: string];

const MAP_BYTES = 256 * 1024 * 1024;
const COMPLAINT_MS = 5 * 60_000;

export class ConsoleStore {
  readonly #database: RootDatabase<unknown, string[]>;
  /** By the monotonic clock. */
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    this.#database = open<unknown, string[]>({
      path: join(folder, "console.mdb"),
      noSubdir: true,
      encoding: "json",
      mapSize: MAP_BYTES,
    });
  }

  get(key: RecordKey): unknown {
    return this.#database.get([...key]);
  }

  /** Durable when it returns. */
  put(key: RecordKey, value: unknown): void {
    this.#database.putSync([...key], value);
  }

  /**
   * For what the console can do without: where it cannot be written, as on a full disk, that goes to
   * the log, at most once in 5 min, and all goes on. Durable when true is returned.
   */
  putIfPossible(key: RecordKey, value: unknown): boolean {
    return this.#tried(() => this.put(key, value));
  }

  remove(key: RecordKey): void {
    this.#database.removeSync([...key]);
  }

  /** For what does no harm where it is: a full disk lets nothing be removed either. */
  removeIfPossible(key: RecordKey): boolean {
    return this.#tried(() => this.remove(key));
  }

  /** All of a table; the table must not change meanwhile. */
  list(table: string): { readonly id: string; readonly value: unknown }[] {
    const range = this.#database.getRange({ start: [table], end: [table, "\uffff"] });
    return [...range].map(({ key, value }) => ({ id: key[1] ?? "", value }));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #tried(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      this.#complain(error);
      return false;
    }
  }

  #complain(error: unknown): void {
    const now = performance.now();
    if (now - this.#complainedAt < COMPLAINT_MS) return;
    this.#complainedAt = now;
    const why = error instanceof Error ? error.message : String(error);
    const time = new Date().toISOString();
    const line = { level: "error", msg: "the console's store cannot be written", time, why };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  }
}
