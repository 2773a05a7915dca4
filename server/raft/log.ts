// The replicated log, as this member knows it.
//
//            base          applied   committed      stable        last
//    (gone)   │  ───────────┼──────────┼──────────────┼────────────┤
//             └ stands for everything before: its index and term are kept
//
// `stable` is the end of what this member's disk holds for certain. `committed` may lie on either
// side of it: a leader's followers can be faster than its own disk. Entries go to the state machine
// up to min(committed, stable).
//
// One append to disk is in flight at a time, [stable + 1, writing]. The answer "it is durable" names
// no entries, and does not need to: whoever overwrites entries meanwhile pulls `stable` and
// `writing` down to before the overwritten place, so an answer about the old entries never makes the
// new ones at the same indexes count as durable.
//
// Invariants: base ≤ applied ≤ taken ≤ min(committed, stable); committed ≤ last; stable ≤ last;
// entries[i].index = base + 1 + i; terms never fall along the log. Until a received snapshot is
// installed, base = committed = snapshot.index and applied stays behind it.

import { assert } from "../base/assert.ts";
import type { Entry, SnapshotMetadata } from "./entry.ts";

/** Framing of one entry in an APPEND, besides its data; only flow control depends on it. */
const ENTRY_OVERHEAD_BYTES = 16;
/** Entry bytes handed to the state machine at once, so that one turn stays short. */
const COMMITTED_BYTES_MAX = 4 * 1024 * 1024;

export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

interface LogSlice {
  readonly from: number;
  /** The log's end when it was cut. */
  readonly last: number;
  readonly bytesMax: number;
  readonly entries: readonly Entry[];
}

const NO_ENTRIES: readonly Entry[] = [];

export class RaftLog {
  #entries: Entry[];
  #base: LogPosition;
  #committed: number;
  #taken: number;
  #applied: number;
  #stable: number;
  #writing: number | undefined;
  #received: SnapshotMetadata | undefined;
  #installing: SnapshotMetadata | undefined;
  #lastSlice: LogSlice | undefined;

  /** Everything given is durable. */
  constructor(base: LogPosition, entries: readonly Entry[], committed: number, applied: number) {
    this.#base = { index: base.index, term: base.term };
    this.#entries = [...entries];
    this.#committed = committed;
    this.#applied = applied;
    this.#taken = applied;
    this.#stable = this.lastIndex;
    let before = this.#base;
    for (const entry of entries) {
      assert(entry.index === before.index + 1, "the recovered log has a gap");
      assert(entry.term >= before.term, "terms fall along the recovered log");
      before = entry;
    }
    assert(base.index <= applied && applied <= committed, "the recovered log begins too late");
    assert(committed <= this.lastIndex, "the disk lost entries that were committed");
  }

  get firstIndex(): number {
    return this.#base.index + 1;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get lastTerm(): number {
    const last = this.#entries.at(-1);
    return last === undefined ? this.#base.term : last.term;
  }

  get committed(): number {
    return this.#committed;
  }

  get applied(): number {
    return this.#applied;
  }

  /** Handed out to be applied. */
  get taken(): number {
    return this.#taken;
  }

  get stable(): number {
    return this.#stable;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  get hasUnstable(): boolean {
    return this.#received !== undefined || this.lastIndex > this.#stable;
  }

  /** A snapshot of the leader's that is not installed yet, if any. */
  get pendingSnapshot(): SnapshotMetadata | undefined {
    return this.#received ?? this.#installing;
  }

  /** Beside the snapshot that is being installed a newer one may wait. */
  awaits(index: number): boolean {
    return this.#received?.index === index || this.#installing?.index === index;
  }

  get hasCommitted(): boolean {
    return this.pendingSnapshot === undefined && this.#taken < this.#applicable;
  }

  get #applicable(): number {
    return Math.min(this.#committed, this.#stable);
  }

  /** Undefined outside of [firstIndex − 1, lastIndex]. */
  term(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  matches(position: LogPosition): boolean {
    return this.term(position.index) === position.term;
  }

  /** Is a log that ends like this at least as up to date as ours? Ours wins no ties. */
  isUpToDate(position: LogPosition): boolean {
    const lastTerm = this.lastTerm;
    if (position.term !== lastTerm) return position.term > lastTerm;
    return position.index >= this.lastIndex;
  }

  /** The leader's own entries: they follow the last one. */
  push(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "an entry is appended after the last one");
    this.#entries.push(entry);
  }

  /**
   * Takes over a leader's entries, which follow `previous` without a gap. Overwrites only from the
   * first entry that differs, so a late duplicate never shortens the log. Returns the index of the
   * last entry that is now known to equal the leader's, undefined when `previous` does not match,
   * and "committed" when a committed entry would change.
   */
  append(previous: LogPosition, entries: readonly Entry[]): number | undefined | "committed" {
    if (!this.matches(previous)) return undefined;
    let at = 0;
    while (at < entries.length && this.matches(entries[at] as Entry)) at++;
    if (at < entries.length) {
      const first = entries[at] as Entry;
      if (first.index <= this.#committed) return "committed";
      this.#truncate(first.index);
      if (at === 0 && this.#entries.length === 0) this.#entries = [...entries];
      else for (; at < entries.length; at++) this.#entries.push(entries[at] as Entry);
    }
    return previous.index + entries.length;
  }

  #truncate(from: number): void {
    if (from > this.lastIndex) return;
    this.#entries.length = from - this.#base.index - 1;
    this.#stable = Math.min(this.#stable, from - 1);
    if (this.#writing !== undefined) this.#writing = Math.min(this.#writing, from - 1);
    this.#lastSlice = undefined;
  }

  /**
   * The last position at or before `index` whose term is at most `term`: where a log that had `term`
   * there can first agree with ours. Term 0 when that place is no longer in the log.
   */
  lastPositionWithin(index: number, term: number): LogPosition {
    if (this.#base.index > index) return { index, term: 0 };
    let low = this.#base.index;
    let high = Math.min(index, this.lastIndex);
    if (this.#base.term > term) return { index: Math.max(0, low - 1), term: 0 };
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.term(middle) as number) <= term) low = middle;
      else high = middle - 1;
    }
    return { index: low, term: this.term(low) as number };
  }

  /** Entries from `from` on, at least one if there is one. Followers in step share the array. */
  slice(from: number, bytesMax: number): readonly Entry[] {
    const last = this.lastIndex;
    if (from > last) return NO_ENTRIES;
    const known = this.#lastSlice;
    if (known?.from === from && known.last === last && known.bytesMax === bytesMax) {
      return known.entries;
    }
    const entries = this.#sliceBytes(from, last, bytesMax);
    this.#lastSlice = { from, last, bytesMax, entries };
    return entries;
  }

  #sliceBytes(from: number, through: number, bytesMax: number): readonly Entry[] {
    const start = from - this.#base.index - 1;
    const limit = through - this.#base.index;
    let end = start;
    let bytes = 0;
    while (end < limit) {
      bytes += (this.#entries[end] as Entry).data.length + ENTRY_OVERHEAD_BYTES;
      if (bytes > bytesMax && end > start) break;
      end++;
    }
    return this.#entries.slice(start, end);
  }

  commitTo(index: number): void {
    assert(index <= this.lastIndex, "a commit lies within the log");
    if (index > this.#committed) this.#committed = index;
  }

  /** Committed, durable and not handed out before. */
  takeCommitted(): readonly Entry[] {
    if (!this.hasCommitted) return NO_ENTRIES;
    const entries = this.#sliceBytes(this.#taken + 1, this.#applicable, COMMITTED_BYTES_MAX);
    this.#taken += entries.length;
    return entries;
  }

  appliedTo(index: number): void {
    assert(index <= this.#taken, "applied what was never handed out");
    if (index > this.#applied) this.#applied = index;
  }

  /** What the next append to disk holds; nothing else may be written until endWrite. */
  beginWrite(): { entries: readonly Entry[]; snapshot: SnapshotMetadata | undefined } {
    assert(this.#writing === undefined, "one append to disk at a time");
    const from = this.#stable + 1;
    const entries =
      from > this.lastIndex ? NO_ENTRIES : this.#entries.slice(from - this.#base.index - 1);
    this.#writing = this.lastIndex;
    this.#installing = this.#received;
    this.#received = undefined;
    return { entries, snapshot: this.#installing };
  }

  endWrite(): void {
    assert(this.#writing !== undefined, "nothing is being written");
    // A snapshot that arrived meanwhile threw away all that was written.
    if (this.#received === undefined) this.#stable = Math.max(this.#stable, this.#writing);
    this.#writing = undefined;
    const installed = this.#installing;
    this.#installing = undefined;
    if (installed !== undefined) {
      this.#applied = Math.max(this.#applied, installed.index);
      this.#taken = Math.max(this.#taken, installed.index);
    }
  }

  /** Replaces everything by the leader's snapshot, which lies beyond our commit. */
  restore(snapshot: SnapshotMetadata): void {
    assert(snapshot.index > this.#committed, "a snapshot never takes back a commit");
    this.#entries = [];
    this.#base = { index: snapshot.index, term: snapshot.term };
    this.#committed = snapshot.index;
    this.#stable = snapshot.index;
    this.#received = snapshot;
    this.#lastSlice = undefined;
  }

  /**
   * Through which entry the log may be forgotten so that at most so many entries up to `index`, and
   * of no more bytes, stay.
   */
  forgettable(index: number, entriesMax: number, bytesMax: number): number {
    const least = Math.max(this.#base.index, index - entriesMax);
    let bytes = 0;
    for (let at = index; at > least; at--) {
      bytes += (this.#entries[at - this.#base.index - 1] as Entry).data.length;
      bytes += ENTRY_OVERHEAD_BYTES;
      if (bytes > bytesMax) return at;
    }
    return least;
  }

  /** Forgets entries through `index`; those after it stay for followers that are a little behind. */
  compact(index: number): void {
    if (index <= this.#base.index) return;
    assert(index <= this.#applied, "only applied entries are forgotten");
    const term = this.term(index) as number;
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { index, term };
    this.#lastSlice = undefined;
  }

  /** Is there an entry in (after, through] that satisfies the predicate? */
  hasEntry(after: number, through: number, is: (entry: Entry) => boolean): boolean {
    for (let index = after + 1; index <= through; index++) {
      const entry = this.#entries[index - this.#base.index - 1];
      if (entry !== undefined && is(entry)) return true;
    }
    return false;
  }
}
