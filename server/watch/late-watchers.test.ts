import { expect, test } from "vitest";
import { fixture, NotedSink, watch } from "./hub-fixture.suite.ts";
import type { WatchStream } from "./watch-stream.ts";

/** More than are told of one change in its turn. */
const CROWD = 10_001;

function crowd(stream: WatchStream, key: string): void {
  for (let i = 0; i < CROWD; i++) stream.create(watch(key));
}

test("a compaction takes nothing from who is late, unless its client does not read", () => {
  const { hub, put, compact, compactOn, clock, open } = fixture();
  const [reading, stalled] = [open(), open()];
  crowd(reading.stream, "a");
  stalled.stream.create(watch("a"));
  put("a", "1");
  stalled.sink.hasRoom = false;
  put("b", "");
  compact(3);
  expect(compactOn()).toBe(false);
  clock.settle();
  expect(reading.sink.log).toHaveLength(CROWD);
  expect(new Set(reading.sink.log.map((line) => line.replace(/^\d+/, "")))).toEqual(
    new Set(["@3: a=1#2"]),
  );
  expect(compactOn()).toBe(true);
  expect(stalled.sink.take()).toEqual([]);
  stalled.sink.hasRoom = true;
  stalled.stream.resume();
  clock.settle();
  expect(stalled.sink.take()).toEqual(["0 compacted 3"]);
  expect(hub.slowWatcherCount).toBe(0);
});

test("a revision that is read over many turns is told whole behind a compaction", () => {
  const { write, put, compact, compactOn, clock, open } = fixture();
  const { sink, stream } = open(Number.MAX_SAFE_INTEGER);
  stream.create(watch("a", { end: "b" }));
  const first = write((txn) => {
    for (let i = 0; i < CROWD; i++) txn.put(Buffer.from(`a${i}`), Buffer.alloc(0), 0n);
  });
  put("b", "");
  for (let turns = 0; turns < 3; turns++) clock.turn();
  expect(sink.log).toEqual([]);
  compact(first + 1);
  clock.settle();
  const [told = "", ...others] = sink.take();
  expect(others).toEqual([]);
  expect(told.split(" ").slice(1).length).toBe(CROWD);
  expect(compactOn()).toBe(true);
});

test("late watchers that leave, one by one or with their stream, hold no compaction", () => {
  const { put, compact, compactOn, clock, open } = fixture();
  const [one, other] = [open(), open()];
  crowd(one.stream, "a");
  other.stream.create(watch("a"));
  put("a", "1");
  put("b", "");
  compact(3);
  clock.turn();
  one.stream.close();
  other.stream.cancel(0n);
  clock.settle();
  expect(compactOn()).toBe(true);
});

test("progress covers the last question, however late others are", () => {
  const { hub, put, clock, open } = fixture();
  crowd(open().stream, "a");
  crowd(open().stream, "b");
  const { sink, stream } = open();
  stream.create(watch("quiet"));
  clock.settle();
  put("a", "");
  stream.requestProgress();
  put("b", "");
  put("c", "");
  stream.requestProgress();
  clock.settle();
  const told = sink.take();
  expect(told.at(-1)).toBe(`all progress ${hub.revision}`);
  expect(told.length).toBeLessThanOrEqual(2);
});

test("who was told all hears of progress while others are late", () => {
  const { hub, put, clock, open } = fixture();
  crowd(open().stream, "a");
  const quiet = new NotedSink();
  const stream = hub.openStream(quiet);
  stream.create(watch("quiet", { wantsProgress: true }));
  stream.create(watch("busy"));
  clock.settle();
  put("a", "");
  put("busy", "1");
  expect(hub.toldRevision).toBeLessThan(hub.revision);
  stream.notifyProgress();
  expect(quiet.take()).toEqual(["1@3: busy=1#3", "0 progress 3"]);
});
