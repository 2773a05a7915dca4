import type { MvccStore } from "../mvcc/store.ts";
import { WatchEvent } from "./watch-event.ts";
import type { Watcher, WatcherGroup } from "./watcher.ts";

/** As etcd: revisions read, and so sent to one watcher, at once. */
const REVISIONS_PER_SLICE = 1000;
const CHANGES_PER_SLICE = 4000;
const BYTES_PER_SLICE = 1024 * 1024;
/** To all watchers together; who comes too late is told in the next slice. */
const SENT_BYTES_PER_SLICE = 16 * 1024 * 1024;

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
 * to read; all others whose position falls into the slice ride along. Only whole revisions are
 * read.
 */
export class CatchUp {
  readonly #store: MvccStore;
  readonly #revision: number;
  readonly #watchers: WatcherGroup;

  /** @param revision the last to be read */
  constructor(store: MvccStore, revision: number, watchers: WatcherGroup) {
    this.#store = store;
    this.#revision = revision;
    this.#watchers = watchers;
  }

  /** @param send sends what a watcher has collected; false keeps it where it was */
  step(send: (watcher: Watcher, revision: number) => boolean): CatchUpStep {
    const step = { synced: [] as Watcher[], compacted: [] as Watcher[], hasWork: false };
    const first = this.#firstWithRoom();
    if (first === undefined) return step;
    step.hasWork = true;
    if (first.position < this.#store.compactRevision) {
      step.compacted.push(first);
      return step;
    }
    const from = first.position;
    const last = this.#collect(from);
    let sentBytes = 0;
    for (const watcher of this.#within(from, last)) {
      if (watcher.events.length > 0) {
        if (sentBytes >= SENT_BYTES_PER_SLICE) {
          watcher.events = [];
          continue;
        }
        sentBytes += sizeOf(watcher.events);
        if (!send(watcher, last)) continue;
      }
      watcher.position = last + 1;
      if (last >= this.#revision) step.synced.push(watcher);
      else this.#watchers.requeue(watcher);
    }
    return step;
  }

  #firstWithRoom(): Watcher | undefined {
    for (const watcher of this.#watchers) if (watcher.stream.sink.hasRoom) return watcher;
    return undefined;
  }

  #within(from: number, last: number): Watcher[] {
    const within: Watcher[] = [];
    for (const watcher of this.#watchers) {
      if (watcher.position >= from && watcher.position <= last) within.push(watcher);
    }
    return within;
  }

  /** Hands the changes from `from` on to the watchers that want them; the last revision read. */
  #collect(from: number): number {
    let main = from;
    let revisions = 0;
    let changes = 0;
    let bytes = 0;
    for (const row of this.#store.history(from, this.#revision)) {
      if (row.main !== main) {
        revisions++;
        const isFull = revisions >= REVISIONS_PER_SLICE || changes >= CHANGES_PER_SLICE;
        if (isFull || bytes >= BYTES_PER_SLICE) return main;
        main = row.main;
      }
      changes++;
      bytes += row.record.bytes.length;
      let event: WatchEvent | undefined;
      this.#watchers.match(row.record.key.toString("latin1"), (watcher) => {
        if (watcher.position < from || !watcher.wants(row)) return;
        event ??= WatchEvent.ofHistory(this.#store, row);
        watcher.events.push(event);
      });
    }
    return this.#revision;
  }
}

/** Bytes that a watcher's events come to when sent, about. */
function sizeOf(events: readonly WatchEvent[]): number {
  let size = 0;
  for (const event of events) size += event.size;
  return size;
}
