import { expect, test } from "vitest";
import { AssertionError } from "../base/assert.ts";
import type { WatchHub } from "./hub.ts";
import { fixture, watch } from "./hub-fixture.suite.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { BulkSink, WatchSink } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";

/** What may be handed out in one turn, and a revision more. */
const EVENTS_PER_TURN = 50_000;

/** Counts what comes, and that nothing comes twice. */
class CountingSink implements WatchSink {
  hasRoom = true;
  /** Takes packed events of any size, without looking at them. */
  readonly bulk: BulkSink | undefined;
  count = 0;
  readonly last = new Map<bigint, number>();

  constructor(takesBulk = false) {
    if (!takesBulk) return;
    this.bulk = {
      eventBytesMax: () => Number.POSITIVE_INFINITY,
      packed: (watcher, revision, events) => {
        expect(revision).toBeGreaterThan(this.last.get(watcher.id) ?? 0);
        this.last.set(watcher.id, revision);
        this.count += events.count;
      },
    };
  }

  events(watcher: Watcher, _revision: number, events: readonly WatchEvent[]): void {
    expect(events[0]?.main).toBeGreaterThan(this.last.get(watcher.id) ?? 0);
    this.last.set(watcher.id, events.at(-1)?.main ?? 0);
    this.count += events.length;
  }

  canceled(): void {}

  compacted(): void {}

  failed(): void {}

  progress(): void {}
}

function counting(hub: WatchHub, takesBulk = false) {
  const sink = new CountingSink(takesBulk);
  return { sink, stream: hub.openStream(sink) };
}

test("many watchers of a long past are told in turns of bounded size", () => {
  const { hub, put, clock } = fixture();
  for (let i = 0; i < 400; i++) put("a", "");
  const { sink, stream } = counting(hub);
  for (let i = 0; i < 2000; i++) stream.create(watch("", { end: "\0", startRevision: 1 }));
  let before = 0;
  while (clock.turn()) {
    expect(sink.count - before).toBeLessThan(EVENTS_PER_TURN);
    before = sink.count;
  }
  expect(sink.count).toBe(2000 * 400);
});

test("a revision that is too large for all watchers at once is told to some after the others", () => {
  const { hub, write, put, clock } = fixture();
  put("b", "");
  write((txn) => {
    for (let i = 0; i < 1000; i++) txn.put(Buffer.from(`a${i}`), Buffer.alloc(0), 0n);
  });
  put("b", "");
  const { sink, stream } = counting(hub);
  for (let i = 0; i < 1000; i++) stream.create(watch("", { end: "\0", startRevision: 1 }));
  let before = 0;
  while (clock.turn()) {
    expect(sink.count - before).toBeLessThan(EVENTS_PER_TURN);
    before = sink.count;
  }
  expect(sink.count).toBe(1000 * 1002);
  expect(hub.slowWatcherCount).toBe(0);
});

test("what many watchers want of one long revision is held for few of them at once", () => {
  const { hub, write, put, clock } = fixture();
  write((txn) => {
    for (let i = 0; i < 20; i++) txn.put(Buffer.from(`a${i}`), Buffer.alloc(512 * 1024), 0n);
  });
  put("b", "");
  const clients = Array.from({ length: 10 }, () => counting(hub, true));
  for (const { stream } of clients) stream.create(watch("a", { end: "b", startRevision: 2 }));
  const other = counting(hub, true);
  other.stream.create(watch("b", { startRevision: 2 }));
  const counts = new Set<number>();
  while (clock.turn()) counts.add(clients.filter(({ sink }) => sink.count > 0).length);
  // Ten MiB each, of sixteen in a turn and 64 at once.
  expect([...counts]).toEqual([0, 2, 3, 5, 7, 9, 10]);
  expect([...clients, other].map(({ sink }) => sink.count)).toEqual([...Array(10).fill(20), 1]);
});

test("what is too much for one watcher in a turn is read for it in many", () => {
  const { hub, write, open, put, clock } = fixture();
  const large = "x".repeat(1024 * 1024);
  for (let i = 0; i < 80; i++) put(`a${i}`, large);
  const parts = open(2 * large.length);
  parts.sink.isFullAfterPart = true;
  const range = { end: "b", wantsPrevious: true };
  parts.stream.create(watch("a", { ...range, takesFragments: true }));
  const { sink, stream } = counting(hub, true);
  stream.create(watch("a", range));
  stream.create(watch("a1", { ...range, end: "a2" }));
  clock.settle();
  write((txn) => txn.deleteRange(Buffer.from("a"), Buffer.from("b")));
  expect([parts.sink.take(), sink.count]).toEqual([[], 11]);
  clock.settle();
  expect([parts.sink.take().length, sink.count]).toEqual([1, 91]);
});

test("behind a stream without room others catch up", () => {
  const { hub, put, clock } = fixture();
  put("a", "");
  const stalled = counting(hub);
  stalled.sink.hasRoom = false;
  for (let i = 0; i < 20_000; i++) stalled.stream.create(watch("a", { startRevision: 1 }));
  const { sink, stream } = counting(hub);
  stream.create(watch("a", { startRevision: 1 }));
  clock.turn();
  expect([stalled.sink.count, sink.count]).toEqual([0, 1]);
  stalled.sink.hasRoom = true;
  stalled.stream.resume();
  clock.settle();
  expect(stalled.sink.count).toBe(20_000);
});

test("of a revision with many changes for many watchers nothing is told in its own turn", () => {
  const { hub, write, put, clock } = fixture();
  const { sink, stream } = counting(hub);
  for (let i = 0; i < 1000; i++) stream.create(watch("", { end: "\0" }));
  stream.create(watch("a999"));
  stream.create(watch("b"));
  write((txn) => {
    for (let i = 0; i < 1000; i++) txn.put(Buffer.from(`a${i}`), Buffer.alloc(0), 0n);
  });
  expect([sink.count, hub.slowWatcherCount]).toEqual([0, 1001]);
  clock.settle();
  expect(sink.count).toBe(1000 * 1000 + 1);
  put("b", "");
  expect([sink.count, hub.slowWatcherCount]).toEqual([1000 * 1001 + 2, 0]);
});

test("a stream that cannot be told something is ended, and nothing more is told to it", () => {
  const { hub, open, put, clock } = fixture();
  const failing = open();
  const other = open();
  for (const { stream } of [failing, other]) {
    stream.create(watch("a"));
    stream.create(watch("a"));
  }
  failing.sink.failure = new RangeError("too long");
  put("a", "1");
  failing.sink.failure = undefined;
  put("a", "2");
  clock.settle();
  expect(failing.sink.take()).toEqual(["failed: RangeError: too long"]);
  expect(other.sink.take()).toHaveLength(4);
  failing.stream.close();
  clock.settle();
  expect([hub.watcherCount, hub.slowWatcherCount]).toEqual([2, 0]);
});

test("a stream is closed at once, however many watchers it has, and they leave in slices", () => {
  const { hub, put, clock } = fixture();
  const { sink, stream } = counting(hub);
  for (let i = 0; i < 20_000; i++) stream.create(watch(i % 2 === 0 ? "a" : "b"));
  put("a", "");
  stream.close();
  const { count } = sink;
  expect([hub.streamCount, stream.watcherCount, stream.cancel(1n)]).toEqual([0, 0, false]);
  let left = hub.watcherCount;
  expect(left).toBe(20_000);
  do {
    put("b", "");
    expect(left - hub.watcherCount).toBeLessThan(5000);
    left = hub.watcherCount;
  } while (clock.turn());
  expect([sink.count - count, left, hub.slowWatcherCount]).toEqual([0, 0, 0]);
});

test("a broken invariant in telling a watcher is thrown on", () => {
  const { open, put } = fixture();
  const { sink, stream } = open();
  stream.create(watch("a"));
  sink.failure = new AssertionError("broken");
  expect(() => put("a", "1")).toThrow("broken");
});

test("what is told of before counts in the size of a slice", () => {
  const { open, put, delete: remove, clock } = fixture();
  const large = "x".repeat(1024 * 1024);
  for (let i = 0; i < 4; i++) put(`a${i}`, large);
  for (let i = 0; i < 4; i++) remove(`a${i}`);
  const { sink, stream } = open();
  stream.create(watch("a", { end: "b", startRevision: 6, wantsPrevious: true }));
  stream.create(watch("a", { end: "b", startRevision: 6 }));
  clock.turn();
  expect(sink.take().map((line) => line.slice(0, 3))).toEqual(["0@6", "1@6"]);
});

test("progress that waits for one watcher is asked for and canceled around at no cost", () => {
  const { open } = fixture();
  const { sink, stream } = open();
  const count = 30_000;
  for (let i = 0; i < count; i++) stream.create(watch("a"));
  stream.create(watch("a", { startRevision: 9 }));
  // To look at every watcher each time would take a minute.
  for (let i = 0; i < 2 * count; i++) stream.requestProgress();
  for (let i = 1; i < count; i++) stream.cancel(BigInt(i));
  expect(sink.take()).toHaveLength(count - 1);
  stream.cancel(BigInt(count));
  expect(sink.take()).toEqual([`${count} canceled`, "all progress 1"]);
});

const TOO_MANY = { refusal: "etcdserver: too many requests" };

test("a stream has 100,000 watchers at most, and room for another once one is gone", () => {
  const { open } = fixture();
  const { stream } = open();
  for (let i = 0; i < 100_000; i++) stream.create(watch("a"));
  expect(stream.create(watch("a"))).toEqual(TOO_MANY);
  expect(open().stream.create(watch("a"))).toEqual({ id: 0n });
  stream.cancel(7n);
  expect(stream.create(watch("a"))).toEqual({ id: 100_000n });
  expect(stream.create(watch("a"))).toEqual(TOO_MANY);
});

test("keys and range ends of all watchers have 256 MiB at most", () => {
  const { open } = fixture();
  const { stream } = open();
  const key = Buffer.alloc(32 * 1024 * 1024, "k");
  const rangeEnd = Buffer.alloc(key.length, "l");
  const range = { ...watch("", { id: 0n }), key, rangeEnd };
  for (let i = 0; i < 4; i++) expect(stream.create(range)).toEqual({ id: BigInt(i) });
  expect(open().stream.create(watch("a"))).toEqual(TOO_MANY);
  stream.cancel(0n);
  expect(open().stream.create(watch("a"))).toEqual({ id: 0n });
  expect(stream.create(range)).toEqual(TOO_MANY);
  stream.close();
  expect(open().stream.create(range)).toEqual({ id: 0n });
});
