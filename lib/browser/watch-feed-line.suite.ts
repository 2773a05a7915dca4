// A stream that a feed is tested over, in the test's hand.

import { encodeBase64 } from "../schema/bytes.ts";
import type { WatchHistory } from "../schema/watch.ts";
import type { StreamMessage, StreamSink, StreamState } from "./event-stream.ts";
import { encodeUtf8 } from "./key-text.ts";
import { WatchFeed } from "./watch-feed.ts";

const b64 = (text: string) => encodeBase64(encodeUtf8(text));

/** A stream in the test's hand; `openings` are the ids it was asked to go on behind. */
export class Line {
  openings: (string | undefined)[] = [];
  /** The history that the feed would name now. */
  history: () => WatchHistory | undefined = () => undefined;
  closed = 0;
  sink: StreamSink | undefined;
  /** The browser's clock, a day behind the console's. */
  now = Date.parse("2025-12-31T00:00:00.000Z");
  readonly feed = new WatchFeed(
    ({ lastId, history }, sink) => {
      this.openings.push(lastId);
      this.history = history;
      this.sink = sink;
      return { close: () => void (this.closed += 1) };
    },
    () => this.now,
  );

  constructor(state: StreamState = { phase: "open" }) {
    this.feed.start();
    this.sink?.state(state);
  }

  /** The connection breaks and comes back. */
  reconnect(...first: StreamMessage[]): void {
    this.sink?.state({ phase: "waiting", retryInMs: 500, reason: "gone" });
    this.sink?.state({ phase: "connecting", attempt: 1 });
    this.sink?.state({ phase: "open" });
    this.send(...first);
  }

  send(...messages: StreamMessage[]): void {
    this.sink?.messages(messages);
  }

  put(revision: number, ...keys: string[]): void {
    this.send(change(revision, keys));
  }

  /** Newest first, as all rows. */
  markers(): string[] {
    return this.feed.view().rows.flatMap((row) => (row.kind === "event" ? [] : [row.text]));
  }

  lines(): string[] {
    return this.feed.view().rows.map((row) => {
      return row.kind === "event" ? `${row.revision} ${row.op} ${atob(row.key)}` : row.kind;
    });
  }
}

export const HISTORY = { clusterId: "8", raftTerm: "4" };

export function opened(from: number, revision: number, history = HISTORY): StreamMessage {
  const data = JSON.stringify({ from: String(from), revision: String(revision), ...history });
  return { event: "open", data, id: String(from - 1) };
}

export function reset(from: number, compacted: number): StreamMessage {
  const data = JSON.stringify({ from: String(from), compactRevision: String(compacted) });
  return { event: "reset", data, id: String(compacted) };
}

export function link(data: object): StreamMessage {
  return { event: "link", data: JSON.stringify(data), id: undefined };
}

const NO_LEADER = { code: "no-leader", message: "etcdserver: no leader" };
export const LOST = link({ state: "lost", error: NO_LEADER, revision: null });

export function restored(revision: number): StreamMessage {
  return link({ state: "restored", error: null, revision: String(revision) });
}

export const BACK = "Connected again behind revision 5.";
export const WHOLE = `${BACK} No event was missed.`;

export function change(revision: number, keys: string[], part = 0, isLast = true): StreamMessage {
  const events = keys.map((key) => {
    const meta = { key: b64(key), createRevision: "1", modRevision: String(revision) };
    const kv = { ...meta, version: "1", lease: "0", sizeBytes: 1, value: b64("v") };
    return { type: "put", key: b64(key), kv, previous: null };
  });
  const receivedAt = "2026-01-01T00:00:00.000Z";
  const data = JSON.stringify({ revision: String(revision), receivedAt, part, isLast, events });
  return { event: "change", data, id: isLast ? String(revision) : undefined };
}

export function failure(message: string): StreamMessage {
  const data = JSON.stringify({ error: { code: "internal", message } });
  return { event: "failure", data, id: undefined };
}

export function progress(revision: number): StreamMessage {
  const data = JSON.stringify({ revision: String(revision) });
  return { event: "progress", data, id: String(revision) };
}
