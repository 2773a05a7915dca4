import { compareBytes } from "../base/bytes.ts";
import { isOpenEnd } from "../mvcc/key-range.ts";
import type { PackedEvents } from "./packed-events.ts";
import type { WatchEvent } from "./watch-event.ts";
import { Watcher } from "./watcher.ts";

/** Where a stream's answers go. All are sent in the order of the calls. */
export interface WatchSink {
  /**
   * False while more waits to be taken than the stream may hold. Events are then left to be read
   * from the store later; `WatchStream.resume` must be called when there is room again.
   */
  readonly hasRoom: boolean;
  /** Never empty; ascending; all events of a revision are in one call. */
  events(watcher: Watcher, revision: number, events: readonly WatchEvent[]): void;
  /** Absent where all comes through `events`: for watchers that want little. */
  readonly bulk?: BulkSink | undefined;
  /** The client ended it; nothing more comes from it. */
  canceled(watcher: Watcher): void;
  /** Changes that the watcher needs are compacted; it is gone. */
  compacted(watcher: Watcher, compactRevision: number): void;
  /** `events` threw this: the stream is told nothing more, and must be ended. */
  failed(error: unknown): void;
  /** Everything up to `revision` was sent: to one watcher, or (undefined) to all of the stream. */
  progress(watcher: Watcher | undefined, revision: number): void;
}

/** Takes a revision of many events without an object for each. */
export interface BulkSink {
  /**
   * In place of `events`, and only if there was room when they began to be read. Between the parts of a
   * revision nobody else is told events or progress.
   * @param isPart more of the revision follows
   * @throws when they come to more than `eventBytesMax`
   */
  packed(watcher: Watcher, revision: number, events: PackedEvents, isPart: boolean): void;
  /** What encoded events may come to: in a part, where the watcher takes parts. */
  eventBytesMax(watcher: Watcher, revision: number): number;
}

export interface CreateWatch {
  /** Empty is the first key of all. */
  readonly key: Buffer;
  /** As in a Range. */
  readonly rangeEnd: Buffer;
  /** 0 is from now on; may lie ahead. */
  readonly startRevision: number;
  /** 0 asks for one. */
  readonly id: bigint;
  readonly wantsPrevious: boolean;
  readonly wantsProgress: boolean;
  readonly wantsPuts: boolean;
  readonly wantsDeletes: boolean;
  readonly takesFragments: boolean;
}

/** etcd's texts: a cancel reason is part of the wire format. */
export const WatchRefusal = {
  DUPLICATE_ID: "mvcc: duplicate watch ID provided on the WatchStream",
  EMPTY_RANGE: "mvcc: watcher range is empty",
  /** Not etcd's, which keeps however many there are. */
  TOO_MANY: "etcdserver: too many requests",
} as const;
export type WatchRefusal = (typeof WatchRefusal)[keyof typeof WatchRefusal];

/** What a stream asks of the hub it belongs to. */
export interface WatchHome {
  readonly revision: number;
  /** Whoever does not catch up was sent everything up to here; not above `revision`. */
  readonly toldRevision: number;
  /** Up to where a watcher was sent everything; undefined while it is late or catches up. */
  toldTo(watcher: Watcher): number | undefined;
  /** Whether a watcher of so many bytes of key and range end may join. */
  admits(keyBytes: number): boolean;
  join(watcher: Watcher): void;
  leave(watcher: Watcher): void;
  catchUp(): void;
  /** Has `payProgress` called when `toldRevision` has grown, if it is to grow by itself. */
  awaitProgress(stream: WatchStream): void;
  /** @param watchers are to leave when there is time */
  closed(stream: WatchStream, watchers: Iterator<Watcher>): void;
}

/** Each takes about a kilobyte, for a dozen bytes of request. */
const WATCHERS_PER_STREAM_MAX = 100_000;

/** The watchers of one client stream. */
export class WatchStream {
  readonly sink: WatchSink;
  readonly #home: WatchHome;
  #watchers = new Map<bigint, Watcher>();
  #nextId = 0n;
  /** Those that have not been sent everything yet. */
  #behindCount = 0;
  /** Those that were to start in the future when last looked at. */
  readonly #ahead = new Set<Watcher>();
  /** Was told a part of a revision: nobody else is told anything before the rest of it. */
  partial: Watcher | undefined;
  /** Progress was asked for at this revision, and not told yet. */
  #owedRevision: number | undefined;
  /** At which it was asked for last. */
  #askedRevision = 0;
  #isSealed = false;
  /** For the hub: watchers that are late for no fault of their own. */
  excusedCount = 0;
  /** For the hub: the last revision that the client was shown; progress is never behind it. */
  shownRevision = 0;

  constructor(home: WatchHome, sink: WatchSink) {
    this.#home = home;
    this.sink = sink;
  }

  /** Whether events can be sent now, to any watcher. */
  get hasRoom(): boolean {
    return this.hasRoomFor(undefined);
  }

  hasRoomFor(watcher: Watcher | undefined): boolean {
    return this.isFreeFor(watcher) && this.sink.hasRoom;
  }

  /** Whether events can be sent to a watcher but for the room. */
  isFreeFor(watcher: Watcher | undefined): boolean {
    return !this.#isSealed && (this.partial === undefined || this.partial === watcher);
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /**
   * The new watcher's id, or why there is none. Either is told with the hub's revision. Its events
   * come no earlier than the next turn.
   */
  create(request: CreateWatch): { readonly id: bigint } | { readonly refusal: WatchRefusal } {
    this.shownRevision = this.#home.revision;
    const { rangeEnd, startRevision } = request;
    const key = request.key.length === 0 ? Buffer.alloc(1) : request.key;
    const isOpen = isOpenEnd(rangeEnd);
    if (rangeEnd.length > 0 && !isOpen && compareBytes(key, rangeEnd) >= 0) {
      return { refusal: WatchRefusal.EMPTY_RANGE };
    }
    if (request.id !== 0n && this.#watchers.has(request.id)) {
      return { refusal: WatchRefusal.DUPLICATE_ID };
    }
    const isFull = this.#watchers.size >= WATCHERS_PER_STREAM_MAX;
    if (isFull || !this.#home.admits(key.length + rangeEnd.length)) {
      return { refusal: WatchRefusal.TOO_MANY };
    }
    const id = request.id === 0n ? this.#freeId() : request.id;
    const end = isOpen ? undefined : rangeEnd.toString("latin1");
    const range = rangeEnd.length === 0 ? undefined : { end };
    const position = startRevision === 0 ? this.#home.revision + 1 : startRevision;
    const options = { ...request, id, key: key.toString("latin1"), range };
    const watcher = new Watcher(this, options, position);
    this.#watchers.set(id, watcher);
    this.#behindCount++;
    if (startRevision > this.#home.revision) this.#ahead.add(watcher);
    this.#home.join(watcher);
    return { id };
  }

  /** False when there is no such watcher. */
  cancel(id: bigint): boolean {
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return false;
    this.shownRevision = this.#home.revision;
    this.#home.leave(watcher);
    this.sink.canceled(watcher);
    this.forget(watcher);
    return true;
  }

  /**
   * Answers once all watchers have been sent everything up to now: one answer for however many
   * questions it covers.
   */
  requestProgress(): void {
    if (this.#watchers.size === 0) return;
    this.#askedRevision = this.#home.revision;
    this.#owedRevision ??= this.#askedRevision;
    this.payProgress();
  }

  /** Tells every quiet watcher that wants to know how far it is. */
  notifyProgress(): void {
    for (const watcher of this.#watchers.values()) {
      if (!watcher.wantsProgress) continue;
      const isQuiet = !watcher.hadEvent;
      watcher.hadEvent = false;
      const told = isQuiet && this.hasRoom ? this.#home.toldTo(watcher) : undefined;
      if (told === undefined || told < Math.max(watcher.startRevision, this.shownRevision))
        continue;
      this.sink.progress(watcher, told);
    }
  }

  /** The sink has room again. */
  resume(): void {
    this.payProgress();
    this.#home.catchUp();
  }

  /** Nothing is told from now on; the watchers leave later, for they may be too many for a turn. */
  close(): void {
    this.seal();
    const watchers = this.#watchers;
    this.#watchers = new Map();
    this.#home.closed(this, watchers.values());
  }

  /** For the hub: nothing more is sent of what happens. */
  seal(): void {
    this.#isSealed = true;
  }

  /** For the hub: a watcher that ended there. */
  forget(watcher: Watcher): void {
    // To be told so may have closed the stream.
    if (!this.#watchers.delete(watcher.id)) return;
    this.#ahead.delete(watcher);
    if (this.partial === watcher) this.partial = undefined;
    if (!watcher.isSynced) this.#behindCount--;
    this.payProgress();
  }

  /** For the hub: whether a watcher gets changes as they happen now. */
  mark(watcher: Watcher, isSynced: boolean): void {
    if (watcher.isSynced === isSynced) return;
    watcher.isSynced = isSynced;
    this.#behindCount += isSynced ? -1 : 1;
  }

  /** For the hub: sends the progress that was asked for, if it can be told now. */
  payProgress(): void {
    if (this.#owedRevision === undefined || this.#behindCount > 0 || !this.hasRoom) return;
    const { toldRevision } = this.#home;
    if (!this.#isDue(toldRevision, this.#owedRevision)) {
      this.#home.awaitProgress(this);
      return;
    }
    const isAllCovered = toldRevision >= this.#askedRevision || this.#watchers.size === 0;
    this.#owedRevision = isAllCovered ? undefined : this.#askedRevision;
    if (this.#watchers.size > 0) this.sink.progress(undefined, toldRevision);
    if (!isAllCovered) this.#home.awaitProgress(this);
  }

  /** Whether progress up to `told` is what was asked for, and true of all watchers. */
  #isDue(told: number, owed: number): boolean {
    if (told < owed || told < this.shownRevision) return false;
    for (const watcher of this.#ahead) {
      if (watcher.startRevision > told) return false;
      this.#ahead.delete(watcher);
    }
    return true;
  }

  #freeId(): bigint {
    while (this.#watchers.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }
}
