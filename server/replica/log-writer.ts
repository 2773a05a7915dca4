import type { AppliedMark } from "../apply/applied-mark.ts";
import { assert } from "../base/assert.ts";
import type { SnapshotMetadata } from "../raft/entry.ts";
import type { Append } from "../raft/ready.ts";
import type { Wal } from "../wal/wal.ts";

export interface LogWriterEvents {
  /** A snapshot takes the place of the state, before the log says so. */
  install(snapshot: SnapshotMetadata): Promise<void>;
  /** The log says so now, durably. */
  installed(): Promise<void>;
  /** An append that had to be waited for is durable. */
  appended(append: Append): void;
  /** The log may begin behind `mark`. */
  marked(mark: AppliedMark): void;
  /** Nothing more is written. */
  failed(error: unknown): void;
}

/** The log takes one call at a time: raft's appends, and markers between them. */
export class LogWriter {
  readonly #wal: Wal;
  readonly #events: LogWriterEvents;
  #append: Promise<void> | undefined;
  /** An append that comes meanwhile waits for it. */
  #marking: Promise<void> | undefined;
  /** Durable in the engine, but the log does not say so yet. */
  #marker: AppliedMark | undefined;

  constructor(wal: Wal, events: LogWriterEvents) {
    this.#wal = wal;
    this.#events = events;
  }

  /** True: it is durable already. Otherwise `appended` or `failed` will be called. */
  append(append: Append): boolean {
    assert(this.#append === undefined, "one append is in flight at a time");
    const mustWait = this.#marking !== undefined || append.snapshot !== undefined;
    const writing = mustWait ? this.#writeLater(append) : this.#write(append);
    if (writing === undefined) return true;
    this.#append = this.#finish(writing, append);
    return false;
  }

  /** The state is durable up to here: to be said by `writeMarker`. */
  mark(mark: AppliedMark): void {
    this.#marker = mark;
  }

  /** The state is another: what was to be marked is past. */
  forgetMarker(): void {
    this.#marker = undefined;
  }

  /** Says what `mark` was told, when nothing else is written. */
  writeMarker(): void {
    const isFree = this.#append === undefined && this.#marking === undefined;
    if (this.#marker !== undefined && isFree) this.#marking = this.#writeMarker(this.#marker);
  }

  /** What is being written is written. */
  async settle(): Promise<void> {
    await this.#marking;
    await this.#append;
  }

  #write({ hardState, snapshot, entries, mustSync: sync }: Append): Promise<void> | undefined {
    return this.#wal.append({ hardState, snapshot, entries, sync });
  }

  async #writeLater(append: Append): Promise<void> {
    if (this.#marking !== undefined) await this.#marking;
    if (append.snapshot !== undefined) await this.#events.install(append.snapshot);
    await this.#write(append);
    if (append.snapshot !== undefined) await this.#events.installed();
  }

  async #finish(writing: Promise<void>, append: Append): Promise<void> {
    try {
      await writing;
    } catch (error) {
      this.#events.failed(error);
      return;
    }
    this.#append = undefined;
    this.#events.appended(append);
  }

  async #writeMarker(mark: AppliedMark): Promise<void> {
    this.#marker = undefined;
    try {
      await this.#wal.append({ snapshot: mark, entries: [], sync: true });
      this.#wal.release(mark.index);
    } catch (error) {
      this.#events.failed(error);
      return;
    }
    this.#marking = undefined;
    this.#events.marked(mark);
  }
}
