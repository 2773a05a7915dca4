import type { Entry, HardState, SnapshotMetadata } from "../raft/entry.ts";
import type { RecordContent, SnapshotItem } from "./record.ts";
import type { WalMetadata, WalState } from "./wal.ts";

const NO_HARD_STATE: HardState = { term: 0, vote: 0n, commit: 0 };
const NO_SNAPSHOT: SnapshotMetadata = {
  index: 0,
  term: 0,
  confState: { voters: [], learners: [] },
};

/**
 * What a row of records amounts to. The row may begin in the middle of a log's life, at the head of
 * any segment: entries then begin behind the head's snapshot, and a later snapshot covers the gap.
 */
export class LogState {
  #hardState = NO_HARD_STATE;
  #snapshot = NO_SNAPSHOT;
  #entries: Entry[] = [];
  /** Index before the first of `#entries`. */
  #base = 0;
  /** No entry seen yet: the first one says where the row begins. */
  #isOpen = true;

  get hardState(): HardState {
    return this.#hardState;
  }

  get snapshot(): SnapshotMetadata {
    return this.#snapshot;
  }

  /** Entries behind the snapshot. */
  get entries(): Entry[] {
    return this.#entries;
  }

  get lastIndex(): number {
    return this.#base + this.#entries.length;
  }

  /** The state under its owner's name. */
  under(metadata: WalMetadata): WalState {
    return {
      metadata,
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      entries: this.#entries,
    };
  }

  /** @returns what is wrong with it, or undefined when it was taken over */
  apply(content: RecordContent): string | undefined {
    if (content.snapshot !== undefined) this.#startAt(content.snapshot);
    for (const entry of content.entries) {
      const problem = this.#put(entry);
      if (problem !== undefined) return problem;
    }
    if (content.hardState !== undefined) this.#hardState = content.hardState;
    return undefined;
  }

  /** @returns what is wrong with the whole, or undefined */
  check(): string | undefined {
    if (this.#base > this.#snapshot.index) {
      return `entries ${this.#snapshot.index + 1} to ${this.#base} are missing`;
    }
    const { commit } = this.#hardState;
    if (commit > this.lastIndex) {
      return `entry ${commit} was committed, the log ends with ${this.lastIndex}`;
    }
    return undefined;
  }

  #put(entry: Entry): string | undefined {
    const { index } = entry;
    if (index <= this.#snapshot.index) return undefined;
    if (this.#isOpen || index <= this.#base) {
      this.#isOpen = false;
      this.#entries = [];
      this.#base = index - 1;
    }
    if (index > this.lastIndex + 1) return `entry ${index} follows entry ${this.lastIndex}`;
    const position = index - this.#base - 1;
    if (position < this.#entries.length) this.#entries.length = position;
    this.#entries.push(entry);
    return undefined;
  }

  #startAt({ metadata, isHeld }: SnapshotItem): void {
    if (!isHeld) {
      this.#entries = [];
      this.#base = metadata.index;
      this.#isOpen = false;
    } else if (metadata.index <= this.#snapshot.index) {
      return; // Heads repeat what is known.
    } else if (metadata.index > this.#base || this.#isOpen) {
      this.#entries.splice(0, metadata.index - this.#base);
      this.#base = metadata.index;
    }
    this.#snapshot = metadata;
  }
}
