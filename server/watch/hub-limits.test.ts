import { expect, test } from "vitest";
import { WatchHub } from "./hub.ts";
import { fixture, watch } from "./hub-fixture.suite.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { WatchSink } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";

/** What may be handed out in one turn, and a revision more. */
const EVENTS_PER_TURN = 210_000;

/** Counts what comes, and that nothing comes twice. */
class CountingSink implements WatchSink {
  hasRoom = true;
  count = 0;
  readonly last = new Map<bigint, number>();

  events(watcher: Watcher, _revision: number, events: readonly WatchEvent[]): void {
    expect(events[0]?.main).toBeGreaterThan(this.last.get(watcher.id) ?? 0);
    this.last.set(watcher.id, events.at(-1)?.main ?? 0);
    this.count += events.length;
  }

  canceled(): void {}

  compacted(): void {}

  progress(): void {}
}

function open(hub: WatchHub) {
  const sink = new CountingSink();
  return { sink, stream: hub.openStream(sink) };
}

test("many watchers of a long past are told in turns of bounded size", () => {
  const { hub, put, clock } = fixture();
  for (let i = 0; i < 400; i++) put("a", "");
  const { sink, stream } = open(hub);
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
  const { sink, stream } = open(hub);
  for (let i = 0; i < 1000; i++) stream.create(watch("", { end: "\0", startRevision: 1 }));
  let before = 0;
  while (clock.turn()) {
    expect(sink.count - before).toBeLessThan(EVENTS_PER_TURN);
    before = sink.count;
  }
  expect(sink.count).toBe(1000 * 1002);
  expect(hub.slowWatcherCount).toBe(0);
});

test("behind a stream without room others catch up", () => {
  const { hub, put, clock } = fixture();
  put("a", "");
  const stalled = open(hub);
  stalled.sink.hasRoom = false;
  for (let i = 0; i < 20_000; i++) stalled.stream.create(watch("a", { startRevision: 1 }));
  const { sink, stream } = open(hub);
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
  const { sink, stream } = open(hub);
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
