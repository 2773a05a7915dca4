import { encodeDeleted, KeyValueRecord, keyOfRecord } from "./key-value.ts";
import type { RecordTable } from "./record-table.ts";
import type { Revision } from "./revision.ts";

/**
 * One put or one deletion of one key, as watchers are told of it. There may be millions of
 * deletions at once: they hold no objects of their own.
 */
export class Change {
  readonly main: number;
  readonly sub: number;
  readonly isDelete: boolean;
  readonly #table: RecordTable;
  /** The key of a put; of a deletion the record that is in the table. */
  readonly #source: Buffer;
  /** The revision that was replaced, -1 where the key did not exist. */
  readonly #beforeMain: number;
  readonly #beforeSub: number;
  #record: KeyValueRecord | undefined;

  private constructor(
    table: RecordTable,
    at: Revision,
    source: Buffer,
    before: Revision | undefined,
    record: KeyValueRecord | undefined,
  ) {
    this.#table = table;
    this.main = at.main;
    this.sub = at.sub;
    this.isDelete = record === undefined;
    this.#source = source;
    this.#beforeMain = before?.main ?? -1;
    this.#beforeSub = before?.sub ?? -1;
    this.#record = record;
  }

  static put(
    table: RecordTable,
    at: Revision,
    record: KeyValueRecord,
    before: Revision | undefined,
  ): Change {
    return new Change(table, at, record.key, before, record);
  }

  static deletion(table: RecordTable, at: Revision, tombstone: Buffer, before: Revision): Change {
    return new Change(table, at, tombstone, before, undefined);
  }

  get key(): Buffer {
    return this.isDelete ? keyOfRecord(this.#source) : this.#source;
  }

  /** The new record; of a deletion only the key and the revision of the deletion. */
  get record(): KeyValueRecord {
    this.#record ??= new KeyValueRecord(encodeDeleted(this.key, this.main));
    return this.#record;
  }

  /** Whether the key did not exist before. */
  get isCreate(): boolean {
    return this.#beforeMain < 0;
  }

  /**
   * The record that this change replaced, while it is in the table: until the last step of the
   * entry that made the change, with which its publishing ends. No compaction begins before.
   */
  get previous(): KeyValueRecord | undefined {
    return this.isCreate ? undefined : this.#table.find(this.#beforeMain, this.#beforeSub);
  }
}
