import { AssertionError, assert, must } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Change } from "../mvcc/change.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { CatchUp } from "./catch-up.ts";
import type { TurnLimits, WatchOutlet } from "./long-revision.ts";
import type { PackedEvents } from "./packed-events.ts";
import { WatchEvent } from "./watch-event.ts";
import { type WatchHome, type WatchSink, WatchStream } from "./watch-stream.ts";
import { type Watcher, WatcherGroup } from "./watcher.ts";
import { WatcherQueue } from "./watcher-queue.ts";

// Who watches what, and how far each has got.
//
//   publish(revision, changes) ──▶ synced watchers: told at once, in the same turn
//        no room in the stream ──▶ unsynced, from this revision on
//   catch-up, a slice a turn   ──▶ unsynced watchers: read the store from their position
//        a revision of many changes: a slice a turn of it, told at its end, or in parts
//        nothing left to read  ──▶ synced
//        position compacted    ──▶ ended, and told so
//
// A stream that its client does not read costs a bounded buffer and nothing else: what it missed is
// in the store, and is read again when there is room.
//
// Invariants: a synced watcher was sent every event up to `revision` that it wants · an unsynced
// one every event before its position · no event twice, none out of order, and the events of a
// revision always together, or in parts with nothing else between them · progress is told through
// the same sink, behind the events it speaks of.

/** To all watchers in one turn; the others read it from the store, in later turns. */
const SENT_BYTES_PER_REVISION = 64 * 1024 * 1024;
/** Likewise; one change is handed to however many want it. */
const EVENTS_PER_REVISION = 200_000;

/** What watchers of all streams may come to: their number, and the bytes of their keys and ends. */
const WATCHERS_MAX = 1_000_000;
const KEY_BYTES_MAX = 256 * 1024 * 1024;

export class WatchHub implements WatchHome, WatchOutlet {
  readonly #clock: Clock;
  readonly #streams = new Set<WatchStream>();
  readonly #synced: WatcherGroup;
  readonly #unsynced = new WatcherQueue();
  readonly #catchUp: CatchUp;
  #store: MvccStore;
  #revision: number;
  #isCatchUpDue = false;
  #isPaused = false;
  #eventCount = 0;
  #keyBytes = 0;

  constructor(store: MvccStore, clock: Clock, random: Random, limits?: TurnLimits) {
    this.#synced = new WatcherGroup(random);
    this.#catchUp = new CatchUp(store, this.#unsynced, this, random, limits);
    this.#store = store;
    this.#revision = store.revision;
    this.#clock = clock;
  }

  /** Everything up to here was published. */
  get revision(): number {
    return this.#revision;
  }

  get watcherCount(): number {
    return this.#synced.size + this.#unsynced.size;
  }

  /** Watchers that catch up. */
  get slowWatcherCount(): number {
    return this.#unsynced.size;
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

  /** The result of a transaction that changed something, in the turn in which it was applied. */
  publish(revision: number, changes: readonly Change[]): void {
    assert(revision > this.#revision, "revisions are published in order");
    this.#revision = revision;
    if (this.#synced.size === 0) return;
    const touched: Watcher[] = [];
    let events = 0;
    for (const change of changes) {
      if (events > EVENTS_PER_REVISION) {
        this.#postpone(revision, changes, touched);
        return;
      }
      let event: WatchEvent | undefined;
      this.#synced.match(change.key.toString("latin1"), (watcher) => {
        if (!watcher.wants(change)) return;
        event ??= WatchEvent.ofChange(this.#store, change);
        events++;
        if (watcher.events.push(event) === 1) touched.push(watcher);
      });
    }
    let sentBytes = 0;
    for (const watcher of touched) {
      const hasBudget = sentBytes < SENT_BYTES_PER_REVISION;
      const bytes = hasBudget ? watcher.collectedBytes(SENT_BYTES_PER_REVISION) : 0;
      // What is too much by itself takes nothing from the others.
      const isSent = hasBudget && bytes < SENT_BYTES_PER_REVISION;
      if (isSent) sentBytes += bytes;
      else watcher.events = [];
      if (!isSent || !this.send(watcher, revision)) this.#fallBehind(watcher, revision);
    }
  }

  /** The store is about to be replaced: nothing is read from it until `restore`. */
  pause(): void {
    this.#isPaused = true;
  }

  /** The store was replaced by a leader's snapshot: what happened in between is read from it. */
  restore(store: MvccStore): void {
    this.#isPaused = false;
    const from = this.#revision + 1;
    this.#store = store;
    this.#catchUp.restart(store);
    this.#revision = store.revision;
    for (const watcher of this.#synced) {
      const position = Math.max(from, watcher.position);
      if (position <= this.#revision) this.#fallBehind(watcher, position);
    }
    this.catchUp();
  }

  admits(keyBytes: number): boolean {
    return this.watcherCount < WATCHERS_MAX && this.#keyBytes + keyBytes <= KEY_BYTES_MAX;
  }

  join(watcher: Watcher): void {
    this.#keyBytes += watcher.keyBytes;
    if (watcher.position > this.#revision) this.#sync(watcher);
    else this.#fallBehind(watcher, watcher.position);
  }

  leave(watcher: Watcher): void {
    // To hear that it ended may have closed its stream, by which it leaves again.
    const isHere = this.#synced.delete(watcher) || this.#unsynced.delete(watcher);
    this.#catchUp.leave(watcher);
    if (isHere) this.#keyBytes -= watcher.keyBytes;
  }

  closed(stream: WatchStream): void {
    this.#streams.delete(stream);
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
    return this.#tell(watcher, events.length, () => stream.sink.events(watcher, revision, events));
  }

  tellPacked(watcher: Watcher, revision: number, events: PackedEvents, isPart: boolean): boolean {
    const bulk = must(watcher.stream.sink.bulk, "events are packed for a sink that takes them so");
    return this.#tell(watcher, events.count, () => bulk.packed(watcher, revision, events, isPart));
  }

  #tell(watcher: Watcher, count: number, send: () => void): boolean {
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
    return true;
  }

  /** Too much for one turn: whoever wants any of it reads it from the store. */
  #postpone(revision: number, changes: readonly Change[], touched: readonly Watcher[]): void {
    for (const watcher of touched) {
      watcher.events = [];
      this.#fallBehind(watcher, revision);
    }
    for (const change of changes) {
      const late: Watcher[] = [];
      this.#synced.match(change.key.toString("latin1"), (watcher) => {
        if (watcher.wants(change)) late.push(watcher);
      });
      for (const watcher of late) this.#fallBehind(watcher, revision);
    }
  }

  #sync(watcher: Watcher): void {
    this.#unsynced.delete(watcher);
    watcher.stream.mark(watcher, true);
    this.#synced.add(watcher);
  }

  #fallBehind(watcher: Watcher, position: number): void {
    this.#synced.delete(watcher);
    watcher.stream.mark(watcher, false);
    watcher.position = position;
    this.#unsynced.add(watcher);
    this.catchUp();
  }
}
