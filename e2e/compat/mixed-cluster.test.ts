import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { test as base, expect } from "vitest";
import { KVDefinition, LeaseDefinition } from "../../server/proto/gen/rpc.ts";
import { MixedCluster } from "../harness/mixed-cluster.ts";
import { RpcClient } from "../harness/rpc-client.ts";
import { anyRequest, type Request } from "./request-history.ts";

// Our members in one cluster with real etcd 3.5: the same log, applied by both, must give the same
// store byte for byte, whoever leads.

// At the same time as others: most of it is waiting for elections, health and leases.
const test = base.extend("cluster", ({ onTestFinished }) => {
  const cluster = new MixedCluster();
  onTestFinished(() => cluster.stop());
  return cluster;
});

/** A little of everything that changes a store. */
async function write(cluster: MixedCluster, at: string, round: string): Promise<void> {
  for (let i = 0; i < 10; i++) await cluster.at(at, ["put", `${round}/${i}`, `value ${i}`]);
  await cluster.at(at, ["put", `${round}/0`, "again"]);
  await cluster.at(at, ["del", `${round}/1`, `${round}/4`]);
  const granted = await cluster.at(at, ["lease", "grant", "600"]);
  const lease = /lease ([0-9a-f]+) granted/.exec(granted)?.[1] ?? "";
  await cluster.at(at, ["put", `--lease=${lease}`, `${round}/leased`, "x"]);
  await cluster.at(at, ["lease", "revoke", lease]);
}

async function compact(cluster: MixedCluster, at: string): Promise<void> {
  const { header } = JSON.parse(await cluster.at(at, ["get", "x", "-w", "json"])) as {
    header: { revision: number };
  };
  await cluster.at(at, ["compaction", String(header.revision - 3)]);
}

test.concurrent("a new cluster of both makes begins with one log, whoever is elected", async ({
  cluster,
}) => {
  await cluster.found({ a: "etcd-3.5", t1: "quorate", t2: "quorate" });
  for (const leader of ["a", "t1", "t2"]) {
    await cluster.lead(leader);
    for (const at of ["a", "t1", "t2"]) await write(cluster, at, `${leader} leads, ${at} asks`);
  }
  await cluster.agreement(["a", "t1", "t2"]);
  const lists = await Promise.all(
    ["a", "t1", "t2"].map((name) => cluster.at(name, ["member", "list"])),
  );
  expect(new Set(lists).size).toBe(1);
});

test.concurrent("a member of ours joins two of etcd as learner, is promoted, and its vote counts", async ({
  cluster,
}) => {
  await cluster.grow("a", "etcd-3.5");
  await write(cluster, "a", "before");
  await compact(cluster, "a");
  await cluster.grow("b", "etcd-3.5");
  await cluster.grow("t", "quorate", { isLearner: true });
  await cluster.agreement(["a", "b", "t"]);
  await cluster.promote("t");
  await write(cluster, "t", "promoted");
  await cluster.member("b").stop();
  await write(cluster, "a", "without b");
  await write(cluster, "t", "without b, at t");
  await cluster.agreement(["a", "t"]);
  cluster.member("b").start();
  await cluster.agreement(["a", "b", "t"]);
});

test.concurrent("a member of ours takes etcd's snapshot when the log no longer reaches back", async ({
  cluster,
}) => {
  const flags = ["--snapshot-count=100", "--experimental-snapshot-catchup-entries=10"];
  await cluster.grow("a", "etcd-3.5", { flags });
  for (let i = 0; i < 12; i++) await write(cluster, "a", `round ${i}`);
  await compact(cluster, "a");
  await cluster.grow("t", "quorate", { isLearner: true });
  await cluster.agreement(["a", "t"]);
  await write(cluster, "a", "after");
  await cluster.agreement(["a", "t"]);
  // Said only when the snapshot's last byte is acknowledged, which may be after it is in use.
  await cluster.member("a").wrote(/sent database snapshot/);
});

test.concurrent.for(["etcd-3.5", "etcd-3.4"] as const)(
  "under our leader members of %s write, read, keep leases alive and see them expire",
  async (make, { cluster }) => {
    await cluster.grow("a", make);
    await cluster.grow("t", "quorate", { isLearner: true });
    await cluster.promote("t");
    await cluster.grow("b", make, { isLearner: true });
    await cluster.promote("b");
    await cluster.lead("t");
    await write(cluster, "a", "through a");
    await write(cluster, "b", "through b");
    expect(await cluster.at("a", ["get", "through b/0", "--print-value-only"])).toBe("again\n");
    const granted = await cluster.at("a", ["lease", "grant", "5"]);
    const lease = /lease ([0-9a-f]+) granted/.exec(granted)?.[1] ?? "";
    await cluster.at("a", ["put", `--lease=${lease}`, "mortal", "x"]);
    for (let i = 0; i < 3; i++) {
      await delay(2000);
      const alive = await cluster.at("b", ["lease", "keep-alive", "--once", lease]);
      expect(alive).toContain("keepalived with TTL(5)");
    }
    expect(await cluster.at("b", ["lease", "timetolive", lease, "--keys"])).toContain("mortal");
    await cluster.eventually(async () => {
      expect(await cluster.at("b", ["get", "mortal"])).toBe("");
    });
    await cluster.agreement(["a", "b", "t"]);
  },
);

test.concurrent("a member of etcd takes our leader's snapshot", async ({ cluster }) => {
  const flags = ["--snapshot-count=100", "--experimental-snapshot-catchup-entries=10"];
  await cluster.grow("a", "etcd-3.5");
  await cluster.grow("t", "quorate", { isLearner: true, flags });
  await cluster.promote("t");
  await cluster.lead("t");
  for (let i = 0; i < 12; i++) await write(cluster, "a", `round ${i}`);
  await compact(cluster, "a");
  await cluster.lead("t");
  await cluster.grow("b", "etcd-3.5", { isLearner: true });
  await cluster.member("b").wrote(/applied snapshot/);
  await cluster.agreement(["a", "b", "t"]);
  await cluster.promote("b");
  await write(cluster, "b", "after");
  await cluster.agreement(["a", "b", "t"]);
});

test.concurrent("a cluster of etcd becomes one of ours, member by member, and keeps its data", async ({
  cluster,
}) => {
  await cluster.grow("a", "etcd-3.5");
  await write(cluster, "a", "old");
  await cluster.grow("t1", "quorate", { isLearner: true });
  await cluster.promote("t1");
  await cluster.lead("t1");
  await cluster.remove("a");
  await cluster.grow("t2", "quorate", { isLearner: true });
  await cluster.promote("t2");
  expect(await cluster.at("t2", ["get", "old/0", "--print-value-only"])).toBe("again\n");
  await write(cluster, "t2", "new");
  await cluster.agreement(["t1", "t2"]);
});

/** Sends one request; what it answers, or whether it fails, is another test's concern. */
async function send(client: RpcClient, request: Request): Promise<void> {
  const { methods: kv } = KVDefinition;
  const { methods: lease } = LeaseDefinition;
  if (request.kind === "put") await client.unary(KVDefinition, kv.put, request.request);
  else if (request.kind === "txn") await client.unary(KVDefinition, kv.txn, request.request);
  else if (request.kind === "compact") {
    await client.unary(KVDefinition, kv.compact, request.request);
  } else if (request.kind === "deleteRange") {
    await client.unary(KVDefinition, kv.deleteRange, request.request);
  } else if (request.kind === "leaseGrant") {
    await client.unary(LeaseDefinition, lease.leaseGrant, request.request);
  } else if (request.kind === "leaseRevoke") {
    await client.unary(LeaseDefinition, lease.leaseRevoke, request.request);
  }
}

/**
 * On members that did not propose it, etcd applies a transaction without its reads. One that fails
 * by a read therefore makes etcd's members differ among themselves.
 */
function isSafeForEtcd(request: Request): boolean {
  if (request.kind !== "txn") return true;
  const { success, failure } = request.request;
  return [...success, ...failure].every(({ requestRange }) => (requestRange?.revision ?? 0) === 0);
}

test.concurrent("thousands of random requests at all members, under changing leaders and a crash, leave one store", async ({
  cluster,
}) => {
  const names = ["a", "b", "t"] as const;
  const checks = [
    "--experimental-compact-hash-check-enabled=true",
    "--experimental-compact-hash-check-time=1s",
  ];
  const logs = ["--snapshot-count=500", "--experimental-snapshot-catchup-entries=100"];
  await cluster.grow("a", "etcd-3.5", { flags: [...checks, ...logs] });
  await cluster.grow("t", "quorate", { isLearner: true, flags: logs });
  await cluster.promote("t");
  await cluster.grow("b", "etcd-3.5", { isLearner: true, flags: [...checks, ...logs] });
  await cluster.promote("b");
  const clients = new Map(
    names.map((name) => [name, new RpcClient(new URL(cluster.member(name).clientUrl).host)]),
  );
  const requests = fc.sample(anyRequest, { numRuns: 6000, seed: 20 });
  const worker = async (first: number): Promise<void> => {
    for (let at = first; at < requests.length; at += 6) {
      const name = names[Math.floor(at / 6) % 3] ?? "t";
      const [client, request] = [clients.get(name), requests[at]];
      if (client === undefined || request === undefined) continue;
      if (name === "t" || isSafeForEtcd(request)) await send(client, request);
    }
  };
  const load = Promise.all([0, 1, 2, 3, 4, 5].map(worker));
  await cluster.lead("t");
  await cluster.lead("b");
  await cluster.member("t").stop("SIGKILL");
  cluster.member("t").start();
  await cluster.member("t").ready();
  await cluster.lead("t");
  await load;
  for (const client of clients.values()) client.close();
  const newest = await cluster.agreement(names);
  const { compactRevision } = await cluster.hashKv("t", newest);
  const oldest = Math.max(1, compactRevision) + 1;
  for (let at = oldest; at <= newest; at += Math.ceil((newest - oldest + 1) / 20)) {
    const [a, b, t] = await Promise.all(names.map((name) => cluster.hashKv(name, at)));
    expect([at, b, t]).toEqual([at, a, a]);
  }
  expect(await cluster.any(["alarm", "list"])).toBe("");
});
