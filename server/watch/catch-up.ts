import type { Random } from "../base/random.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { LongRevision, type TurnLimits, type WatchOutlet } from "./long-revision.ts";
import { WatchEvent } from "./watch-event.ts";
import type { Watcher } from "./watcher.ts";
import { WatcherGroup } from "./watcher-group.ts";
import type { WatcherQueue } from "./watcher-queue.ts";

/** As etcd: revisions read, and so sent to one watcher, at once. */
const REVISIONS_PER_SLICE = 1000;
/** To all watchers together; who comes too late is told in the next slice. */
const SENT_BYTES_PER_SLICE = 16 * 1024 * 1024;
/** Watchers that share the reading of one slice; the others wait for theirs. */
const WATCHERS_PER_SLICE = 4000;
/** Watchers looked at for one slice: those of streams with room that stand elsewhere count too. */
const WATCHERS_SEEN_PER_SLICE = 16_000;
/** Handed to all watchers together: more end the slice. */
const EVENTS_PER_SLICE = 40_000;

export interface CatchUpStep {
  /** Watchers that have been sent everything. */
  readonly synced: Watcher[];
  /** Watchers whose next revision is gone. */
  readonly compacted: Watcher[];
  /** Somebody with room in his stream has more to read. */
  hasWork: boolean;
}

/**
 * Reads the past, a slice a turn, for those that missed it. The watcher that waits longest says
 * where to read; others whose position falls into the slice ride along. A slice has whole revisions
 * only; one that is too long for a turn is read over many, and meanwhile nothing else is.
 */
export class CatchUp {
  readonly #watchers: WatcherQueue;
  readonly #outlet: WatchOutlet;
  readonly #random: Random;
  readonly #limits: TurnLimits;
  #store: MvccStore;
  /** The last to be read. */
  #revision = 0;
  #long: LongRevision | undefined;

  constructor(
    store: MvccStore,
    watchers: WatcherQueue,
    outlet: WatchOutlet,
    random: Random,
    limits: TurnLimits,
  ) {
    this.#store = store;
    this.#watchers = watchers;
    this.#outlet = outlet;
    this.#random = random;
    this.#limits = limits;
  }

  /** From another store from now on, which has the same past. */
  restart(store: MvccStore): void {
    this.#store = store;
    this.#long = undefined;
  }

  /** It ended, or its stream did. */
  leave(watcher: Watcher): void {
    this.#long?.leave(watcher);
  }

  /** @param revision the last to be read */
  step(revision: number): CatchUpStep {
    this.#revision = revision;
    const step: CatchUpStep = { synced: [], compacted: [], hasWork: true };
    const { compactRevision } = this.#store;
    if (this.#long !== undefined && this.#long.main < compactRevision) this.#long.keepExcused();
    if (this.#long?.isOver === true) this.#long = undefined;
    if (this.#long === undefined) this.#readSlice(step);
    else this.#readOn(this.#long, step);
    return step;
  }

  #readSlice(step: CatchUpStep): void {
    const riders = this.#choose(step.compacted);
    const [first] = riders;
    step.hasWork = first !== undefined || step.compacted.length > 0;
    if (first === undefined) return;
    const last = first.sub > 0 ? undefined : this.#collect(first.position, riders);
    if (last === undefined) {
      const from = { main: first.position, sub: first.sub };
      const there = riders.filter(({ position }) => position === from.main);
      this.#long = new LongRevision(this.#store, from, there, this.#limits, this.#random);
      return;
    }
    let sentBytes = 0;
    for (const watcher of riders) {
      if (watcher.position > last) continue;
      if (watcher.events.length > 0) {
        if (sentBytes >= SENT_BYTES_PER_SLICE) {
          watcher.events = [];
          continue;
        }
        sentBytes += watcher.collectedBytes(SENT_BYTES_PER_SLICE);
        if (!this.#outlet.send(watcher, last)) continue;
      }
      this.#advance(watcher, last, step);
    }
  }

  #readOn(long: LongRevision, step: CatchUpStep): void {
    const { told, left } = long.step(this.#outlet);
    for (const watcher of told) this.#advance(watcher, long.main, step);
    for (const watcher of left) this.#watchers.requeue(watcher);
    if (long.isOver) this.#long = undefined;
  }

  /** Past the last revision that was read for it. */
  #advance(watcher: Watcher, last: number, step: CatchUpStep): void {
    watcher.position = last + 1;
    if (last >= this.#revision) step.synced.push(watcher);
    else this.#watchers.requeue(watcher);
  }

  /** Who can be served from one position on, the longest waiting first. */
  #choose(compacted: Watcher[]): Watcher[] {
    const riders: Watcher[] = [];
    const { compactRevision } = this.#store;
    let from: number | undefined;
    let seen = 0;
    for (const [stream, all] of this.#watchers) {
      const { partial } = stream;
      if (!stream.hasRoomFor(partial)) {
        if (stream.excusedCount > 0) for (const watcher of all) watcher.endExcuse();
        continue;
      }
      const watchers = partial === undefined ? all : [partial];
      for (const watcher of watchers) {
        const isFull = riders.length + compacted.length >= WATCHERS_PER_SLICE;
        if (isFull || seen++ >= WATCHERS_SEEN_PER_SLICE) return riders;
        const { position } = watcher;
        if (position < compactRevision && !watcher.isKept) {
          compacted.push(watcher);
          continue;
        }
        if (watcher.sub > 0) {
          if (from === undefined) return [watcher];
          continue;
        }
        from ??= position;
        if (position >= from && position <= from + REVISIONS_PER_SLICE) riders.push(watcher);
      }
    }
    return riders;
  }

  /**
   * Hands the changes from `from` on to the watchers that want them; the last revision read.
   * Undefined when `from` alone is too much for one turn.
   */
  #collect(from: number, served: readonly Watcher[]): number | undefined {
    const group = new WatcherGroup(this.#random);
    for (const watcher of served) group.add(watcher);
    let main = from;
    let revisions = 0;
    let changes = 0;
    let bytes = 0;
    let events = 0;
    /** What was read when the revision began. */
    let before = { changes, bytes };
    const limits = this.#limits;
    for (const row of this.#store.history({ main: from, sub: 0 }, this.#revision)) {
      if (row.main !== main) {
        revisions++;
        const isFull = revisions >= REVISIONS_PER_SLICE || changes >= limits.changes;
        if (isFull || bytes >= limits.bytes || events >= EVENTS_PER_SLICE) return main;
        main = row.main;
        before = { changes, bytes };
      } else {
        const isLong = changes - before.changes >= limits.changes;
        if (isLong || bytes - before.bytes >= limits.bytes || events >= EVENTS_PER_SLICE) {
          for (const watcher of served) dropRevision(watcher.events, main);
          return revisions === 0 ? undefined : main - 1;
        }
      }
      changes++;
      let size = row.record.bytes.length;
      let event: WatchEvent | undefined;
      group.match(row.record.key.toString("latin1"), (crowd) => {
        for (const watcher of crowd) {
          if (!watcher.wants(row)) continue;
          event ??= WatchEvent.ofHistory(this.#store, row);
          watcher.events.push(event);
          events++;
          if (watcher.wantsPrevious) size = Math.max(size, event.size(true));
        }
        return true;
      });
      bytes += size;
    }
    return this.#revision;
  }
}

/** Takes off the end what a revision did: it is told whole or not at all. */
function dropRevision(events: WatchEvent[], revision: number): void {
  while (events.at(-1)?.main === revision) events.pop();
}
