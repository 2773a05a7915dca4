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

function fixture() {
  const proposals = new Proposals(7000);
  const raft = new FakeRaft();
  const settled: string[] = [];
  const add = (id: bigint, options: { leaderOnly?: boolean; conf?: boolean; at?: number } = {}) =>
    proposals.add(
      {
        id,
        data: Buffer.from(`${id}`),
        kind: options.conf === true ? "confChange" : "normal",
        leaderOnly: options.leaderOnly ?? false,
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
  expect(proposals.count).toBe(0);
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
  expect(proposals.count).toBe(0);
});

test("whoever waits is known until his proposal is settled", () => {
  const { proposals, add } = fixture();
  add(1n);
  expect([proposals.has(1n), proposals.has(2n)]).toEqual([true, false]);
  proposals.settle(1n, OUTCOME);
  expect(proposals.has(1n)).toBe(false);
});
