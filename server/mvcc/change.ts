import { encodeDeleted, KeyValueRecord } from "./key-value.ts";
import type { RecordTable } from "./record-table.ts";
import type { Revision } from "./revision.ts";

/** One put or one deletion of one key, as watchers are told of it. */
export class Change {
  readonly key: Buffer;
  readonly main: number;
  readonly sub: number;
  readonly isDelete: boolean;
  readonly #table: RecordTable;
  readonly #before: Revision | undefined;
  #record: KeyValueRecord | undefined;

  constructor(
    table: RecordTable,
    at: Revision & { key: Buffer; isDelete: boolean },
    before: Revision | undefined,
    record: KeyValueRecord | undefined,
  ) {
    this.#table = table;
    this.key = at.key;
    this.main = at.main;
    this.sub = at.sub;
    this.isDelete = at.isDelete;
    this.#before = before;
    this.#record = record;
  }

  /** The new record; of a deletion only the key and the revision of the deletion. */
  get record(): KeyValueRecord {
    this.#record ??= new KeyValueRecord(encodeDeleted(this.key, this.main));
    return this.#record;
  }

  /** Whether the key did not exist before. */
  get isCreate(): boolean {
    return this.#before === undefined;
  }

  /** The record that this change replaced, while it is in the table: within the same turn. */
  get previous(): KeyValueRecord | undefined {
    return this.#before && this.#table.find(this.#before.main, this.#before.sub);
  }
}
