import type { Steps } from "../base/steps.ts";
import type { Change } from "../mvcc/change.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { WatchEvent } from "./watch-event.ts";
import type { Watcher } from "./watcher.ts";
import type { WatcherGroup } from "./watcher-group.ts";

// To whom a new revision is handed: every change to everybody who watches its key, but no more of
// them than can be told in a turn. A crowd that is too much is hidden, which makes the rest of the
// revision cheap: where nobody is left to be found, nothing more is looked at.
//
// Many changes are looked through in slices. Between them watchers may join, who want nothing of
// this revision, and leave; those who were handed something stay as they are until they are told.

/** One change is handed to however many watch its key. */
const EVENTS_PER_REVISION = 10_000;
/** Crowds that a revision makes late one by one; of more, all others are late with them. */
const LATE_CROWDS_PER_REVISION = 1000;

export interface Handed {
  /** Each has collected events, but for those who were hidden later or have left. */
  readonly watchers: readonly Watcher[];
  /** Hidden crowds. */
  readonly late: readonly Iterable<ReadonlySet<Watcher>>[];
}

/** @param changesPerTurn of one revision; between two such slices there is a pause */
export function* handing(
  store: MvccStore,
  group: WatcherGroup,
  changes: readonly Change[],
  changesPerTurn: number,
): Steps<Handed> {
  const watchers: Watcher[] = [];
  const late: ReadonlySet<Watcher>[] = [];
  let events = 0;
  let changesLeft = changesPerTurn;
  for (const change of changes) {
    if (group.foundCount === 0) break;
    if (changesLeft-- === 0) {
      yield;
      changesLeft = changesPerTurn - 1;
    }
    let event: WatchEvent | undefined;
    let tooMany = undefined as ReadonlySet<Watcher>[] | undefined;
    group.match(change.key.toString("latin1"), (crowd) => {
      if (events + crowd.size > EVENTS_PER_REVISION) {
        tooMany ??= [];
        return late.length + tooMany.push(crowd) <= LATE_CROWDS_PER_REVISION;
      }
      events += crowd.size;
      for (const watcher of crowd) {
        if (!watcher.wants(change)) continue;
        event ??= WatchEvent.ofChange(store, change);
        if (watcher.events.push(event) === 1) watchers.push(watcher);
      }
      return true;
    });
    if (tooMany === undefined) continue;
    if (late.length + tooMany.length > LATE_CROWDS_PER_REVISION) {
      return { watchers, late: [late, group.hideAll()] };
    }
    for (const crowd of tooMany) group.hide(crowd);
    late.push(...tooMany);
  }
  return { watchers, late: late.length === 0 ? [] : [late] };
}
