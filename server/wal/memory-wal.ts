import { assert } from "../base/assert.ts";
import { LogState } from "./log-state.ts";
import { LogTerms } from "./log-terms.ts";
import type { RecordContent } from "./record.ts";
import type { Wal, WalBatch, WalMetadata, WalState } from "./wal.ts";

/** Waits before an append is durable, on the spot (undefined) or not; throwing is a failing disk. */
export type MemoryWalDisk = () => Promise<void> | undefined;

/** The same log without a disk, for simulation. */
export class MemoryWal implements Wal {
  /** Nobody else can come by what is in memory. */
  onLost: ((error: Error) => void) | undefined;
  readonly #metadata: WalMetadata;
  readonly #disk: MemoryWalDisk;
  /** Everything appended; of these the first `#durable` are on the disk that is not there. */
  #records: RecordContent[];
  #durable: number;
  readonly #terms = new LogTerms();
  #isAppending = false;
  #failure: Error | undefined;

  constructor(
    metadata: WalMetadata,
    disk: MemoryWalDisk = async () => undefined,
    records: readonly RecordContent[] = [],
  ) {
    this.#metadata = metadata;
    this.#disk = disk;
    this.#records = records.slice();
    this.#durable = records.length;
    const { snapshot, entries } = replay(records);
    this.#terms.startAt(snapshot, false);
    this.#terms.append(entries);
  }

  append(batch: WalBatch): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    assert(!this.#isAppending, "one append at a time");
    this.#records.push(this.#recordOf(batch));
    if (!batch.sync) return undefined;
    const { length } = this.#records;
    try {
      const syncing = this.#disk();
      if (syncing !== undefined) return this.#finish(syncing, length);
    } catch (cause) {
      return Promise.reject(this.#fail(cause));
    }
    this.#durable = length;
    return undefined;
  }

  async #finish(syncing: Promise<void>, length: number): Promise<void> {
    this.#isAppending = true;
    try {
      await syncing;
      this.#durable = length;
    } catch (cause) {
      throw this.#fail(cause);
    } finally {
      this.#isAppending = false;
    }
  }

  #fail(cause: unknown): Error {
    this.#failure = new Error("the write-ahead log lost its disk", { cause });
    return this.#failure;
  }

  release(index: number): void {
    const { hardState, snapshot, entries } = replay(this.#records.slice(0, this.#durable));
    if (snapshot.index < index) return;
    const unsynced = this.#records.slice(this.#durable);
    const start = { hardState, snapshot: { metadata: snapshot, isHeld: false }, entries };
    this.#records = [start, ...unsynced];
    this.#durable = 1;
  }

  confirmHeld(): void {}

  async close(): Promise<void> {
    if (this.#failure === undefined) this.#durable = this.#records.length;
    this.#failure ??= new Error("the write-ahead log is closed");
  }

  /** What opening this log would say. */
  state(): WalState {
    return replay(this.#records).under(this.#metadata);
  }

  /** Appends since the last sync: any first part of them may survive a crash. */
  get unsyncedCount(): number {
    return this.#records.length - this.#durable;
  }

  /** The log that a new process finds, with the first `kept` of the unsynced appends. */
  crash(kept = 0, disk: MemoryWalDisk = async () => undefined): MemoryWal {
    assert(kept <= this.unsyncedCount, "no more survives than was appended");
    return new MemoryWal(this.#metadata, disk, this.#records.slice(0, this.#durable + kept));
  }

  #recordOf({ hardState, entries, snapshot: metadata }: WalBatch): RecordContent {
    const isHeld = metadata !== undefined && this.#terms.holds(metadata);
    if (metadata !== undefined) this.#terms.startAt(metadata, isHeld);
    this.#terms.append(entries);
    return { hardState, entries, snapshot: metadata && { metadata, isHeld } };
  }
}

function replay(records: readonly RecordContent[]): LogState {
  const log = new LogState();
  for (const record of records) {
    const problem = log.apply(record);
    assert(problem === undefined, problem ?? "");
  }
  return log;
}
