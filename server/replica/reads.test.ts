import { expect, test } from "vitest";
import { EtcdError } from "../errors.ts";
import { type ReadCaller, Reads } from "./reads.ts";

function fixture() {
  let id = 0n;
  const reads = new Reads(7000, () => ++id);
  const asked: Buffer[] = [];
  const results: string[] = [];
  let hasLeader = true;
  const readIndex = (context: Buffer) => {
    if (hasLeader) asked.push(context);
    return hasLeader;
  };
  return {
    reads,
    asked,
    results,
    setLeader: (exists: boolean) => {
      hasLeader = exists;
    },
    add: (name: string, caller?: ReadCaller) =>
      reads.add({
        resolve: () => results.push(`${name}:ok`),
        reject: ({ code }) => results.push(`${name}:${code}`),
        caller,
      }),
    submit: (nowMs: number) => reads.submit(readIndex, nowMs),
    repeat: (nowMs: number) => reads.repeat(readIndex, nowMs),
    context: (at: number) => asked[at] as Buffer,
  };
}

test("reads share a round, and those that come later wait for the next one", () => {
  const { reads, asked, results, add, submit, context } = fixture();
  add("a");
  add("b");
  submit(0);
  add("late");
  submit(0);
  expect(asked).toHaveLength(1);
  reads.confirm(5, context(0));
  reads.advance(5);
  expect(results).toEqual(["a:ok", "b:ok"]);
  submit(1);
  expect(asked).toHaveLength(2);
  reads.confirm(6, context(0));
  reads.advance(6);
  expect(results).toHaveLength(2);
  reads.confirm(6, context(1));
  reads.advance(6);
  expect(results).toEqual(["a:ok", "b:ok", "late:ok"]);
});

test("a confirmed read waits until this member has applied as far", () => {
  const { reads, results, add, submit, context } = fixture();
  add("a");
  submit(0);
  reads.confirm(10, context(0));
  reads.advance(9);
  expect(results).toEqual([]);
  reads.advance(10);
  expect(results).toEqual(["a:ok"]);
});

test("a round without an answer is repeated under a fresh id, and any attempt's answer counts", () => {
  const { reads, asked, results, add, submit, context } = fixture();
  add("a");
  submit(0);
  submit(499);
  expect(asked).toHaveLength(1);
  submit(500);
  expect(asked).toHaveLength(2);
  expect(context(0).equals(context(1))).toBe(false);
  reads.confirm(3, context(0));
  reads.advance(3);
  expect(results).toEqual(["a:ok"]);
});

test("a change of leader fails what was asked before, and spares what was never sent", () => {
  const { reads, results, setLeader, add, submit, repeat, context } = fixture();
  add("a");
  submit(0);
  reads.leaderChanged();
  expect(results).toEqual(["a:LeaderChanged"]);
  reads.confirm(3, context(0));
  reads.advance(3);
  expect(results).toHaveLength(1);
  setLeader(false);
  add("b");
  submit(1);
  reads.leaderChanged();
  setLeader(true);
  repeat(2);
  reads.confirm(3, context(1));
  reads.advance(3);
  expect(results).toEqual(["a:LeaderChanged", "b:ok"]);
});

test("reads end with an error when nobody confirms, or applying does not get there, in time", () => {
  const { reads, results, setLeader, add, submit, context } = fixture();
  add("a");
  submit(0);
  reads.confirm(100, context(0));
  setLeader(false);
  add("b");
  submit(1);
  reads.expire(6999);
  expect(results).toEqual([]);
  reads.expire(7001);
  expect(results.sort()).toEqual(["a:Timeout", "b:Timeout"]);
  add("c");
  reads.failAll(new EtcdError("Stopped"));
  expect(results).toContain("c:Stopped");
  expect(reads.count).toBe(0);
});

test("a confirmed read waits to be applied for as long as its caller does", () => {
  const { reads, results, add, submit, context } = fixture();
  const [patient, gone] = [{ isCanceled: false }, { isCanceled: false }];
  add("patient", patient);
  add("gone", gone);
  add("nobody's");
  submit(0);
  reads.confirm(100, context(0));
  reads.expire(60_000);
  expect(results).toEqual(["nobody's:Timeout"]);
  gone.isCanceled = true;
  reads.expire(60_001);
  expect([results.at(-1), reads.count]).toEqual(["gone:Timeout", 1]);
  reads.advance(100);
  expect([results.at(-1), reads.count]).toEqual(["patient:ok", 0]);
  add("unconfirmed", patient);
  submit(60_002);
  reads.expire(70_000);
  expect(results.at(-1)).toBe("unconfirmed:Timeout");
});
