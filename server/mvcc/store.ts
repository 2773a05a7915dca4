import { assert } from "../base/assert.ts";
import { EtcdError } from "../errors.ts";
import type { Engine } from "../storage/engine.ts";
import type { LeaseOf } from "./block-codec.ts";
import { type ChildrenQuery, type ChildrenResult, listChildren } from "./children.ts";
import { deleteCompacted } from "./compaction.ts";
import { encodeIndex } from "./index-checkpoint.ts";
import { hashRecords, type KeyHash } from "./key-hash.ts";
import type { KeyIndex } from "./key-index.ts";
import { KeySpace, type RangeQuery, type RangeResult, readableRevision } from "./key-space.ts";
import { KeyValueRecord } from "./key-value.ts";
import { RangeCursor } from "./range-cursor.ts";
import { type IndexOrigin, type OnAttached, rebuildIndex } from "./rebuild.ts";
import { RecordTable } from "./record-table.ts";
import {
  decodeMain,
  decodeSub,
  encodeRevision,
  isTombstoneKey,
  type Revision,
} from "./revision.ts";
import { WriteTxn } from "./write-txn.ts";

// The multi-version key space: every change makes a new revision, and the past stays readable until
// it is compacted.
//
//   put a=1   rev 2        table `key`   2.0  {a, create 2, mod 2, version 1, "1"}
//   put b=1   rev 3                      3.0  {b, …}
//   del a     rev 4                      4.0t {a}
//                          index         a: 2.0 4.0†      b: 3.0
//
// A read at revision R finds in the index, per key, the newest revision ≤ R, and fetches its
// record. Compaction at R forgets logically at once (reads below R fail) and physically in slices,
// between other work. The first store is at revision 1 and compacted at -1.
//
// Invariants: the index knows exactly the records of the table · sub revisions of a main revision
// count from 0 · `revision` never decreases, not across a restart either · what a reader at or
// above `compactRevision` sees does not depend on how far deletion is · only a transaction,
// `compact` and `compactStep` write.

/** As etcd: hashes that were taken by compactions and are answered again. */
const STORED_HASHES_MAX = 10;
/** As etcd: records that one slice of a compaction deletes. */
const COMPACTION_BATCH = 1000;

interface CompactionJob {
  readonly revision: number;
  /** The compacted revision before, and whether its deletion was complete: then a hash is taken. */
  readonly previous: number;
  readonly takesHash: boolean;
}

/** One change of the past. */
export interface HistoryRow {
  readonly main: number;
  readonly sub: number;
  readonly isDelete: boolean;
  /** Of a deletion only the key. */
  readonly record: KeyValueRecord;
}

export class MvccStore {
  readonly origin: IndexOrigin;
  readonly #space: KeySpace;
  readonly #pins = new Set<{ readonly revision: number }>();
  readonly #hashes = new Map<number, KeyHash>();
  #revision: number;
  #compactRevision: number;
  #finishedCompactRevision: number;
  /** The compaction that works, and the last that waits for it. */
  #jobs: CompactionJob[] = [];
  #work: Generator<void, void> | undefined;
  #txn: WriteTxn | undefined;

  private constructor(space: KeySpace, newest: number, origin: IndexOrigin) {
    const { scheduledCompaction, finishedCompaction } = space.table;
    this.#space = space;
    this.origin = origin;
    this.#compactRevision = Math.max(scheduledCompaction, finishedCompaction);
    this.#finishedCompactRevision = finishedCompaction;
    this.#revision = Math.max(1, newest, this.#compactRevision);
    if (scheduledCompaction > finishedCompaction) {
      const previous = finishedCompaction;
      this.#jobs.push({ revision: scheduledCompaction, previous, takesHash: false });
    }
  }

  /**
   * Reads the whole `key` table, a million keys in two or three seconds; with a checkpoint only what
   * came since.
   * @param onAttached is told of every living key that has a lease
   * @param checkpoint what `savingIndex` gave at some time, if anything; damage does no harm
   */
  static open(engine: Engine, onAttached?: OnAttached, checkpoint?: Iterable<Buffer>): MvccStore {
    const opening = MvccStore.opening(engine, onAttached, checkpoint);
    for (;;) {
      const slice = opening.next();
      if (slice.done === true) return slice.value;
    }
  }

  /** As `open`, yielding every few ms. Nothing may write to the engine meanwhile. */
  static *opening(
    engine: Engine,
    onAttached?: OnAttached,
    checkpoint?: Iterable<Buffer>,
  ): Generator<void, MvccStore> {
    const table = new RecordTable(engine);
    const { index, newest, origin } = yield* rebuildIndex(table, checkpoint, onAttached);
    return new MvccStore(new KeySpace(index, table), newest, origin);
  }

  /** Of the last change; 1 before the first. */
  get revision(): number {
    return this.#revision;
  }

  /** Reads below it fail; -1 before the first compaction. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  /** The compaction whose deletions are all done. */
  get finishedCompactRevision(): number {
    return this.#finishedCompactRevision;
  }

  /** Keys that exist now. */
  get keyCount(): number {
    return this.#index.liveCount;
  }

  /** The key as it is now. */
  get(key: Buffer): KeyValueRecord | undefined {
    return this.#space.record(key, this.#revision);
  }

  /** The key as it was at a revision; also undefined where that is compacted. */
  recordAt(key: Buffer, revision: number): KeyValueRecord | undefined {
    if (revision < this.#compactRevision) return undefined;
    return this.#space.record(key, revision);
  }

  /**
   * For what is known to be small; everything else goes through `openRange`.
   * @throws EtcdError FutureRev, Compacted
   */
  range(query: RangeQuery): RangeResult {
    const revision = this.#readable(query.revision);
    return this.#space.range(query, revision, this.#isIndexed(revision));
  }

  /**
   * A range to be read in slices; must be closed.
   * @throws EtcdError FutureRev, Compacted
   */
  openRange(query: RangeQuery): RangeCursor {
    const revision = this.#readable(query.revision);
    const at = { revision, isCurrent: this.#isIndexed(revision) };
    return new RangeCursor(this.#space, query, at, this.pin(revision));
  }

  /**
   * Deletes nothing that a later compaction takes away from readers at `revision`, or from `history`
   * behind it, until the returned function is called.
   */
  pin(revision: number): () => void {
    const pin = { revision };
    this.#pins.add(pin);
    return () => void this.#pins.delete(pin);
  }

  /**
   * What stands directly below a prefix.
   * @throws EtcdError FutureRev, Compacted
   */
  children(query: ChildrenQuery): ChildrenResult {
    const revision = this.#readable(query.revision);
    return listChildren(this.#space, query, { revision, current: this.writtenRevision });
  }

  /** All changes from `from` on to main revision `to`, oldest first. No writes while it is read. */
  *history(from: Revision, to: number): Generator<HistoryRow, void> {
    for (const [key, value] of this.#space.table.scan(
      encodeRevision(from.main, from.sub),
      to + 1,
    )) {
      const record = new KeyValueRecord(value);
      const isDelete = isTombstoneKey(key);
      yield { main: decodeMain(key), sub: decodeSub(key), isDelete, record };
    }
  }

  /** Starts the changes of one log entry; one transaction at a time. */
  begin(): WriteTxn {
    assert(this.#txn === undefined, "one transaction ends before the next begins");
    this.#txn = new WriteTxn(this.#space, this, (revision) => this.#end(revision));
    return this.#txn;
  }

  /**
   * Forgets what is older than `revision`. Reads below it fail from now on; `compactStep` deletes.
   * @throws EtcdError Compacted, FutureRev
   */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) throw new EtcdError("Compacted");
    if (revision > this.#revision) throw new EtcdError("FutureRev");
    const previous = this.#compactRevision;
    const takesHash = previous === this.#finishedCompactRevision;
    this.#compactRevision = revision;
    this.#space.table.scheduledCompaction = revision;
    this.#jobs.splice(1, 1, { revision, previous, takesHash });
  }

  /** Records that compactions have deleted since the store was opened. */
  get deletedCount(): number {
    return this.#space.table.deletedCount;
  }

  /** Of the last compactions of this process, each as it was before anything was deleted. */
  get compactionHashes(): readonly KeyHash[] {
    return [...this.#hashes.values()];
  }

  /** Of the compaction whose records are deleted next. */
  get compactingRevision(): number | undefined {
    return this.#jobs[0]?.revision;
  }

  get isCompacting(): boolean {
    return this.#jobs.length > 0;
  }

  /**
   * A slice (a few ms) of hashing and deleting. True when there is more to do at once; false when
   * all is done or a reader of old records has to finish first.
   * @param deletionsMax records deleted per slice; holds for the whole compaction
   */
  compactStep(deletionsMax = COMPACTION_BATCH): boolean {
    const job = this.#jobs[0];
    if (job === undefined || this.#isPinnedBelow(job.revision)) return false;
    this.#work ??= this.#compacting(job, deletionsMax);
    if (this.#work.next().done === true) {
      this.#work = undefined;
      this.#jobs.shift();
    }
    return this.#jobs.length > 0;
  }

  /**
   * The hash that members compare; 0 is the current revision. Yields between slices; whoever gives
   * up early must call `return`.
   * @throws EtcdError FutureRev, Compacted
   */
  *hashing(revision: number): Generator<void, KeyHash> {
    const stored = revision > 0 ? this.#hashes.get(revision) : undefined;
    if (stored !== undefined) return stored;
    // Before the first revision there is nothing, and etcd hashes that.
    const at = revision < 0 ? -1 : this.#readable(revision);
    const release = this.pin(at);
    try {
      return yield* hashRecords(this.#space, {
        revision: at,
        compactRevision: this.#compactRevision,
        keepsTombstones: false,
      });
    } finally {
      release();
    }
  }

  /** Records read at the start one by one, and written or deleted since. */
  get recordsTouched(): number {
    return this.origin.recordsRead + this.#space.table.writes;
  }

  /** The last revision of which anything was written. */
  get writtenRevision(): number {
    return this.#txn === undefined ? this.#revision : this.#revision + 1;
  }

  /**
   * The index in frames, for a later `open`; a frame takes a fraction of a ms, and anything may
   * happen in between. They may be kept once all of `writtenRevision` is durable in the engine.
   * @param leaseOf undefined where no key has a lease now
   */
  savingIndex(leaseOf: LeaseOf | undefined): Generator<Buffer, void> {
    const { contentId, scheduledCompaction, finishedCompaction } = this.#space.table;
    const revision = this.#revision;
    const head = { contentId, revision, scheduledCompaction, finishedCompaction };
    return encodeIndex(this.#index, head, leaseOf, () => this.writtenRevision);
  }

  #end(revision: number): void {
    this.#revision = revision;
    this.#txn = undefined;
  }

  get #index(): KeyIndex {
    return this.#space.index;
  }

  #readable(revision: number): number {
    return readableRevision(revision, this.#revision, this.#compactRevision);
  }

  /** Whether the index's counts are those of this revision: no transaction has begun to change them. */
  #isIndexed(revision: number): boolean {
    return revision === this.writtenRevision;
  }

  #isPinnedBelow(revision: number): boolean {
    for (const pin of this.#pins) if (pin.revision < revision) return true;
    return false;
  }

  *#compacting(job: CompactionJob, deletionsMax: number): Generator<void, void> {
    const { revision, previous, takesHash } = job;
    if (takesHash) {
      const bounds = { revision, compactRevision: previous, keepsTombstones: true };
      this.#storeHash(yield* hashRecords(this.#space, bounds));
    }
    yield* deleteCompacted(this.#index, this.#space.table, revision, deletionsMax);
    this.#finishedCompactRevision = revision;
    this.#space.table.finishedCompaction = revision;
  }

  #storeHash(hash: KeyHash): void {
    this.#hashes.set(hash.revision, hash);
    if (this.#hashes.size <= STORED_HASHES_MAX) return;
    for (const oldest of this.#hashes.keys()) {
      this.#hashes.delete(oldest);
      return;
    }
  }
}
