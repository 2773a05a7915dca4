import type { Random } from "../base/random.ts";
import type { Revision } from "../mvcc/revision.ts";
import type { HistoryRow, MvccStore } from "../mvcc/store.ts";
import { PackedEvents } from "./packed-events.ts";
import { WatchEvent } from "./watch-event.ts";
import type { WatchStream } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";
import { WatcherGroup } from "./watcher-group.ts";

/**
 * What is read in one turn: changes, and bytes of them and of what they replaced. A revision of
 * more takes many turns.
 */
export interface TurnLimits {
  readonly changes: number;
  readonly bytes: number;
}
export const TURN_LIMITS: TurnLimits = { changes: 4000, bytes: 1024 * 1024 };

/** Who tells watchers; false when it cannot be told now. */
export interface WatchOutlet {
  /** What a watcher has collected, if its stream has room. */
  send(watcher: Watcher, revision: number): boolean;
  /** What a watcher has collected, whether its stream has room or not; so the next. */
  tell(watcher: Watcher, revision: number): boolean;
  /** @param isPart more of the same revision follows */
  tellPacked(watcher: Watcher, revision: number, events: PackedEvents, isPart: boolean): boolean;
}

export interface LongRevisionStep {
  /** Watchers that have been told all of the revision. */
  readonly told: Watcher[];
  /** Watchers that have to be read for again. */
  readonly left: Watcher[];
}

/** Collected for all watchers, or sent to them, in one turn. */
const COPIED_BYTES_PER_TURN = 16 * 1024 * 1024;
const EVENTS_PER_TURN = 40_000;
/** Held for all watchers: beyond it most of them are left; one alone may have a whole response. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
/** So many times fewer go on collecting then. */
const WATCHERS_DIVISOR = 4;

/** What a watcher is to be told. */
interface Outbox {
  bytes: number;
  readonly bytesMax: number;
  /** Where its sink takes them so; else `events`. */
  packed: PackedEvents | undefined;
  readonly events: WatchEvent[];
}

/**
 * One revision of more changes than fit into a turn, read for all watchers that stand before it.
 * What they want is held encoded until its end; who takes parts gets them as they are full, and is
 * left when its stream has no room for more.
 *
 * Whoever had room at the start is told once, even if there is none left at the end: else a busy
 * stream could be read for again and again.
 */
export class LongRevision {
  readonly #store: MvccStore;
  readonly #main: number;
  readonly #limits: TurnLimits;
  /** Who waits longest first. */
  readonly #watchers: Set<Watcher>;
  readonly #group: WatcherGroup;
  readonly #outboxes = new Map<Watcher, Outbox>();
  readonly #toldStreams = new Set<WatchStream>();
  /** The next change to be read. */
  #sub: number;
  #heldBytes = 0;
  #isRead = false;

  /** @param watchers all stand at `from` */
  constructor(
    store: MvccStore,
    from: Revision,
    watchers: readonly Watcher[],
    limits: TurnLimits,
    random: Random,
  ) {
    this.#store = store;
    this.#main = from.main;
    this.#sub = from.sub;
    this.#limits = limits;
    this.#watchers = new Set(watchers);
    this.#group = new WatcherGroup(random);
    for (const watcher of watchers) this.#group.add(watcher);
  }

  get main(): number {
    return this.#main;
  }

  /** Nobody waits for anything of it. */
  get isOver(): boolean {
    return this.#watchers.size === 0;
  }

  /** It was compacted: who can still be told are those for whom it is kept. */
  keepExcused(): void {
    for (const watcher of this.#watchers) if (!watcher.isKept) this.leave(watcher);
  }

  /** A turn of reading, or of telling what was read. */
  step(outlet: WatchOutlet): LongRevisionStep {
    const step = { told: [], left: [] };
    if (this.#isRead) this.#finish(outlet, step);
    else this.#read(outlet, step);
    return step;
  }

  leave(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher)) return;
    this.#group.delete(watcher);
    this.#heldBytes -= this.#outboxes.get(watcher)?.bytes ?? 0;
    this.#outboxes.delete(watcher);
  }

  #read(outlet: WatchOutlet, step: LongRevisionStep): void {
    const limits = this.#limits;
    let changes = 0;
    let bytes = 0;
    let events = 0;
    let copiedBytes = 0;
    const from = { main: this.#main, sub: this.#sub };
    for (const row of this.#store.history(from, this.#main)) {
      const isFull = events >= EVENTS_PER_TURN || copiedBytes >= COPIED_BYTES_PER_TURN;
      if (isFull || changes >= limits.changes || bytes >= limits.bytes || this.isOver) return;
      this.#sub = row.sub + 1;
      changes++;
      let rowBytes = row.record.bytes.length;
      const wanting = this.#wanting(row);
      if (wanting.length > 0) {
        const event = WatchEvent.ofHistory(this.#store, row);
        for (const watcher of wanting) {
          const encoded = event.encoded(watcher.wantsPrevious);
          rowBytes = Math.max(rowBytes, encoded.length);
          events++;
          copiedBytes += encoded.length;
          if (!this.#collect(watcher, event, row.sub, outlet)) this.#drop(watcher, step);
        }
        while (this.#heldBytes > HELD_BYTES_MAX && this.#outboxes.size > 1) this.#thin(step);
      }
      bytes += rowBytes;
    }
    this.#isRead = true;
  }

  #wanting(row: HistoryRow): Watcher[] {
    const watchers: Watcher[] = [];
    this.#group.match(row.record.key.toString("latin1"), (crowd) => {
      for (const watcher of crowd) if (watcher.wants(row)) watchers.push(watcher);
      return true;
    });
    return watchers;
  }

  /** False when the watcher cannot be told more now. */
  #collect(watcher: Watcher, event: WatchEvent, sub: number, outlet: WatchOutlet): boolean {
    const encoded = event.encoded(watcher.wantsPrevious);
    const outbox = this.#outboxOf(watcher);
    const isOver = outbox.bytes + encoded.length > outbox.bytesMax;
    const isPart = watcher.takesFragments;
    if (isOver && isPart && outbox.bytes > 0) {
      if (!this.#tell(watcher, outbox, true, outlet)) return false;
      watcher.sub = sub;
      this.#heldBytes -= outbox.bytes;
      outbox.bytes = 0;
      outbox.packed = new PackedEvents();
      if (!watcher.stream.hasRoomFor(watcher)) return false;
    }
    if (outbox.packed === undefined) outbox.events.push(event);
    else outbox.packed.push(encoded);
    outbox.bytes += encoded.length;
    this.#heldBytes += encoded.length;
    // There is no use in collecting on: this is what is refused.
    return !isOver || isPart || this.#tell(watcher, outbox, false, outlet);
  }

  #outboxOf(watcher: Watcher): Outbox {
    let outbox = this.#outboxes.get(watcher);
    if (outbox === undefined) {
      const { bulk } = watcher.stream.sink;
      const bytesMax = bulk?.eventBytesMax(watcher, this.#main) ?? Number.POSITIVE_INFINITY;
      const packed = bulk === undefined ? undefined : new PackedEvents();
      outbox = { bytes: 0, bytesMax, packed, events: [] };
      this.#outboxes.set(watcher, outbox);
    }
    return outbox;
  }

  #finish(outlet: WatchOutlet, step: LongRevisionStep): void {
    let copiedBytes = 0;
    let events = 0;
    for (const watcher of this.#watchers) {
      // Of one that was told a part a compaction may have left nothing: it waits for the end.
      const isTold = this.#outboxes.has(watcher) || watcher.sub > 0;
      if (isTold) {
        if (copiedBytes >= COPIED_BYTES_PER_TURN || events >= EVENTS_PER_TURN) return;
        const outbox = this.#outboxOf(watcher);
        copiedBytes += outbox.bytes;
        events += outbox.packed?.count ?? outbox.events.length;
        if (!this.#tell(watcher, outbox, false, outlet)) {
          this.#drop(watcher, step);
          continue;
        }
        watcher.sub = 0;
      }
      this.leave(watcher);
      step.told.push(watcher);
    }
  }

  #tell(watcher: Watcher, outbox: Outbox, isPart: boolean, outlet: WatchOutlet): boolean {
    const { stream } = watcher;
    if (!stream.isFreeFor(watcher)) return false;
    if (this.#toldStreams.has(stream) && !stream.hasRoomFor(watcher)) return false;
    this.#toldStreams.add(stream);
    const { packed } = outbox;
    if (packed === undefined) {
      watcher.events = outbox.events;
      return outlet.tell(watcher, this.#main);
    }
    if (!outlet.tellPacked(watcher, this.#main, packed, isPart)) return false;
    stream.partial = isPart ? watcher : undefined;
    return true;
  }

  /** Leaves most of those that hold something, but never who waits longest. */
  #thin(step: LongRevisionStep): void {
    const [first] = this.#watchers;
    const holders = [...this.#outboxes.keys()].filter((watcher) => watcher !== first);
    const kept = Math.floor(holders.length / WATCHERS_DIVISOR);
    for (const watcher of holders.slice(kept)) this.#drop(watcher, step);
  }

  #drop(watcher: Watcher, step: LongRevisionStep): void {
    this.leave(watcher);
    step.left.push(watcher);
  }
}
