import { expect, test } from "vitest";
import { succeeded } from "../apply/outcome.ts";
import { EtcdError } from "../errors.ts";
import { PROPOSALS_MAX, Proposals, type ProposalTarget } from "./proposals.ts";

const OUTCOME = succeeded(2, Buffer.alloc(0));
const timeout = () => new EtcdError("Timeout");

class FakeRaft implements ProposalTarget {
  isLeader = true;
  takes = true;
  readonly batches: string[][] = [];

  propose(data: readonly Buffer[]): boolean {
    if (this.takes) this.batches.push(data.map(String));
    return this.takes;
  }

  proposeConfChange(data: Buffer): boolean {
    if (this.takes) this.batches.push([`conf ${data.toString()}`]);
    return this.takes;
  }
}

interface Options {
  readonly leaderOnly?: boolean;
  readonly conf?: boolean;
  readonly at?: number;
  readonly caller?: Caller;
}

class Caller {
  isCanceled = false;
  onCancel: (() => void) | undefined = undefined;

  giveUp(): void {
    this.isCanceled = true;
    this.onCancel?.();
  }
}

function fixture() {
  const proposals = new Proposals(7000);
  const raft = new FakeRaft();
  const settled: string[] = [];
  const add = (id: bigint, options: Options = {}) =>
    proposals.add(
      {
        id,
        data: Buffer.from(`${id}`),
        kind: options.conf === true ? "confChange" : "normal",
        leaderOnly: options.leaderOnly ?? false,
        caller: options.caller,
        settle: (outcome) =>
          settled.push(`${id}:${outcome instanceof EtcdError ? outcome.code : outcome.revision}`),
      },
      options.at ?? 0,
    );
  return { proposals, raft, settled, add };
}

test("what arrived in one turn goes to raft as one batch, conf changes in their place", () => {
  const { proposals, raft, add } = fixture();
  add(1n);
  add(2n);
  add(3n, { conf: true });
  add(4n);
  proposals.submit(raft);
  expect(raft.batches).toEqual([["1", "2"], ["conf 3"], ["4"]]);
  proposals.submit(raft);
  expect(raft.batches).toHaveLength(3);
});

test("a proposal that raft did not take is tried again, one that it took never", () => {
  const { proposals, raft, add } = fixture();
  raft.takes = false;
  add(1n);
  proposals.submit(raft);
  expect(raft.batches).toEqual([]);
  raft.takes = true;
  proposals.submit(raft);
  proposals.submit(raft);
  expect(raft.batches).toEqual([["1"]]);
});

test("each proposal is settled once, by its outcome or by time, and expired ones are not sent", () => {
  const { proposals, raft, settled, add } = fixture();
  raft.takes = false;
  add(1n, { at: 0 });
  add(2n, { at: 10 });
  proposals.settle(2n, OUTCOME);
  proposals.settle(2n, OUTCOME);
  proposals.settle(9n, OUTCOME);
  proposals.expire(6999, timeout);
  expect(settled).toEqual(["2:2"]);
  proposals.expire(7000, timeout);
  expect(settled).toEqual(["2:2", "1:UnsentInTime"]);
  raft.takes = true;
  proposals.submit(raft);
  expect(raft.batches).toEqual([]);
  expect(proposals.failedCount).toBe(1);
});

test("what raft took in vain has run out of time in other words", () => {
  const { proposals, raft, settled, add } = fixture();
  add(1n, { at: 0 });
  proposals.submit(raft);
  proposals.expire(7000, timeout);
  expect(settled).toEqual(["1:Timeout"]);
});

test("what only a leader may propose is refused elsewhere instead of forwarded", () => {
  const { proposals, raft, settled, add } = fixture();
  raft.isLeader = false;
  add(1n, { leaderOnly: true });
  add(2n);
  proposals.submit(raft);
  expect(raft.batches).toEqual([["2"]]);
  expect(settled).toEqual(["1:NotLeader"]);
});

test("waiting proposals are limited, and settling makes room again", () => {
  const { proposals, add } = fixture();
  for (let id = 0n; id < BigInt(PROPOSALS_MAX); id++) add(id);
  expect(() => add(-1n)).toThrow("etcdserver: too many requests");
  proposals.settle(0n, OUTCOME);
  add(-1n);
  proposals.failAll(new EtcdError("Stopped"));
  for (let id = 0n; id < BigInt(PROPOSALS_MAX); id++) add(id);
});

test("whoever waits is known until his proposal is settled", () => {
  const { proposals, add } = fixture();
  add(1n);
  expect([proposals.has(1n), proposals.has(2n)]).toEqual([true, false]);
  proposals.settle(1n, OUTCOME);
  expect(proposals.has(1n)).toBe(false);
});

test("what its caller gave up has failed at once and is pending no more, but keeps its place", () => {
  const { proposals, raft, settled, add } = fixture();
  const caller = new Caller();
  add(1n, { caller });
  for (let id = 2n; id <= BigInt(PROPOSALS_MAX); id++) add(id);
  expect(proposals.pendingCount).toBe(0);
  proposals.submit(raft);
  expect(proposals.pendingCount).toBe(PROPOSALS_MAX);
  caller.giveUp();
  expect([proposals.pendingCount, proposals.failedCount]).toEqual([PROPOSALS_MAX - 1, 1]);
  expect(proposals.has(1n)).toBe(false);
  expect(() => add(-1n)).toThrow("etcdserver: too many requests");
  proposals.settle(1n, OUTCOME);
  expect(settled).toEqual(["1:2"]);
  add(-1n);
  caller.giveUp();
  expect([proposals.pendingCount, proposals.failedCount]).toEqual([PROPOSALS_MAX - 1, 1]);
});

test("what its caller gave up runs out of time without failing again", () => {
  const { proposals, raft, settled, add } = fixture();
  const caller = new Caller();
  add(1n, { caller });
  add(2n);
  proposals.submit(raft);
  caller.giveUp();
  proposals.expire(7000, timeout);
  expect(settled).toEqual(["1:Timeout", "2:Timeout"]);
  expect([proposals.pendingCount, proposals.failedCount]).toEqual([0, 2]);
});

test("what its caller gave up before raft took it is never sent", () => {
  const { proposals, raft, settled, add } = fixture();
  const [waited, gone] = [new Caller(), new Caller()];
  gone.giveUp();
  add(1n, { caller: waited });
  add(2n, { caller: gone });
  add(3n);
  waited.giveUp();
  proposals.submit(raft);
  expect(settled).toEqual(["2:Canceled", "1:Canceled"]);
  expect(raft.batches).toEqual([["3"]]);
  expect(proposals.failedCount).toBe(2);
});

test("conf changes count neither as pending nor as failed", () => {
  const { proposals, raft, settled, add } = fixture();
  add(1n, { conf: true });
  proposals.submit(raft);
  expect(proposals.pendingCount).toBe(0);
  proposals.expire(7000, timeout);
  expect(settled).toEqual(["1:Timeout"]);
  expect(proposals.failedCount).toBe(0);
});
