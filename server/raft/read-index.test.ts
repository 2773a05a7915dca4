import { expect, test } from "vitest";
import { EMPTY_BYTES, encodeUint64 } from "../base/bytes.ts";
import { READS_PENDING_MAX, type ReadQuestion, ReadRequests } from "./read-index.ts";

const question: ReadQuestion = { from: 1n, entries: [] };

test("an answer to the newest heartbeat confirms every question before it, and none after", () => {
  const reads = new ReadRequests();
  reads.ask(question, 10);
  reads.ask(question, 11);
  const context = reads.announce();
  reads.ask(question, 12);
  expect(reads.confirm(2n, context)).toBe(true);
  expect(reads.release(reads.confirmedBy(2n)).map((read) => read.index)).toEqual([10, 11]);
  expect(reads.count).toBe(1);
});

test("a context that was never sent confirms nothing", () => {
  const reads = new ReadRequests();
  reads.ask(question, 10);
  expect(reads.confirm(2n, encodeUint64(1n))).toBe(false);
  reads.announce();
  expect(reads.confirm(2n, encodeUint64(2n))).toBe(false);
  expect(reads.confirm(2n, Buffer.from("foreign!"))).toBe(false);
  expect(reads.confirm(2n, EMPTY_BYTES)).toBe(false);
  expect(reads.confirm(2n, encodeUint64(1n))).toBe(true);
  expect(reads.confirm(2n, encodeUint64(1n))).toBe(false);
});

test("heartbeats carry nothing when nobody waits", () => {
  const reads = new ReadRequests();
  expect(reads.announce()).toBe(EMPTY_BYTES);
  reads.ask(question, 1);
  expect(reads.isUnannounced).toBe(true);
  reads.confirm(2n, reads.announce());
  reads.release(reads.confirmedBy(2n));
  expect(reads.isUnannounced).toBe(false);
  expect(reads.announce()).toBe(EMPTY_BYTES);
});

test("questions that wait are bounded, postponed or asked", () => {
  const reads = new ReadRequests();
  for (let count = 0; count < READS_PENDING_MAX / 2; count++) {
    expect(reads.postpone(question)).toBe(true);
    expect(reads.ask(question, 1)).toBe(true);
  }
  expect(reads.postpone(question)).toBe(false);
  expect(reads.ask(question, 1)).toBe(false);
  expect(reads.takePostponed()).toHaveLength(READS_PENDING_MAX / 2);
  expect(reads.ask(question, 1)).toBe(true);
});
