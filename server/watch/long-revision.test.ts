import { expect, test } from "vitest";
import { fixture, watch } from "./hub-fixture.suite.ts";

const LIMITS = { changes: 10, bytes: 1024 * 1024 };
const BYTES_MAX = 1_000_000;
/** Of a deletion here: four fit into a part. */
const EVENT_BYTES = 14;
const PART_BYTES = 4 * EVENT_BYTES;

function names(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `a${String(from + i).padStart(2, "0")}`);
}

/** Revision 102 deletes a00 to a99. */
function deletion() {
  const world = fixture(LIMITS);
  for (const name of names(0, 100)) world.put(name, "");
  return { ...world, remove: () => world.delete("a", "b") };
}

function deleted(from: number, to: number): string {
  return names(from, to)
    .map((name) => `${name}†#102`)
    .join(" ");
}

const past = { startRevision: 102 };
const all = { ...past, end: "b" };

test("a revision of many changes is read over many turns, and told whole", () => {
  const { hub, open, remove, put, clock } = deletion();
  remove();
  const clients = [open(BYTES_MAX), open()];
  for (const { stream } of clients) {
    stream.create(watch("a", all));
    stream.create(watch("a50", past));
    stream.create(watch("x", past));
    stream.requestProgress();
  }
  for (let turns = 0; turns < 10; turns++) {
    clock.turn();
    expect(clients.flatMap(({ sink }) => sink.log)).toEqual([]);
  }
  put("a00", "new");
  clock.settle();
  for (const { sink } of clients) {
    expect(sink.take().sort()).toEqual([
      `0@102: ${deleted(0, 100)}`,
      "0@103: a00=new#103",
      "1@102: a50†#102",
      "all progress 103",
    ]);
  }
  expect(hub.slowWatcherCount).toBe(0);
});

test("many small revisions before it and behind it are told as ever", () => {
  const { open, remove, put, clock } = deletion();
  remove();
  put("a00", "");
  const { sink, stream } = open(BYTES_MAX);
  stream.create(watch("a", { end: "b", startRevision: 100 }));
  clock.settle();
  expect(sink.take()).toEqual([
    "0@101: a98=#100 a99=#101",
    `0@102: ${deleted(0, 100)}`,
    "0@103: a00=#103",
  ]);
});

test("parts are told as they are full, no faster than they are taken", () => {
  const { open, remove, put, clock, hub } = deletion();
  remove();
  const { sink, stream } = open(PART_BYTES);
  sink.isFullAfterPart = true;
  stream.create(watch("a", { ...all, takesFragments: true }));
  stream.create(watch("b"));
  const other = open(BYTES_MAX);
  other.stream.create(watch("a", all));
  stream.requestProgress();
  for (let part = 0; part < 24; part++) {
    sink.hasRoom = true;
    stream.resume();
    clock.settle();
    expect(sink.take()).toEqual([`0@102: ${deleted(4 * part, 4 * part + 4)} …`]);
  }
  expect(other.sink.take()).toEqual([`0@102: ${deleted(0, 100)}`]);
  put("b", "");
  sink.hasRoom = true;
  expect(sink.take()).toEqual([]);
  stream.resume();
  clock.settle();
  expect(sink.take()).toEqual([`0@102: ${deleted(96, 100)}`, "1@103: b=#103", "all progress 103"]);
  expect(hub.slowWatcherCount).toBe(0);
});

test("between parts nothing else is told to the stream, until its watcher ends", () => {
  const { open, remove, put, clock } = deletion();
  remove();
  const { sink, stream } = open(PART_BYTES);
  stream.create(watch("a", { ...all, takesFragments: true }));
  stream.create(watch("b", { wantsProgress: true }));
  clock.turn();
  clock.turn();
  expect(sink.take()).toHaveLength(2);
  put("b", "1");
  stream.notifyProgress();
  expect(sink.take()).toEqual([]);
  stream.cancel(0n);
  clock.settle();
  expect(sink.take()).toEqual(["0 canceled", "1@103: b=1#103"]);
});

test("a compaction ends who is in the middle of a revision that is gone", () => {
  const { open, remove, put, compact, clock, hub } = deletion();
  remove();
  const parts = open(PART_BYTES);
  parts.stream.create(watch("a", { ...all, takesFragments: true }));
  const whole = open(BYTES_MAX);
  whole.stream.create(watch("a", all));
  for (let turns = 0; turns < 4; turns++) clock.turn();
  expect(parts.sink.take().length).toBeGreaterThan(0);
  put("a00", "");
  compact(103);
  clock.settle();
  expect(parts.sink.take()).toEqual(["0 compacted 103"]);
  expect(whole.sink.take()).toEqual(["0 compacted 103"]);
  expect([hub.watcherCount, hub.slowWatcherCount]).toEqual([0, 0]);
});

test("from another store the same revision is told on, nothing of it twice", () => {
  const { open, remove, restore, clock } = deletion();
  remove();
  const parts = open(PART_BYTES);
  parts.stream.create(watch("a", { ...all, takesFragments: true }));
  const whole = open(BYTES_MAX);
  whole.stream.create(watch("a", all));
  for (let turns = 0; turns < 4; turns++) clock.turn();
  restore();
  clock.settle();
  expect(whole.sink.take()).toEqual([`0@102: ${deleted(0, 100)}`]);
  const told = parts.sink.take().map((line) => /: (.*?)( …)?$/.exec(line)?.slice(1) ?? []);
  expect(told.map(([events]) => events).join(" ")).toBe(deleted(0, 100));
  expect(told.map(([, part]) => part !== undefined)).toEqual([...Array(24).fill(true), false]);
});

test("who leaves in the middle leaves the others what they wait for", () => {
  const { open, remove, clock, hub } = deletion();
  remove();
  const clients = [open(BYTES_MAX), open(BYTES_MAX), open(PART_BYTES)];
  for (const { stream } of clients) stream.create(watch("a", { ...all, takesFragments: true }));
  clock.turn();
  clock.turn();
  clients[0]?.stream.close();
  clients[2]?.stream.close();
  clients[2]?.sink.take();
  clock.settle();
  expect(clients.map(({ sink }) => sink.take())).toEqual([[], [`0@102: ${deleted(0, 100)}`], []]);
  expect([hub.watcherCount, hub.slowWatcherCount]).toEqual([1, 0]);
});

test("what is too large to be told at all is given up while it is collected", () => {
  const { open, remove, clock, hub } = deletion();
  remove();
  const { sink, stream } = open(PART_BYTES);
  sink.failure = new RangeError("too large");
  stream.create(watch("a", all));
  const other = open(BYTES_MAX);
  other.stream.create(watch("a", all));
  for (let turns = 0; turns < 4; turns++) clock.turn();
  expect([sink.take(), other.sink.take()]).toEqual([["failed: RangeError: too large"], []]);
  stream.close();
  clock.settle();
  expect(other.sink.take()).toEqual([`0@102: ${deleted(0, 100)}`]);
  expect(hub.slowWatcherCount).toBe(0);
});

test("a stream that lost its room meanwhile is told once all the same", () => {
  const { open, remove, clock } = deletion();
  remove();
  const { sink, stream } = open(BYTES_MAX);
  stream.create(watch("a", all));
  stream.create(watch("a", all));
  clock.turn();
  clock.turn();
  sink.hasRoom = false;
  clock.settle();
  expect(sink.take()).toEqual([`0@102: ${deleted(0, 100)}`]);
  sink.hasRoom = true;
  stream.resume();
  clock.settle();
  expect(sink.take()).toEqual([`1@102: ${deleted(0, 100)}`]);
});

test("behind streams that take no more of a revision others are told what they wait for", () => {
  const { open, remove, put, clock } = deletion();
  remove();
  for (let i = 0; i < 5; i++) {
    const { sink, stream } = open(PART_BYTES);
    sink.isFullAfterPart = true;
    stream.create(watch("a", { ...all, takesFragments: true }));
  }
  put("c", "");
  clock.turn();
  const { sink, stream } = open();
  stream.create(watch("c", { startRevision: 103 }));
  clock.settle();
  expect(sink.take()).toEqual(["0@103: c=#103"]);
});
