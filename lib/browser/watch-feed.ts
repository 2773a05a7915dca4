// A watch as a page shows it. Events come in as fast as the cluster makes them and are kept in a
// ring; React hears of it a few times a second, never once per event.
//
//   stream ──▶ take ──┬── running ──▶ ring (newest kept, the rest counted)
//                     └── paused  ──▶ backlog ── full? ──▶ the stream is let go
//
// Nothing is lost by pausing: when the backlog is full the stream is closed, and going on reopens it
// behind the last revision. Only compaction can take something then, and that is a row of its own.
// In a tab that nobody sees the stream is let go in the same way: a browser has few connections to
// one host for all its tabs.

import { ErrorReply } from "../schema/errors.ts";
import {
  type ChangeEvent,
  LinkEvent,
  OpenEvent,
  ResetEvent,
  type WatchHistory,
} from "../schema/watch.ts";
import { compareDecimal } from "./decimal.ts";
import { EventRing } from "./event-ring.ts";
import type { EventStream, StreamMessage, StreamSink, StreamState } from "./event-stream.ts";
import { FeedContinuity } from "./feed-continuity.ts";
import type { FeedView } from "./feed-view.ts";
import { formatDecimal } from "./format.ts";
import { RateMeter, type RatePoint } from "./rate-meter.ts";
import {
  matchesText,
  type NewRow,
  opOf,
  readChange,
  rowBytes,
  type WatchOp,
  type WatchRow,
} from "./watch-row.ts";

export const FEED_LIMITS = { rowsMax: 20_000, bytesMax: 64 * 1024 * 1024 };
/** While paused; the same bounds, so that going on shows all of it. */
export const BACKLOG_LIMITS = FEED_LIMITS;

/** Where a stream goes on. */
export interface FeedPlace {
  readonly lastId: string | undefined;
  /** Of what has been received by now; undefined: nothing was. */
  readonly history: () => WatchHistory | undefined;
}

export type OpenFeed = (place: FeedPlace, sink: StreamSink) => EventStream;

export class WatchFeed {
  readonly #open: OpenFeed;
  readonly #now: () => number;
  readonly #ring = new EventRing<WatchRow>(FEED_LIMITS, rowBytes);
  readonly #listeners = new Set<() => void>();
  readonly #rate = new RateMeter();
  readonly #continuity = new FeedContinuity({
    mark: (kind, text) => this.#add({ kind, text }),
    changed: () => this.#touch(),
  });
  #backlog: WatchRow[] = [];
  #backlogBytes = 0;
  #stream: EventStream | undefined;
  #state: StreamState = { phase: "connecting", attempt: 0 };
  #trouble: string | null = null;
  #isPaused = false;
  #isHeld = false;
  #isAway = false;
  #isCleared = false;
  #isLinkLost = false;
  /** History was rewritten below the stream: it is opened anew after this batch. */
  #mustReopen = false;
  /** Added to the console's time it is this browser's. */
  #clockShiftMs = Number.POSITIVE_INFINITY;
  #seq = 0;
  #received = 0;
  #position: string | undefined;
  /** As the last stream told it. */
  #history: WatchHistory | undefined;
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
    this.#mustReopen = false;
    const place = {
      lastId: this.#position,
      history: () => (this.#startsAhead === null ? this.#history : undefined),
    };
    this.#stream = this.#open(place, {
      messages: (batch) => {
        for (const message of batch) {
          this.#take(message);
          if (this.#mustReopen) break;
        }
        if (this.#mustReopen && !this.#isHeld) this.reopen();
        this.#touch();
      },
      state: (state) => this.#streamState(state),
    });
  }

  stop(): void {
    this.#continuity.closed();
    this.#stream?.close();
    this.#stream = undefined;
  }

  /** Goes on behind the position, as after a refusal. */
  reopen(): void {
    this.stop();
    this.#continuity.retried();
    this.start();
  }

  /** Lets the stream go while nobody looks. */
  leave(): void {
    if (this.#isAway) return;
    this.#isAway = true;
    if (this.#stream === undefined) return;
    this.stop();
    this.#continuity.away(this.#position);
    this.#state = { phase: "connecting", attempt: 0 };
    this.#touch();
  }

  /** Reads on behind what came last before `leave`. */
  comeBack(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    if (!this.#isHeld) this.start();
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
    return this.#rate.isQuiet(nowMs);
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
    if (this.#isHeld && !this.#isAway) this.start();
    this.#isHeld = false;
    this.#touch();
  }

  /** By what is true now: what is drawn may be older. */
  toggle(): void {
    if (this.#isPaused) this.resume();
    else this.pause();
  }

  clear(): void {
    this.#isCleared ||= this.#received > 0 || this.#ring.length > 0;
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
    const { phase } = state;
    if (phase === "waiting" && this.#state.phase === "open") {
      this.#continuity.broken(`Connection lost: ${state.reason}`, this.#position);
    } else if (phase === "refused" && this.#position !== undefined && !this.#continuity.isCut) {
      this.#continuity.broken(`The watch was refused: ${state.error.message}`, this.#position);
    }
    if (phase === "waiting") this.#trouble = state.reason;
    else if (phase === "open") this.#trouble = null;
    this.#state = state;
    this.#touch();
  }

  /** The console tells of every failed try; one row says enough. */
  #takeLink({ state, error, revision }: LinkEvent): void {
    const isLost = state === "lost";
    if (isLost && !this.#isLinkLost) {
      const why = error === null ? "" : `: ${error.message}`;
      this.#continuity.broken(`etcd is out of reach${why}`, this.#position);
    }
    this.#isLinkLost = isLost;
    if (revision !== null) this.#continuity.standsAt(revision, this.#position ?? "0");
  }

  #takeOpen({ from, revision, clusterId, raftTerm }: OpenEvent): void {
    this.#history = { clusterId, raftTerm };
    // The console says so once etcd has made the watch, and of an earlier break it knows nothing.
    this.#isLinkLost = false;
    const begin = String(BigInt(from) - 1n);
    const seen = this.#startsAhead === null ? this.#position : undefined;
    if (seen !== undefined && compareDecimal(revision, seen) < 0) {
      this.#wentBack(seen, revision);
      this.#mustReopen = begin !== revision;
      return;
    }
    this.#position = begin;
    this.#startsAhead = compareDecimal(begin, revision) > 0 ? { from, revision } : null;
    this.#continuity.opened(revision, begin);
  }

  /** The history that was shown is no more: the watch goes on from now, in another one. */
  #wentBack(seen: string, revision: string): void {
    const text =
      `The cluster went back to revision ${formatDecimal(revision)}, probably by a restore. ` +
      `What was written after revision ${formatDecimal(seen)} in the old history does not show, ` +
      "nor what was written in the new one up to now.";
    this.#add({ kind: "gap", text });
    this.#position = revision;
    this.#partial = { revision: "", seen: 0, skip: 0 };
    this.#continuity.wentBack();
  }

  #take(message: StreamMessage): void {
    const position = message.id ?? this.#position;
    if (message.event === "open") {
      this.#takeOpen(OpenEvent.parse(JSON.parse(message.data)));
      return;
    }
    if (message.event === "change") {
      const change = readChange(message.data);
      this.#continuity.change(change.revision);
      this.#takeChange(change);
    } else if (message.event === "progress") {
      this.#startsAhead = null;
      if (position !== undefined) this.#continuity.progress(position);
    } else if (message.event === "reset") {
      const { from, compactRevision } = ResetEvent.parse(JSON.parse(message.data));
      this.#continuity.gap();
      this.#partial = { revision: "", seen: 0, skip: 0 };
      const span = `${formatDecimal(from)} to ${formatDecimal(compactRevision)}`;
      this.#add({
        kind: "gap",
        text: `Gap: revisions ${span} cannot be shown: compacted, or taken back by a restore.`,
      });
    } else if (message.event === "link") {
      this.#takeLink(LinkEvent.parse(JSON.parse(message.data)));
    } else if (message.event === "failure") {
      const { error } = ErrorReply.parse(JSON.parse(message.data));
      this.#continuity.failed(error.message, this.#position);
    }
    this.#position = position;
    if (position !== undefined) this.#continuity.movedTo(position);
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
    const receivedAt = this.#inOwnTime(change.receivedAt, now);
    for (const event of fresh) {
      this.#received += 1;
      this.#rate.count(now, event.type);
      this.#add({
        kind: "event",
        revision: change.revision,
        receivedAt,
        op: opOf(event),
        key: event.key,
        kv: event.kv,
        previous: event.previous,
      });
    }
    if (change.isLast) this.#partial = { revision: "", seen: 0, skip: 0 };
    this.#startsAhead = null;
  }

  /** The message with the shortest way tells the two clocks apart best. */
  #inOwnTime(receivedAt: string, now: number): string {
    const at = Date.parse(receivedAt);
    this.#clockShiftMs = Math.min(this.#clockShiftMs, now - at);
    return new Date(at + this.#clockShiftMs).toISOString();
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
      isAllHidden: shown.length === 0 && all.length > 0,
      isCleared: this.#isCleared,
      isPaused: this.#isPaused,
      waiting: this.#backlog.length,
      isHeld: this.#isHeld,
      stream: this.#state,
      trouble: this.#trouble,
      isLinkLost: this.#isLinkLost,
      position: this.#startsAhead === null ? (this.#position ?? null) : null,
      catchingUpTo: this.#continuity.catchingUpTo,
      startsAhead: this.#startsAhead,
    };
  }
}
