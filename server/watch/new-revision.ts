import type { Change } from "../mvcc/change.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { WatchEvent } from "./watch-event.ts";
import type { Watcher } from "./watcher.ts";
import type { WatcherGroup } from "./watcher-group.ts";

/** One change is handed to however many watch its key. */
const EVENTS_PER_REVISION = 10_000;
/** Crowds that a revision makes late one by one; of more, all others are late with them. */
const LATE_CROWDS_PER_REVISION = 1000;

/**
 * To whom a new revision is handed: every change to everybody who watches its key, but no more of
 * them than can be told in a turn. A crowd that is too much is hidden, which makes the rest of the
 * revision cheap: where nobody is left to be found, nothing more is looked at.
 *
 * Many changes are looked through in slices. Between them watchers may join, who want nothing of
 * this revision, and leave; those who were handed something stay as they are until they are told.
 */
export class NewRevision {
  /** Each has collected events, but for those who were hidden later or have left. */
  readonly watchers: Watcher[] = [];
  readonly #store: MvccStore;
  readonly #group: WatcherGroup;
  readonly #changes: readonly Change[];
  readonly #lateCrowds: ReadonlySet<Watcher>[] = [];
  #others: Iterable<ReadonlySet<Watcher>> | undefined;
  /** The next change to be looked at. */
  #at = 0;
  #events = 0;

  constructor(store: MvccStore, group: WatcherGroup, changes: readonly Change[]) {
    this.#store = store;
    this.#group = group;
    this.#changes = changes;
  }

  /** Crowds that were hidden. */
  get late(): readonly Iterable<ReadonlySet<Watcher>>[] {
    const hidden = this.#lateCrowds.length === 0 ? [] : [this.#lateCrowds];
    return this.#others === undefined ? hidden : [...hidden, this.#others];
  }

  /** Looks through a slice; false when that was the last. */
  step(changesMax: number): boolean {
    const end = Math.min(this.#at + changesMax, this.#changes.length);
    while (this.#at < end && this.#group.foundCount > 0) {
      const change = this.#changes[this.#at++];
      if (change !== undefined) this.#hand(change);
    }
    return this.#at < this.#changes.length && this.#group.foundCount > 0;
  }

  #hand(change: Change): void {
    const late = this.#lateCrowds;
    let event: WatchEvent | undefined;
    let tooMany = undefined as ReadonlySet<Watcher>[] | undefined;
    this.#group.match(change.key.toString("latin1"), (crowd) => {
      if (this.#events + crowd.size > EVENTS_PER_REVISION) {
        tooMany ??= [];
        return late.length + tooMany.push(crowd) <= LATE_CROWDS_PER_REVISION;
      }
      this.#events += crowd.size;
      for (const watcher of crowd) {
        if (!watcher.wants(change)) continue;
        event ??= WatchEvent.ofChange(this.#store, change);
        if (watcher.events.push(event) === 1) this.watchers.push(watcher);
      }
      return true;
    });
    if (tooMany === undefined) return;
    if (late.length + tooMany.length > LATE_CROWDS_PER_REVISION) {
      this.#others = this.#group.hideAll();
      return;
    }
    for (const crowd of tooMany) this.#group.hide(crowd);
    late.push(...tooMany);
  }
}
