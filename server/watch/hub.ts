import { AssertionError, assert, must } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Steps } from "../base/steps.ts";
import type { Change } from "../mvcc/change.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { CatchUp } from "./catch-up.ts";
import { Lateness, LateWatchers } from "./late-watchers.ts";
import { TURN_LIMITS, type TurnLimits, type WatchOutlet } from "./long-revision.ts";
import { NewRevision } from "./new-revision.ts";
import type { PackedEvents } from "./packed-events.ts";
import { type WatchHome, type WatchSink, WatchStream } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";
import { WatcherGroup } from "./watcher-group.ts";
import { WatcherQueue } from "./watcher-queue.ts";

// Who watches what, and how far each has got.
//
//   publish(revision, changes) ──▶ synced watchers: told in the same turn, or as soon as all of very
//                                  many changes were looked through
//        no room in the stream ──▶ unsynced, from this revision on
//        too many for one turn ──▶ late: hidden among the synced, crowd by crowd, and made unsynced a
//                                  slice a turn
//   catch-up, a slice a turn   ──▶ unsynced watchers: read the store from their position
//        a revision of many changes: a slice a turn of it, told at its end, or in parts
//        nothing left to read  ──▶ synced
//        position compacted    ──▶ ended, and told so
//
// A stream that its client does not read costs a bounded buffer and nothing else: what it missed is
// in the store, and is read again when there is room.
//
// Invariants: a synced watcher was sent every event up to `revision` that it wants, but for those of
// a revision that is being published · a late one up to `toldRevision` at least · an unsynced one
// every event before its position · no event twice, none out of order, and the events of a revision
// always together, or in parts with nothing else between them · progress is told through the same
// sink, behind the events it speaks of.

/** To all watchers in one turn; the others read it from the store, in later turns. */
const SENT_BYTES_PER_REVISION = 64 * 1024 * 1024;
/** Late watchers made unsynced in one slice; a turn may have two. */
const LATE_WATCHERS_PER_SLICE = 2000;
/** Watchers of closed streams that leave in one slice, or to make room for a new one. */
const LEAVING_WATCHERS_PER_SLICE = 2000;
/** Streams that are told progress in one turn for which they had to wait. */
const PAID_STREAMS_PER_TURN = 1000;

/** What watchers of all streams may come to: their number, and the bytes of their keys and ends. */
const WATCHERS_MAX = 1_000_000;
const KEY_BYTES_MAX = 256 * 1024 * 1024;

export class WatchHub implements WatchHome, WatchOutlet {
  readonly #clock: Clock;
  readonly #streams = new Set<WatchStream>();
  readonly #synced: WatcherGroup;
  readonly #unsynced = new WatcherQueue();
  readonly #late = new LateWatchers();
  readonly #latenesses = new Set<Lateness>();
  /** Of which some wait for progress to be told, until late watchers are told more. */
  readonly #waitingStreams = new Set<WatchStream>();
  readonly #catchUp: CatchUp;
  #store: MvccStore;
  #revision: number;
  #isCatchUpDue = false;
  #isLateDue = false;
  #isLeavingDue = false;
  /** Watchers of closed streams, a stream each. */
  readonly #leaving: Iterator<Watcher>[] = [];
  #isPaused = false;
  /** `revision` is looked through: nobody was told of it. */
  #isPublishing = false;
  readonly #limits: TurnLimits;
  #eventCount = 0;
  #keyBytes = 0;

  constructor(store: MvccStore, clock: Clock, random: Random, limits = TURN_LIMITS) {
    this.#synced = new WatcherGroup(random);
    this.#limits = limits;
    this.#catchUp = new CatchUp(store, this.#unsynced, this, random, limits);
    this.#store = store;
    this.#revision = store.revision;
    this.#clock = clock;
  }

  /** Everything up to here was published, or is being so. */
  get revision(): number {
    return this.#revision;
  }

  get toldRevision(): number {
    const { revision } = this.#late;
    if (revision !== undefined) return revision - 1;
    return this.#isPublishing ? this.#revision - 1 : this.#revision;
  }

  get watcherCount(): number {
    return this.#synced.size + this.#unsynced.size;
  }

  /** Watchers that catch up, or are to. */
  get slowWatcherCount(): number {
    return this.#unsynced.size + this.#synced.hiddenCount;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Events sent since the start. */
  get eventCount(): number {
    return this.#eventCount;
  }

  openStream(sink: WatchSink): WatchStream {
    const stream = new WatchStream(this, sink);
    this.#streams.add(stream);
    return stream;
  }

  /**
   * The result of a transaction that changed something, in the turn in which it was applied. Steps,
   * where it is long: they are to be taken to their end before there is another, and before the
   * store is replaced.
   */
  publish(revision: number, changes: readonly Change[]): Steps<void> | undefined {
    assert(revision > this.#revision && !this.#isPublishing, "revisions are published in order");
    this.#revision = revision;
    if (this.#synced.foundCount === 0) return undefined;
    const published = new NewRevision(this.#store, this.#synced, changes);
    if (published.step(this.#limits.changes)) return this.#publishing(revision, published);
    this.#tellNew(revision, published);
    return undefined;
  }

  /** The store is about to be replaced: nothing is read from it until `restore`. */
  pause(): void {
    this.#isPaused = true;
  }

  /** The store was replaced by a leader's snapshot: what happened in between is read from it. */
  restore(store: MvccStore): void {
    this.#isPaused = false;
    for (const lateness of this.#latenesses) lateness.end();
    const from = this.#revision + 1;
    this.#store = store;
    this.#catchUp.restart(store);
    this.#revision = store.revision;
    // What the new store has compacted is gone for everybody.
    if (from <= this.#revision) this.#late.add(from, this.#synced.hideAll());
    this.#catchUpLate();
    this.catchUp();
  }

  toldTo(watcher: Watcher): number | undefined {
    if (!watcher.isSynced || this.#synced.isHidden(watcher)) return undefined;
    return this.#isPublishing ? this.#revision - 1 : this.#revision;
  }

  admits(keyBytes: number): boolean {
    for (let i = 0; i < LEAVING_WATCHERS_PER_SLICE; i++) {
      if (this.#hasRoomFor(keyBytes)) return true;
      if (!this.#leaveNext()) return false;
    }
    return this.#hasRoomFor(keyBytes);
  }

  join(watcher: Watcher): void {
    this.#keyBytes += watcher.keyBytes;
    if (watcher.position > this.#revision) this.#sync(watcher);
    else this.#fallBehind(watcher, watcher.position);
  }

  leave(watcher: Watcher): void {
    // To hear that it ended may have closed its stream, by which it leaves again.
    if (watcher.isGone) return;
    watcher.isGone = true;
    watcher.endExcuse();
    this.#keyBytes -= watcher.keyBytes;
    this.#catchUp.leave(watcher);
    if (watcher.isSynced) this.#synced.delete(watcher);
    else this.#unsynced.delete(watcher);
  }

  closed(stream: WatchStream, watchers: Iterator<Watcher>): void {
    this.#streams.delete(stream);
    this.#leaving.push(watchers);
    this.#letLeave();
  }

  awaitProgress(stream: WatchStream): void {
    if (this.toldRevision < this.#revision) this.#waitingStreams.add(stream);
  }

  /** Runs a slice in the next turn, and goes on as long as somebody can be told something. */
  catchUp(): void {
    if (this.#isCatchUpDue || this.#isPaused || this.#unsynced.size === 0) return;
    this.#isCatchUpDue = true;
    this.#clock.soon(() => {
      this.#isCatchUpDue = false;
      if (this.#isPaused) return;
      const step = this.#catchUp.step(this.#revision);
      for (const watcher of step.compacted) {
        this.leave(watcher);
        watcher.stream.sink.compacted(watcher, this.#store.compactRevision);
        watcher.stream.forget(watcher);
      }
      for (const watcher of step.synced) {
        this.#sync(watcher);
        watcher.stream.payProgress();
      }
      if (step.hasWork) this.catchUp();
    });
  }

  /** Sends what a watcher has collected; false when its stream has no room for it now. */
  send(watcher: Watcher, revision: number): boolean {
    if (watcher.stream.hasRoom) return this.tell(watcher, revision);
    watcher.events = [];
    return false;
  }

  tell(watcher: Watcher, revision: number): boolean {
    const { events } = watcher;
    watcher.events = [];
    const { stream } = watcher;
    const send = () => stream.sink.events(watcher, revision, events);
    return this.#tell(watcher, revision, events.length, send);
  }

  tellPacked(watcher: Watcher, revision: number, events: PackedEvents, isPart: boolean): boolean {
    const bulk = must(watcher.stream.sink.bulk, "events are packed for a sink that takes them so");
    const send = () => bulk.packed(watcher, revision, events, isPart);
    return this.#tell(watcher, revision, events.count, send);
  }

  #tell(watcher: Watcher, revision: number, count: number, send: () => void): boolean {
    const { stream } = watcher;
    try {
      send();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      // What one client cannot be told must not end the member. Not in here, where streams are told
      // one after the other, is the stream closed, but before it can be told anything more.
      stream.seal();
      this.#clock.soon(() => stream.sink.failed(error));
      return false;
    }
    this.#eventCount += count;
    watcher.hadEvent = true;
    if (revision > stream.shownRevision) stream.shownRevision = revision;
    return true;
  }

  *#publishing(revision: number, published: NewRevision): Steps<void> {
    this.#isPublishing = true;
    do yield;
    while (published.step(this.#limits.changes));
    this.#isPublishing = false;
    this.#tellNew(revision, published);
  }

  /** Tells those who were handed something of a revision, as far as there is room. */
  #tellNew(revision: number, { watchers, late }: NewRevision): void {
    let lateness = late.length === 0 ? undefined : this.#keep(revision);
    for (const crowds of late) this.#late.add(revision, crowds, lateness);
    let sentBytes = 0;
    for (const watcher of watchers) {
      if (watcher.isGone || (late.length > 0 && this.#synced.isHidden(watcher))) {
        watcher.events = [];
        continue;
      }
      const hasBudget = sentBytes < SENT_BYTES_PER_REVISION;
      const bytes = hasBudget ? watcher.collectedBytes(SENT_BYTES_PER_REVISION) : 0;
      // What is too much by itself takes nothing from the others.
      const isSent = hasBudget && bytes < SENT_BYTES_PER_REVISION;
      if (isSent) {
        sentBytes += bytes;
        if (!this.send(watcher, revision)) this.#fallBehind(watcher, revision);
        continue;
      }
      watcher.events = [];
      lateness ??= this.#keep(revision);
      watcher.excuse(lateness);
      this.#fallBehind(watcher, revision);
    }
    this.#catchUpLate();
  }

  /** Keeps the revision and all behind it from compaction, for those who are late. */
  #keep(revision: number): Lateness {
    const release = this.#store.pin(revision - 1);
    const lateness = new Lateness(() => {
      release();
      this.#latenesses.delete(lateness);
    });
    this.#latenesses.add(lateness);
    return lateness;
  }

  /** Makes late watchers unsynced, a slice a turn, and tells progress that had to wait for that. */
  #catchUpLate(): void {
    const isDone = this.#late.revision === undefined && this.#waitingStreams.size === 0;
    if (this.#isLateDue || isDone) return;
    this.#isLateDue = true;
    this.#clock.soon(() => {
      this.#isLateDue = false;
      for (let i = 0; i < LATE_WATCHERS_PER_SLICE; i++) {
        const late = this.#late.take();
        if (late === undefined) break;
        const { watcher, revision, lateness } = late;
        if (watcher.isGone) continue;
        const position = Math.max(revision, watcher.position);
        if (position <= this.#revision) {
          watcher.excuse(lateness);
          this.#fallBehind(watcher, position);
          continue;
        }
        this.#synced.delete(watcher);
        this.#synced.add(watcher);
      }
      let unpaid = Math.min(this.#waitingStreams.size, PAID_STREAMS_PER_TURN);
      for (const stream of this.#waitingStreams) {
        if (unpaid-- === 0) break;
        this.#waitingStreams.delete(stream);
        stream.payProgress();
      }
      this.#catchUpLate();
    });
  }

  #hasRoomFor(keyBytes: number): boolean {
    return this.watcherCount < WATCHERS_MAX && this.#keyBytes + keyBytes <= KEY_BYTES_MAX;
  }

  /** Has the watchers of closed streams leave, a slice a turn. */
  #letLeave(): void {
    if (this.#isLeavingDue || this.#leaving.length === 0) return;
    this.#isLeavingDue = true;
    this.#clock.soon(() => {
      this.#isLeavingDue = false;
      for (let i = 0; i < LEAVING_WATCHERS_PER_SLICE && this.#leaveNext(); i++);
      this.#letLeave();
    });
  }

  /** False when nobody is left who is to leave. */
  #leaveNext(): boolean {
    for (let last = this.#leaving.at(-1); last !== undefined; last = this.#leaving.at(-1)) {
      const next = last.next();
      if (next.done !== true) {
        this.leave(next.value);
        return true;
      }
      this.#leaving.pop();
    }
    return false;
  }

  #sync(watcher: Watcher): void {
    this.#unsynced.delete(watcher);
    watcher.endExcuse();
    watcher.stream.mark(watcher, true);
    this.#synced.add(watcher);
  }

  #fallBehind(watcher: Watcher, position: number): void {
    if (watcher.isSynced) this.#synced.delete(watcher);
    watcher.stream.mark(watcher, false);
    watcher.position = position;
    this.#unsynced.add(watcher);
    this.catchUp();
  }
}
