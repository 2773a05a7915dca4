import { assert } from "../base/assert.ts";
import type { Engine, Row } from "../storage/engine.ts";
import { KeyValueRecord } from "./key-value.ts";
import { decodeMain, encodeRevision } from "./revision.ts";

const SCHEDULED = Buffer.from("scheduledCompactRev");
const FINISHED = Buffer.from("finishedCompactRev");

/** What the store keeps in the engine: a record per change, and how far compaction is. */
export class RecordTable {
  readonly #engine: Engine;
  #writes = 0;
  /** Records that compactions have deleted. */
  deletedCount = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get contentId(): bigint {
    return this.#engine.contentId;
  }

  /** Records put and deleted since the start. */
  get writes(): number {
    return this.#writes;
  }

  /** The newest main revision, 0 when the table is empty. */
  get newest(): number {
    for (const key of this.#engine.scanKeys("key", { reverse: true })) return decodeMain(key);
    return 0;
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
    this.#writes++;
    this.#engine.put("key", encodeRevision(main, sub, isTombstone), bytes);
  }

  delete(main: number, sub: number, isTombstone: boolean): void {
    this.#writes++;
    this.#engine.delete("key", encodeRevision(main, sub, isTombstone));
    this.deletedCount++;
  }

  /** Records in order of revision, from the record key `start` to before main `endMain`, if given. */
  scan(start: Buffer, endMain?: number): Iterable<Row> {
    const end = endMain === undefined ? undefined : encodeRevision(endMain, 0);
    return this.#engine.scan("key", { start, end });
  }

  /** The records' keys in order, to before main `endMain`. */
  scanKeys(endMain: number): Iterable<Buffer> {
    return this.#engine.scanKeys("key", { end: encodeRevision(endMain, 0) });
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
