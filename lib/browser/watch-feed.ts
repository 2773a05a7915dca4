// A watch as a page shows it. Events come in as fast as the cluster makes them and are kept in a
// ring; React hears of it a few times a second, never once per event.
//
//   stream ──▶ take ──┬── running ──▶ ring (newest kept, the rest counted)
//                     └── paused  ──▶ backlog ── full? ──▶ the stream is let go
//
// Nothing is lost by pausing: when the backlog is full the stream is closed, and going on reopens it
// behind the last revision. Only compaction can take something then, and that is a row of its own.

import { ErrorReply } from "../schema/errors.ts";
import { type ChangeEvent, LinkEvent, OpenEvent, ResetEvent } from "../schema/watch.ts";
import { compareDecimal } from "./decimal.ts";
import { EventRing } from "./event-ring.ts";
import type { EventStream, StreamMessage, StreamSink, StreamState } from "./event-stream.ts";
import { formatDecimal } from "./format.ts";
import { matchesText, opOf, rowBytes, type WatchOp, type WatchRow } from "./watch-row.ts";

export const FEED_LIMITS = { rowsMax: 20_000, bytesMax: 64 * 1024 * 1024 };
/** While paused; the same bounds, so that going on shows all of it. */
export const BACKLOG_LIMITS = FEED_LIMITS;
const RATE_SECONDS = 60;

export interface RatePoint {
  /** Seconds before now. */
  readonly ago: number;
  readonly puts: number;
  readonly deletes: number;
}

export interface FeedView {
  /** Newest first. */
  readonly rows: readonly WatchRow[];
  /** Events received since the start or the last clear, shown or not. */
  readonly received: number;
  /** Older events that the ring no longer keeps. */
  readonly dropped: number;
  readonly isPaused: boolean;
  /** Rows that wait behind the pause. */
  readonly waiting: number;
  /** The backlog is full: the stream is let go and will be resumed by revision. */
  readonly isHeld: boolean;
  readonly stream: StreamState;
  /** Why the stream is not open although it should be. */
  readonly trouble: string | null;
  /** The way from the console to etcd is broken; it resumes by itself. */
  readonly isLinkLost: boolean;
  /** Everything up to here has been received. */
  readonly position: string | null;
  /** The watch begins at a revision that the cluster has not reached yet. */
  readonly startsAhead: { readonly from: string; readonly revision: string } | null;
}

export type OpenFeed = (lastId: string | undefined, sink: StreamSink) => EventStream;

export class WatchFeed {
  readonly #open: OpenFeed;
  readonly #now: () => number;
  readonly #ring = new EventRing<WatchRow>(FEED_LIMITS, rowBytes);
  readonly #listeners = new Set<() => void>();
  readonly #rate = new RateMeter();
  #backlog: WatchRow[] = [];
  #backlogBytes = 0;
  #stream: EventStream | undefined;
  #state: StreamState = { phase: "connecting", attempt: 0 };
  #trouble: string | null = null;
  #isPaused = false;
  #isHeld = false;
  #isLinkLost = false;
  /** A break is among the rows, and what came of it is not yet. */
  #isBroken = false;
  #seq = 0;
  #received = 0;
  #position: string | undefined;
  /** Events seen of a revision that is not complete yet: a resume brings them once more. */
  #partial = { revision: "", seen: 0, skip: 0 };
  #startsAhead: FeedView["startsAhead"] = null;
  #filter = "";
  #only: WatchOp | null = null;
  /** What the filter said of rows it has seen. */
  #matches = new WeakMap<WatchRow, boolean>();
  #isStale = true;
  #view: FeedView | undefined;

  /**
   * @param now this browser's time, in ms since 1970: events are counted as they come here, since the
   *   console's clock may be another
   */
  constructor(open: OpenFeed, now: () => number = Date.now) {
    this.#open = open;
    this.#now = now;
  }

  start(): void {
    this.#isHeld = false;
    this.#stream = this.#open(this.#position, {
      messages: (batch) => {
        for (const message of batch) this.#take(message);
        this.#touch();
      },
      state: (state) => this.#streamState(state),
    });
  }

  stop(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The same object until something has changed. */
  readonly view = (): FeedView => {
    if (this.#view === undefined || this.#isStale) this.#view = this.#look();
    this.#isStale = false;
    return this.#view;
  };

  /** Events of each of the last seconds; of the one that is not over there is no rate yet. */
  rate(nowMs: number): RatePoint[] {
    return this.#rate.points(nowMs);
  }

  /** Whether no event has come in the time of which `rate` speaks, nor since. */
  isQuiet(nowMs: number): boolean {
    return this.#rate.newest < Math.floor(nowMs / 1_000) - RATE_SECONDS;
  }

  pause(): void {
    this.#isPaused = true;
    this.#touch();
  }

  resume(): void {
    this.#isPaused = false;
    for (const row of this.#backlog) this.#ring.push(row);
    this.#backlog = [];
    this.#backlogBytes = 0;
    if (this.#isHeld) this.start();
    this.#touch();
  }

  clear(): void {
    this.#ring.clear();
    this.#received = this.#backlog.filter((row) => row.kind === "event").length;
    this.#touch();
  }

  /** Both hide what is kept anyway; `only` null shows every kind of change. */
  filter(text: string, only: WatchOp | null): void {
    if (text === this.#filter && only === this.#only) return;
    this.#filter = text;
    this.#only = only;
    this.#matches = new WeakMap();
    this.#touch();
  }

  #streamState(state: StreamState): void {
    if (state.phase === "waiting" && this.#state.phase === "open") {
      this.#broken(`Connection lost: ${state.reason}`);
    }
    if (state.phase === "waiting") this.#trouble = state.reason;
    else if (state.phase === "open") this.#trouble = null;
    this.#state = state;
    this.#touch();
  }

  /** The console tells of every failed try; one row says enough. */
  #takeLink({ state, error, revision }: LinkEvent): void {
    const isLost = state === "lost";
    if (isLost && !this.#isLinkLost) {
      this.#broken(`etcd is out of reach${error === null ? "" : `: ${error.message}`}`);
    }
    this.#isLinkLost = isLost;
    if (revision !== null) this.#standsAt(revision);
  }

  /** Where nothing has happened since the position, no other message may come for long. */
  #standsAt(revision: string): void {
    if (compareDecimal(revision, this.#position ?? "0") <= 0) this.#resumed(true);
  }

  #broken(text: string): void {
    this.#isBroken = true;
    this.#add({ kind: "lost", text });
  }

  /** A connection that stands does not tell yet whether compaction has taken something. */
  #resumed(isWhole: boolean): void {
    if (!this.#isBroken || this.#position === undefined) return;
    this.#isBroken = false;
    const back = `Connected again behind revision ${formatDecimal(this.#position)}.`;
    this.#add({ kind: "resumed", text: isWhole ? `${back} No event was missed.` : back });
  }

  #take(message: StreamMessage): void {
    if (message.event === "change") {
      const change = readChange(message.data);
      this.#resumed(true);
      this.#takeChange(change);
    } else if (message.event === "progress") this.#resumed(true);
    else if (message.event === "open") {
      const { from, revision } = OpenEvent.parse(JSON.parse(message.data));
      // The console says so once etcd has made the watch, and of an earlier break it knows nothing.
      this.#isLinkLost = false;
      // Without a position the watch begins anew: there is nothing that it goes on behind.
      if (this.#position === undefined) this.#isBroken = false;
      this.#standsAt(revision);
      this.#startsAhead = BigInt(from) > BigInt(revision) + 1n ? { from, revision } : null;
    } else if (message.event === "reset") {
      const { from, compactRevision } = ResetEvent.parse(JSON.parse(message.data));
      this.#resumed(false);
      const span = `${formatDecimal(from)} to ${formatDecimal(compactRevision)}`;
      this.#add({
        kind: "gap",
        text: `Gap: revisions ${span} were compacted and cannot be shown.`,
      });
    } else if (message.event === "link") {
      this.#takeLink(LinkEvent.parse(JSON.parse(message.data)));
    } else if (message.event === "failure") {
      const { error } = ErrorReply.parse(JSON.parse(message.data));
      this.#add({ kind: "lost", text: error.message });
    }
    this.#position = message.id ?? this.#position;
  }

  #takeChange(change: ChangeEvent): void {
    if (this.#partial.revision !== change.revision) {
      this.#partial = { revision: change.revision, seen: 0, skip: 0 };
    } else if (change.part === 0) this.#partial.skip = this.#partial.seen;
    const { skip } = this.#partial;
    const fresh = change.events.slice(skip);
    this.#partial.skip = Math.max(0, skip - change.events.length);
    this.#partial.seen += fresh.length;
    const now = this.#now();
    for (const event of fresh) {
      this.#received += 1;
      this.#rate.count(now, event.type);
      this.#add({
        kind: "event",
        revision: change.revision,
        receivedAt: change.receivedAt,
        op: opOf(event),
        key: event.key,
        kv: event.kv,
        previous: event.previous,
      });
    }
    if (change.isLast) this.#partial = { revision: "", seen: 0, skip: 0 };
    this.#startsAhead = null;
  }

  #add(row: NewRow): void {
    const numbered: WatchRow = { ...row, seq: this.#seq };
    this.#seq += 1;
    if (!this.#isPaused) {
      this.#ring.push(numbered);
      return;
    }
    this.#backlog.push(numbered);
    this.#backlogBytes += rowBytes(numbered);
    const isFull =
      this.#backlog.length >= BACKLOG_LIMITS.rowsMax ||
      this.#backlogBytes >= BACKLOG_LIMITS.bytesMax;
    if (isFull) this.#isHeld = true;
  }

  /** Called after a whole batch, so that no message of it is cut in two. */
  #touch(): void {
    if (this.#isHeld && this.#stream !== undefined) this.stop();
    this.#isStale = true;
    for (const listener of this.#listeners) listener();
  }

  #isShown(row: WatchRow): boolean {
    const known = this.#matches.get(row);
    if (known !== undefined) return known;
    const isOp = this.#only === null || row.kind !== "event" || row.op === this.#only;
    const matches = isOp && matchesText(row, this.#filter);
    this.#matches.set(row, matches);
    return matches;
  }

  #look(): FeedView {
    const all = this.#ring.toArray();
    const isAll = this.#filter === "" && this.#only === null;
    const shown = isAll ? all : all.filter((row) => this.#isShown(row));
    return {
      rows: shown.toReversed(),
      received: this.#received,
      dropped: this.#ring.dropped,
      isPaused: this.#isPaused,
      waiting: this.#backlog.length,
      isHeld: this.#isHeld,
      stream: this.#state,
      trouble: this.#trouble,
      isLinkLost: this.#isLinkLost,
      position: this.#startsAhead === null ? (this.#position ?? null) : null,
      startsAhead: this.#startsAhead,
    };
  }
}

type NewRow = WatchRow extends infer Row
  ? Row extends WatchRow
    ? Omit<Row, "seq">
    : never
  : never;

/** Hot path: thousands of these a second, written by the console itself; only the frame is judged. */
function readChange(data: string): ChangeEvent {
  const change = JSON.parse(data) as Partial<ChangeEvent> | null;
  const isChange =
    change !== null &&
    typeof change.revision === "string" &&
    typeof change.receivedAt === "string" &&
    Array.isArray(change.events);
  if (!isChange) throw new TypeError("The stream's message is malformed.");
  return change as ChangeEvent;
}

/** Events of each of the last seconds. */
class RateMeter {
  /** Seconds since 1970. */
  newest = Number.NEGATIVE_INFINITY;
  readonly #puts = new Map<number, number>();
  readonly #deletes = new Map<number, number>();

  count(atMs: number, type: "put" | "delete"): void {
    const second = Math.floor(atMs / 1_000);
    this.newest = Math.max(this.newest, second);
    const counts = type === "put" ? this.#puts : this.#deletes;
    counts.set(second, (counts.get(second) ?? 0) + 1);
    if (counts.size > RATE_SECONDS * 2) {
      for (const old of counts.keys()) if (old < second - RATE_SECONDS) counts.delete(old);
    }
  }

  /** Whole seconds only: the running one is not over. */
  points(nowMs: number): RatePoint[] {
    const now = Math.floor(nowMs / 1_000);
    return Array.from({ length: RATE_SECONDS }, (_, at) => {
      const ago = RATE_SECONDS - at;
      const second = now - ago;
      return { ago, puts: this.#puts.get(second) ?? 0, deletes: this.#deletes.get(second) ?? 0 };
    });
  }
}
