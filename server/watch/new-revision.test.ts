import { expect, test } from "vitest";
import { finish } from "../base/steps.ts";
import { fixture, watch } from "./hub-fixture.suite.ts";

const KEYS = 50;
const CHANGES_PER_TURN = 10;
const LIMITS = { changes: CHANGES_PER_TURN, bytes: Number.MAX_SAFE_INTEGER };

/** A hub, and the puts of `a00` to `a49` as one revision, which is still to be published. */
function longRevision() {
  const world = fixture(LIMITS);
  const publishing = () =>
    world.writing((txn) => {
      for (let i = 0; i < KEYS; i++) txn.put(name(i), Buffer.alloc(0), 0n);
    });
  return { ...world, publishing };
}

function name(i: number): Buffer {
  return Buffer.from(`a${`${i}`.padStart(2, "0")}`);
}

test("a revision of many changes is looked through in slices, and told at their end", () => {
  const { publishing, open } = longRevision();
  const { sink, stream } = open();
  stream.create(watch("a", { end: "b" }));
  stream.create(watch("a49"));
  const steps = publishing();
  for (let slices = 1; slices < KEYS / CHANGES_PER_TURN; slices++) {
    expect(steps.next().done).toBe(false);
    expect(sink.log).toEqual([]);
  }
  expect(steps.next()).toEqual({ done: true, value: 2 });
  const [all = "", one, ...others] = sink.take();
  expect(all.split(" ")).toHaveLength(KEYS + 1);
  expect(one).toBe("1@2: a49=#2");
  expect(others).toEqual([]);
});

test("where nobody is left to be found nothing more is looked through", () => {
  const { publishing, open, clock } = longRevision();
  expect(publishing().next().done).toBe(true);
  const { sink, stream } = open();
  // More than are told of one change in its turn.
  for (let i = 0; i < 10_001; i++) stream.create(watch("a00"));
  expect(publishing().next().done).toBe(true);
  clock.settle();
  expect(sink.log).toHaveLength(10_001);
});

test("between slices watchers come and go, and nobody is told of progress too early", () => {
  const { publishing, put, open, clock, hub } = longRevision();
  const [leaving, closing, staying] = [open(), open(), open()];
  for (const { stream } of [leaving, closing, staying]) {
    stream.create(watch("a", { end: "b", wantsProgress: true }));
  }
  clock.settle();
  const steps = publishing();
  steps.next();
  expect([hub.revision, hub.toldRevision]).toEqual([2, 1]);
  leaving.stream.cancel(0n);
  closing.stream.close();
  staying.stream.requestProgress();
  staying.stream.notifyProgress();
  expect(staying.sink.take()).toEqual(["0 progress 1"]);
  staying.stream.create(watch("a49", { wantsProgress: true }));
  staying.stream.create(watch("a49", { startRevision: 2 }));
  clock.settle();
  // Nothing older than what its client has heard of with the answers to these.
  staying.stream.notifyProgress();
  expect(staying.sink.take()).toEqual(["2@2: a49=#2"]);
  finish(steps);
  clock.settle();
  expect(leaving.sink.take()).toEqual(["0 canceled"]);
  expect(closing.sink.take()).toEqual([]);
  const [all = "", ...others] = staying.sink.take();
  expect(all.split(" ")).toHaveLength(KEYS + 1);
  expect(others).toEqual(["all progress 2"]);
  put("a49", "next");
  expect(
    staying.sink
      .take()
      .map((line) => line.slice(0, 1))
      .sort(),
  ).toEqual(["0", "1", "2"]);
});

test("who is hidden in one slice is told of the whole revision all the same", () => {
  const { publishing, open, clock, hub } = longRevision();
  const crowd = open();
  for (let i = 0; i < 5000; i++) crowd.stream.create(watch("a00"));
  // With them 10,000 events are at their end in the first slice.
  const many = open();
  for (let i = 0; i < 2000; i++) many.stream.create(watch("a", { end: "b" }));
  clock.settle();
  const steps = publishing();
  steps.next();
  clock.settle();
  expect(many.sink.log).toEqual([]);
  finish(steps);
  expect(crowd.sink.log).toHaveLength(5000);
  expect(many.sink.log).toEqual([]);
  clock.settle();
  expect(many.sink.log).toHaveLength(2000);
  for (const line of many.sink.log) expect(line.split(" ")).toHaveLength(KEYS + 1);
  expect(hub.slowWatcherCount).toBe(0);
});

test("who was hidden before all others were is told as well", () => {
  const { publishing, open, clock, hub } = longRevision();
  const { sink, stream } = open();
  for (let i = 0; i < 10_000; i++) stream.create(watch("a00"));
  stream.create(watch("a01"));
  for (let i = 0; i < 1001; i++) stream.create(watch("a02", { end: `a02${i}` }));
  clock.settle();
  finish(publishing());
  expect(sink.log).toEqual([]);
  clock.settle();
  const told = sink.take().map((line) => line.replace(/^\d+/, ""));
  expect(told.filter((line) => line === "@2: a00=#2")).toHaveLength(10_000);
  expect(told.filter((line) => line === "@2: a01=#2")).toHaveLength(1);
  expect(told.filter((line) => line === "@2: a02=#2")).toHaveLength(1001);
  expect(hub.slowWatcherCount).toBe(0);
});

test("progress is not behind what a client has heard of with the end of a watch", () => {
  const { publishing, open, clock } = longRevision();
  const { sink, stream } = open();
  stream.create(watch("a", { end: "b" }));
  stream.create(watch("z"));
  clock.settle();
  sink.hasRoom = false;
  stream.requestProgress();
  const steps = publishing();
  steps.next();
  stream.cancel(1n);
  sink.hasRoom = true;
  stream.resume();
  expect(sink.take()).toEqual(["1 canceled"]);
  finish(steps);
  clock.settle();
  expect(sink.take().at(-1)).toBe("all progress 2");
});
