import { assert } from "../base/assert.ts";
import type { Engine, Row } from "../storage/engine.ts";
import { KeyValueRecord } from "./key-value.ts";
import { decodeMain, encodeRevision } from "./revision.ts";

const SCHEDULED = Buffer.from("scheduledCompactRev");
const FINISHED = Buffer.from("finishedCompactRev");

/** What the store keeps in the engine: a record per change, and how far compaction is. */
export class RecordTable {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The record that the index says is there. */
  read(main: number, sub: number): KeyValueRecord {
    const record = this.find(main, sub);
    assert(record !== undefined, `the record of revision ${main}.${sub} is in the table`);
    return record;
  }

  find(main: number, sub: number): KeyValueRecord | undefined {
    const bytes = this.#engine.get("key", encodeRevision(main, sub));
    return bytes === undefined ? undefined : new KeyValueRecord(bytes);
  }

  put(main: number, sub: number, isTombstone: boolean, bytes: Buffer): void {
    this.#engine.put("key", encodeRevision(main, sub, isTombstone), bytes);
  }

  delete(main: number, sub: number, isTombstone: boolean): void {
    this.#engine.delete("key", encodeRevision(main, sub, isTombstone));
  }

  /** Records in order of revision, from the record key `start` to before main `endMain`. */
  scan(start: Buffer, endMain: number): Iterable<Row> {
    return this.#engine.scan("key", { start, end: encodeRevision(endMain, 0) });
  }

  scanAll(): Iterable<Row> {
    return this.#engine.scan("key");
  }

  get scheduledCompaction(): number {
    return this.#readMeta(SCHEDULED);
  }

  set scheduledCompaction(revision: number) {
    this.#engine.put("meta", SCHEDULED, encodeRevision(revision, 0));
  }

  get finishedCompaction(): number {
    return this.#readMeta(FINISHED);
  }

  set finishedCompaction(revision: number) {
    this.#engine.put("meta", FINISHED, encodeRevision(revision, 0));
  }

  /** -1 before the first. */
  #readMeta(key: Buffer): number {
    const bytes = this.#engine.get("meta", key);
    return bytes === undefined ? -1 : decodeMain(bytes);
  }
}
