import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ElectionDefinition,
  type LeaderKey,
  LeaderRequest,
  type LeaderResponse,
} from "../../server/proto/gen/election.ts";
import { LockDefinition } from "../../server/proto/gen/lock.ts";
import {
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseTimeToLiveRequest,
  RangeRequest,
} from "../../server/proto/gen/rpc.ts";
import { must } from "../harness/cluster-client.ts";
import { ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { RpcClient, type RpcOutcome } from "../harness/rpc-client.ts";
import { ETCD_34, ETCD_35 } from "../harness/tools.ts";
import { normalForm } from "./normal-form.ts";

// Locks and elections as services: the same steps on our member and on Debian's etcd, and what
// every step was answered compared.

const A = 0x7001n;
const B = 0x7002n;
const C = 0x7003n;
const NONE = 0n;

class Side {
  readonly #client: RpcClient;
  readonly answers: string[] = [];

  constructor(url: string) {
    this.#client = new RpcClient(new URL(url).host);
  }

  lock(name: string, lease: bigint) {
    return this.lockCall(name, lease).outcome;
  }

  lockCall(name: string, lease: bigint) {
    const { lock } = LockDefinition.methods;
    return this.#client.call(LockDefinition, lock, { name: Buffer.from(name), lease });
  }

  unlock(key: Buffer) {
    return this.#client.unary(LockDefinition, LockDefinition.methods.unlock, { key });
  }

  campaign(name: string, lease: bigint, value: string) {
    return this.campaignCall(name, lease, value).outcome;
  }

  campaignCall(name: string, lease: bigint, value: string) {
    const { campaign } = ElectionDefinition.methods;
    const request = { name: Buffer.from(name), lease, value: Buffer.from(value) };
    return this.#client.call(ElectionDefinition, campaign, request);
  }

  proclaim(leader: LeaderKey | undefined, value: string) {
    const { proclaim } = ElectionDefinition.methods;
    return this.#client.unary(ElectionDefinition, proclaim, { leader, value: Buffer.from(value) });
  }

  resign(leader: LeaderKey | undefined) {
    return this.#client.unary(ElectionDefinition, ElectionDefinition.methods.resign, { leader });
  }

  leader(name: string) {
    const request = { name: Buffer.from(name) };
    return this.#client.unary(ElectionDefinition, ElectionDefinition.methods.leader, request);
  }

  /** Collects what is observed; `count` resolves when so much has been. */
  observe(name: string) {
    const stream = this.#client.stream(ElectionDefinition, ElectionDefinition.methods.observe);
    const seen: string[] = [];
    stream.on("error", () => {});
    stream.on("data", (response: LeaderResponse) => seen.push(normalForm("observe", { response })));
    stream.write(LeaderRequest.fromPartial({ name: Buffer.from(name) }));
    const count = async (wanted: number) => {
      await expect.poll(() => seen.length).toBe(wanted);
    };
    return { seen, count, cancel: () => stream.cancel() };
  }

  grant(lease: bigint) {
    const request = LeaseGrantRequest.fromPartial({ ID: lease, TTL: 600 });
    return this.#client.unary(LeaseDefinition, LeaseDefinition.methods.leaseGrant, request);
  }

  revoke(lease: bigint) {
    return this.#client.unary(LeaseDefinition, LeaseDefinition.methods.leaseRevoke, { ID: lease });
  }

  timeToLive(lease: bigint) {
    const request = LeaseTimeToLiveRequest.fromPartial({ ID: lease });
    return this.#client.unary(LeaseDefinition, LeaseDefinition.methods.leaseTimeToLive, request);
  }

  /** Resolves when so many wait under the name, its owner included. */
  async queued(name: string, wanted: number): Promise<void> {
    const request = RangeRequest.fromPartial({
      key: Buffer.from(`${name}/`),
      rangeEnd: Buffer.from(`${name}0`),
      countOnly: true,
    });
    const { range } = KVDefinition.methods;
    const count = async () => must(await this.#client.unary(KVDefinition, range, request)).count;
    await expect.poll(count).toBe(wanted);
  }

  async note(step: string, answer: Promise<RpcOutcome<unknown>> | RpcOutcome<unknown>) {
    this.answers.push(`${step}: ${normalForm(step, await answer)}`);
  }

  close(): void {
    this.#client.close();
  }
}

let clusters: ClusterProcess[] = [];
let sides: Side[] = [];

beforeAll(async () => {
  clusters = await Promise.all(
    (["quorate", "etcd-3.5"] as const).map((make) => ClusterProcess.start({ make, size: 1 })),
  );
  sides = clusters.map((cluster) => new Side(cluster.member(0).clientUrl));
  for (const side of sides) for (const lease of [A, B, C]) must(await side.grant(lease));
});

afterAll(async () => {
  for (const side of sides) side.close();
  for (const cluster of clusters) await cluster.stop();
});

/** The steps on both sides; their answers must be equal. */
async function compare(steps: (side: Side) => Promise<void>): Promise<void> {
  await Promise.all(sides.map(steps));
  const [ours, theirs] = sides.map((side) => side.answers.splice(0));
  expect(ours?.length).toBeGreaterThan(0);
  expect(ours).toEqual(theirs);
}

describe("locks", () => {
  test("one has it, the next gets it when it is unlocked, and a lease has it twice", () =>
    compare(async (side) => {
      const first = must(await side.lock("l", A));
      await side.note("first", { response: first });
      await side.note("again", side.lock("l", A));
      const second = side.lock("l", B);
      await side.queued("l", 2);
      await side.note("unlock", side.unlock(first.key));
      await side.note("second", second);
      await side.note("unlock again", side.unlock(first.key));
      await side.note("unlock second", side.unlock(must(await second).key));
    }));

  test("whose lease ends while waiting is told so when its turn comes", () =>
    compare(async (side) => {
      must(await side.grant(0x7777n));
      const first = must(await side.lock("s", A));
      const second = side.lock("s", 0x7777n);
      await side.queued("s", 2);
      await side.note("revoke", side.revoke(0x7777n));
      await side.note("unlock", side.unlock(first.key));
      await side.note("second", second);
    }));

  test("who stops waiting is waited for no longer", () =>
    compare(async (side) => {
      const first = must(await side.lock("g", A));
      const second = side.lockCall("g", B);
      await side.queued("g", 2);
      second.cancel();
      expect(await second.outcome).toMatchObject({ failure: { status: 1 } });
      await side.queued("g", 1);
      const third = side.lock("g", C);
      await side.queued("g", 2);
      await side.note("unlock", side.unlock(first.key));
      await side.note("third", third);
      await side.note("unlock third", side.unlock(must(await third).key));
    }));

  test("without a lease one of 60 s is made; one that is not there is an error", () =>
    compare(async (side) => {
      const { key } = must(await side.lock("own", NONE));
      const lease = BigInt(`0x${key.toString().slice("own/".length)}`);
      const { grantedTTL } = must(await side.timeToLive(lease));
      await side.note("granted", { response: { grantedTTL } });
      await side.note("unlock", side.unlock(key));
      for (const unknown of [5n, -1n]) await side.note("unknown", side.lock("own", unknown));
      await side.note("no key", side.unlock(Buffer.alloc(0)));
      await side.note("never locked", side.unlock(Buffer.from("nothing")));
      const unnamed = must(await side.lock("", A));
      await side.note("no name", { response: unnamed });
      await side.note("unlock no name", side.unlock(unnamed.key));
    }));
});

describe("elections", () => {
  test("one leads, proclaims, resigns; the next leads; observers see it all", () =>
    compare(async (side) => {
      const observed = side.observe("e");
      await side.note("nobody", side.leader("e"));
      const first = must(await side.campaign("e", A, "one"));
      await side.note("first", { response: first });
      await observed.count(1);
      await side.note("leader", side.leader("e"));
      await side.note("proclaim", side.proclaim(first.leader, "uno"));
      await observed.count(2);
      await side.note("campaign again", side.campaign("e", A, "eins"));
      await observed.count(3);
      const second = side.campaign("e", B, "two");
      await side.queued("e", 2);
      await side.note("resign", side.resign(first.leader));
      await side.note("second", second);
      await observed.count(4);
      await side.note("resign again", side.resign(first.leader));
      await side.note("proclaim late", side.proclaim(first.leader, "un"));
      await side.note("leader now", side.leader("e"));
      await side.note("resign second", side.resign(must(await second).leader));
      await side.note("observed", { response: observed.seen });
      observed.cancel();
    }));

  test("whose lease ends leads no longer, and a candidate that gives up does not stand", () =>
    compare(async (side) => {
      must(await side.grant(0x7778n));
      const first = must(await side.campaign("x", 0x7778n, "one"));
      const second = side.campaignCall("x", B, "two");
      await side.queued("x", 2);
      second.cancel();
      await side.queued("x", 1);
      const third = side.campaign("x", C, "three");
      await side.queued("x", 2);
      await side.note("revoke", side.revoke(0x7778n));
      await side.note("third", third);
      await side.note("proclaim", side.proclaim(first.leader, "late"));
      await side.note("resign", side.resign(must(await third).leader));
    }));

  test("what cannot be is refused in etcd's words", () =>
    compare(async (side) => {
      await side.note("no leader field", side.proclaim(undefined, "v"));
      await side.note("no leader field", side.resign(undefined));
      await side.note("unknown lease", side.campaign("y", 5n, "v"));
      const nobody = { name: Buffer.from("y"), key: Buffer.from("y/1"), rev: 3, lease: A };
      await side.note("never led", side.proclaim(nobody, "v"));
      await side.note("never led", side.resign(nobody));
      await side.note("no key", side.proclaim({ ...nobody, key: Buffer.alloc(0) }, "v"));
      await side.note("no name", side.leader(""));
    }));
});

test.each([ETCD_34, ETCD_35])(
  "etcdctl $version locks, and waits for a lock of the service",
  async (tools) => {
    const url = clusters[0]?.member(0).clientUrl ?? "";
    const locked = await etcdctl(tools, url, ["lock", "tool", "--", "echo", "inside"]);
    expect(locked).toMatchObject({ code: 0, stdout: "inside\n" });
    const side = sides[0] as Side;
    const holder = must(await side.lock("tool", A));
    const waiting = etcdctl(tools, url, ["lock", "tool", "--", "echo", "waited"]);
    await side.queued("tool", 2);
    must(await side.unlock(holder.key));
    expect(await waiting).toMatchObject({ code: 0, stdout: "waited\n" });
  },
);
