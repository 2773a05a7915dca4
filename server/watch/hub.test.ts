import { expect, test } from "vitest";
import { fixture, watch } from "./hub-fixture.suite.ts";

test("a watcher is told of every change from then on, with what it replaced where it asks", () => {
  const { open, put, delete: remove, write } = fixture();
  const { sink, stream } = open();
  put("a", "0");
  expect(stream.create(watch("a"))).toEqual({ id: 0n });
  stream.create(watch("a", { end: "c", wantsPrevious: true }));
  put("a", "1");
  write((txn) => {
    txn.put(Buffer.from("b"), Buffer.from("2"), 0n);
    txn.deleteRange(Buffer.from("a"), Buffer.alloc(0));
    txn.put(Buffer.from("z"), Buffer.from("3"), 0n);
  });
  remove("b");
  expect(sink.take().sort()).toEqual([
    "0@3: a=1#3",
    "0@4: a†#4",
    "1@3: a=1#3<0",
    "1@4: b=2#4 a†#4<1",
    "1@5: b†#5<2",
  ]);
});

test("ranges are half open, and a zero byte is no end at all", () => {
  const { open, put } = fixture();
  const { sink, stream } = open();
  stream.create(watch("b", { end: "d" }));
  stream.create(watch("c", { end: "\0" }));
  stream.create(watch("", { end: "\0" }));
  for (const key of ["a", "b", "c", "d"]) put(key, "");
  const seen = sink.take().map((line) => line.replace(/@.*: /, " ").replace(/=.*/, ""));
  expect(seen.sort()).toEqual(["0 b", "0 c", "1 c", "1 d", "2 a", "2 b", "2 c", "2 d"]);
});

test("filters drop events, and a revision without any left is not sent", () => {
  const { open, put, delete: remove, clock } = fixture();
  const { sink, stream } = open();
  stream.create(watch("a", { wantsPuts: false }));
  stream.create(watch("a", { wantsDeletes: false }));
  put("a", "1");
  remove("a");
  stream.create(watch("a", { wantsPuts: false, startRevision: 1 }));
  clock.settle();
  expect(sink.take()).toEqual(["1@2: a=1#2", "0@3: a†#3", "2@3: a†#3"]);
});

test("a start in the past is read from the store, one in the future waits", () => {
  const { open, put, clock } = fixture();
  const { sink, stream } = open();
  for (const value of ["1", "2", "3"]) put("a", value);
  stream.create(watch("a", { startRevision: 3 }));
  stream.create(watch("a", { startRevision: 6 }));
  expect(sink.take()).toEqual([]);
  put("a", "4");
  clock.settle();
  put("a", "5");
  expect(sink.take().sort()).toEqual(["0@5: a=2#3 a=3#4 a=4#5", "0@6: a=5#6", "1@6: a=5#6"]);
});

test("below the compacted revision a watch ends; that revision itself is told", () => {
  const { open, put, delete: remove, compact, clock } = fixture();
  const { sink, stream } = open();
  put("a", "1");
  put("a", "2");
  remove("a");
  put("b", "3");
  compact(4);
  for (const startRevision of [3, 4, 5]) stream.create(watch("a", { end: "z", startRevision }));
  clock.settle();
  expect(sink.take().sort()).toEqual(["0 compacted 4", "1@5: a†#4 b=3#5", "2@5: b=3#5"]);
  expect(stream.cancel(0n)).toBe(false);
  expect(stream.watcherCount).toBe(2);
});

test("a stream that is not read misses nothing: it catches up once there is room", () => {
  const { open, put, clock, hub } = fixture();
  const slow = open();
  const quick = open();
  slow.stream.create(watch("a", { end: "z", wantsPrevious: true }));
  quick.stream.create(watch("a", { end: "z" }));
  slow.sink.hasRoom = false;
  put("a", "1");
  put("a", "2");
  clock.settle();
  expect(slow.sink.take()).toEqual([]);
  expect(hub.slowWatcherCount).toBe(1);
  expect(quick.sink.take()).toEqual(["0@2: a=1#2", "0@3: a=2#3"]);
  slow.sink.hasRoom = true;
  slow.stream.resume();
  clock.settle();
  put("a", "3");
  expect(slow.sink.take()).toEqual(["0@3: a=1#2 a=2#3<1", "0@4: a=3#4<2"]);
  expect(hub.slowWatcherCount).toBe(0);
});

test("a stream whose missing changes were compacted is told so instead of a gap", () => {
  const { open, put, compact, clock } = fixture();
  const { sink, stream } = open();
  stream.create(watch("a"));
  sink.hasRoom = false;
  for (const value of ["1", "2", "3"]) put("a", value);
  compact(4);
  sink.hasRoom = true;
  stream.resume();
  clock.settle();
  put("a", "4");
  expect(sink.take()).toEqual(["0 compacted 4"]);
});

test("a large value that many watch is sent turn by turn, to each of them once", () => {
  const { open, put, clock } = fixture();
  const clients = Array.from({ length: 100 }, () => open());
  for (const { stream } of clients) stream.create(watch("a"));
  put("a", "x".repeat(1024 * 1024));
  const told = () => clients.filter(({ sink }) => sink.log.length > 0).length;
  expect(told()).toBe(64);
  clock.turn();
  expect(told()).toBe(80);
  clock.settle();
  expect(clients.map(({ sink }) => sink.log.length)).toEqual(clients.map(() => 1));
});

test("long histories come in portions of whole revisions", () => {
  const { open, write, clock } = fixture();
  const { sink, stream } = open();
  for (let i = 0; i < 2500; i++) {
    write((txn) => {
      txn.put(Buffer.from("a"), Buffer.from(`${i}`), 0n);
      txn.put(Buffer.from("b"), Buffer.from(`${i}`), 0n);
    });
  }
  stream.create(watch("a", { end: "c", startRevision: 1 }));
  clock.settle();
  const portions = sink.take();
  const events = portions.flatMap((line) => line.split(": ")[1]?.split(" ") ?? []);
  expect(portions.length).toBeGreaterThan(2);
  expect(portions.at(-1)).toContain("0@2501: ");
  expect(events).toHaveLength(5000);
  for (const portion of portions) {
    const revision = /@(\d+):/.exec(portion)?.[1] ?? "";
    expect(portion).toMatch(new RegExp(`a=\\d+#${revision} b=\\d+#${revision}$`));
  }
});

test("ids: the smallest that is free from 0 on, or the wished one if it is free", () => {
  const { open } = fixture();
  const { stream } = open();
  expect(stream.create(watch("a", { id: 1n }))).toEqual({ id: 1n });
  expect(stream.create(watch("a"))).toEqual({ id: 0n });
  expect(stream.create(watch("a"))).toEqual({ id: 2n });
  expect(stream.create(watch("a", { id: -5n }))).toEqual({ id: -5n });
  expect(stream.create(watch("a", { id: 1n }))).toEqual({
    refusal: "mvcc: duplicate watch ID provided on the WatchStream",
  });
  expect(stream.cancel(1n)).toBe(true);
  expect(stream.cancel(1n)).toBe(false);
  expect(stream.create(watch("a", { id: 1n }))).toEqual({ id: 1n });
  expect(stream.create(watch("b", { end: "b" }))).toEqual({
    refusal: "mvcc: watcher range is empty",
  });
  expect(stream.create(watch("b", { end: "a" }))).toEqual({
    refusal: "mvcc: watcher range is empty",
  });
});

test("progress asked for is told once all of the stream is sent, and never twice", () => {
  const { open, put, clock } = fixture();
  const { sink, stream } = open();
  put("a", "1");
  stream.requestProgress();
  expect(sink.take()).toEqual([]);
  stream.create(watch("a"));
  stream.requestProgress();
  expect(sink.take()).toEqual(["all progress 2"]);
  stream.create(watch("a", { startRevision: 1 }));
  stream.requestProgress();
  stream.requestProgress();
  expect(sink.take()).toEqual([]);
  clock.settle();
  expect(sink.take()).toEqual(["1@2: a=1#2", "all progress 2"]);
  stream.create(watch("a", { startRevision: 4 }));
  stream.requestProgress();
  expect(sink.take()).toEqual([]);
  sink.hasRoom = false;
  stream.cancel(2n);
  expect(sink.take()).toEqual(["2 canceled"]);
  sink.hasRoom = true;
  stream.resume();
  expect(sink.take()).toEqual(["all progress 2"]);
});

test("progress of itself goes to quiet, synced watchers that want it", () => {
  const { open, put } = fixture();
  const { sink, stream } = open();
  put("a", "1");
  stream.create(watch("a", { wantsProgress: true }));
  stream.create(watch("a"));
  stream.create(watch("a", { wantsProgress: true, startRevision: 1 }));
  stream.create(watch("a", { wantsProgress: true, startRevision: 9 }));
  stream.notifyProgress();
  expect(sink.take()).toEqual(["0 progress 2"]);
  put("a", "2");
  sink.take();
  stream.notifyProgress();
  stream.notifyProgress();
  expect(sink.take()).toEqual(["0 progress 3"]);
});

test("after a snapshot synced watchers read what they missed from the new store", () => {
  const { open, put, write, restore, clock, hub } = fixture();
  const { sink, stream } = open();
  stream.create(watch("a", { wantsPrevious: true }));
  stream.create(watch("a", { startRevision: 5 }));
  put("a", "1");
  const elsewhere = (value: string) =>
    write((txn) => txn.put(Buffer.from("a"), Buffer.from(value), 0n), false);
  elsewhere("2");
  elsewhere("3");
  restore();
  stream.requestProgress();
  clock.settle();
  expect(sink.take()).toEqual(["0@2: a=1#2", "0@4: a=2#3<1 a=3#4<2"]);
  put("a", "4");
  expect(sink.take().sort()).toEqual(["0@5: a=4#5<3", "1@5: a=4#5"]);
  expect(hub.slowWatcherCount).toBe(0);
});

test("a closed stream leaves nothing behind", () => {
  const { open, put, clock, hub } = fixture();
  const { sink, stream } = open();
  for (let i = 0; i < 1000; i++) stream.create(watch(`k${i}`, { startRevision: i % 2 }));
  for (let i = 0; i < 500; i++) stream.cancel(BigInt(i));
  expect(sink.take()).toHaveLength(500);
  expect([hub.streamCount, hub.watcherCount]).toEqual([1, 500]);
  stream.close();
  clock.settle();
  put("k600", "");
  expect([hub.streamCount, hub.watcherCount, hub.slowWatcherCount]).toEqual([0, 0, 0]);
  expect(sink.take()).toEqual([]);
});
