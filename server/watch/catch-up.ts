import type { Random } from "../base/random.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { WatchEvent } from "./watch-event.ts";
import { type Watcher, WatcherGroup } from "./watcher.ts";
import type { WatcherQueue } from "./watcher-queue.ts";

/** As etcd: revisions read, and so sent to one watcher, at once. */
const REVISIONS_PER_SLICE = 1000;
const CHANGES_PER_SLICE = 4000;
const BYTES_PER_SLICE = 1024 * 1024;
/** To all watchers together; who comes too late is told in the next slice. */
const SENT_BYTES_PER_SLICE = 16 * 1024 * 1024;
/** Watchers that share the reading of one slice; the others wait for theirs. */
const WATCHERS_PER_SLICE = 4000;
/** Watchers looked at for one slice: those of streams with room that stand elsewhere count too. */
const WATCHERS_SEEN_PER_SLICE = 16_000;
/** Handed to all watchers together: more end the slice, or leave it to fewer watchers. */
const EVENTS_PER_SLICE = 200_000;
/** So many times fewer watchers share a slice when one revision alone is too much for all. */
const WATCHERS_DIVISOR = 4;

export interface CatchUpStep {
  /** Watchers that have been sent everything. */
  readonly synced: Watcher[];
  /** Watchers whose next revision is gone. */
  readonly compacted: Watcher[];
  /** Somebody with room in his stream has more to read. */
  readonly hasWork: boolean;
}

/**
 * One slice of reading the past for those that missed it. The watcher that waits longest says where
 * to read; others whose position falls into the slice ride along. Only whole revisions are read.
 */
export class CatchUp {
  readonly #store: MvccStore;
  readonly #revision: number;
  readonly #watchers: WatcherQueue;
  readonly #random: Random;

  /** @param revision the last to be read */
  constructor(store: MvccStore, revision: number, watchers: WatcherQueue, random: Random) {
    this.#store = store;
    this.#revision = revision;
    this.#watchers = watchers;
    this.#random = random;
  }

  /** @param send sends what a watcher has collected; false keeps it where it was */
  step(send: (watcher: Watcher, revision: number) => boolean): CatchUpStep {
    const step = { synced: [] as Watcher[], compacted: [] as Watcher[], hasWork: false };
    const riders = this.#choose(step.compacted);
    const [first] = riders;
    step.hasWork = first !== undefined || step.compacted.length > 0;
    if (first === undefined) return step;
    const { served, last } = this.#read(first.position, riders);
    let sentBytes = 0;
    for (const watcher of served) {
      if (watcher.position > last) continue;
      if (watcher.events.length > 0) {
        if (sentBytes >= SENT_BYTES_PER_SLICE) {
          watcher.events = [];
          continue;
        }
        sentBytes += watcher.collectedBytes(SENT_BYTES_PER_SLICE);
        if (!send(watcher, last)) continue;
      }
      watcher.position = last + 1;
      if (last >= this.#revision) step.synced.push(watcher);
      else this.#watchers.requeue(watcher);
    }
    return step;
  }

  /** Who can be served from one position on, the longest waiting first. */
  #choose(compacted: Watcher[]): Watcher[] {
    const riders: Watcher[] = [];
    const { compactRevision } = this.#store;
    let from: number | undefined;
    let seen = 0;
    for (const [stream, watchers] of this.#watchers) {
      if (!stream.hasRoom) continue;
      for (const watcher of watchers) {
        const isFull = riders.length + compacted.length >= WATCHERS_PER_SLICE;
        if (isFull || seen++ >= WATCHERS_SEEN_PER_SLICE) return riders;
        const { position } = watcher;
        if (position < compactRevision) {
          compacted.push(watcher);
          continue;
        }
        from ??= position;
        if (position >= from && position <= from + REVISIONS_PER_SLICE) riders.push(watcher);
      }
    }
    return riders;
  }

  /** Collects for all riders, or for as many as can be told of one revision at least. */
  #read(from: number, riders: Watcher[]): { served: Watcher[]; last: number } {
    let served = riders;
    for (;;) {
      const last = this.#collect(from, served);
      if (last !== undefined) return { served, last };
      for (const watcher of served) watcher.events = [];
      served = served.slice(0, Math.ceil(served.length / WATCHERS_DIVISOR));
    }
  }

  /**
   * Hands the changes from `from` on to the watchers that want them; the last revision read.
   * Undefined when even one revision is too much for so many; what they hold is then worth nothing.
   */
  #collect(from: number, served: readonly Watcher[]): number | undefined {
    const group = new WatcherGroup(this.#random);
    for (const watcher of served) group.add(watcher);
    let main = from;
    let revisions = 0;
    let changes = 0;
    let bytes = 0;
    let events = 0;
    for (const row of this.#store.history(from, this.#revision)) {
      if (row.main !== main) {
        revisions++;
        const isFull = revisions >= REVISIONS_PER_SLICE || changes >= CHANGES_PER_SLICE;
        if (isFull || bytes >= BYTES_PER_SLICE || events >= EVENTS_PER_SLICE) return main;
        main = row.main;
      } else if (events >= EVENTS_PER_SLICE && served.length > 1) {
        if (revisions === 0) return undefined;
        for (const watcher of served) dropRevision(watcher.events, main);
        return main - 1;
      }
      changes++;
      let size = row.record.bytes.length;
      let event: WatchEvent | undefined;
      group.match(row.record.key.toString("latin1"), (watcher) => {
        if (!watcher.wants(row)) return;
        event ??= WatchEvent.ofHistory(this.#store, row);
        watcher.events.push(event);
        events++;
        const isCounted = watcher.wantsPrevious && bytes < BYTES_PER_SLICE;
        if (isCounted) size = Math.max(size, event.size(true));
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
