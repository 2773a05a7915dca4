import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { ClusterClient, leaderAt, must } from "../harness/cluster-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";

let cluster: ClusterProcess;
let client: ClusterClient;

afterEach(async () => {
  client?.close();
  await cluster?.stop();
});

async function start(flags: readonly string[] = []): Promise<void> {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3, flags });
  client = new ClusterClient(cluster.members);
}

/** Starts members that were stopped; with new connections, as old ones wait before they retry. */
async function startAgain(positions: readonly number[]): Promise<void> {
  for (const at of positions) cluster.member(at).start();
  await Promise.all(positions.map((at) => cluster.member(at).ready()));
  client.close();
  client = new ClusterClient(cluster.members);
}

/** Writes distinct keys at `member` until stopped; remembers what was acknowledged. */
function writeLoad(member: number, name: string) {
  const acknowledged: string[] = [];
  let isStopped = false;
  const run = async (worker: number): Promise<void> => {
    for (let i = 0; !isStopped; i++) {
      const key = `${name}/${worker}/${i}`;
      const outcome = await client.put(member, key, key);
      if ("response" in outcome) acknowledged.push(key);
      else await delay(20);
    }
  };
  const done = Promise.all(Array.from({ length: 8 }, (_, worker) => run(worker)));
  return {
    acknowledged,
    stop: async () => {
      isStopped = true;
      await done;
    },
  };
}

/**
 * When the first write was acknowledged. A new one starts every 50 ms, because one that was
 * forwarded to the dead leader is lost and only times out.
 */
async function firstWrite(member: number): Promise<number> {
  const attempts: Promise<void>[] = [];
  let servedAt = 0;
  while (servedAt === 0) {
    const attempt = client.put(member, "probe", "x", 1_000).then((outcome) => {
      if ("response" in outcome && servedAt === 0) servedAt = performance.now();
    });
    attempts.push(attempt);
    await Promise.race([attempt, delay(50)]);
  }
  await Promise.all(attempts);
  return servedAt;
}

async function expectAll(member: number, prefix: string, keys: readonly string[]): Promise<void> {
  const { kvs } = must(await client.get(member, prefix, `${prefix.slice(0, -1)}0`));
  const found = new Set(kvs.map((kv) => kv.key.toString()));
  expect(keys.filter((key) => !found.has(key))).toEqual([]);
}

async function expectEqualHashes(): Promise<void> {
  const { header } = must(await client.get(0, "x"));
  const revision = header?.revision ?? 0;
  for (let at = 0; at < client.size; at++) must(await client.get(at, "x"));
  const hashes = await Promise.all([0, 1, 2].map((at) => client.hashKv(at, revision)));
  expect(new Set(hashes).size, String(hashes)).toBe(1);
}

test("kill -9 of the leader under load loses no acknowledged write; another serves within 3 s", async () => {
  await start();
  for (let round = 0; round < 3; round++) {
    const leader = await leaderAt(cluster);
    const follower = (leader + 1) % 3;
    const loads = [0, 1, 2].map((at) => writeLoad(at, `round${round}/${at}`));
    await delay(500);
    for (const load of loads) {
      await expect.poll(() => load.acknowledged.length).toBeGreaterThan(0);
    }
    await cluster.member(leader).stop("SIGKILL");
    const killedAt = performance.now();
    expect((await firstWrite(follower)) - killedAt).toBeLessThan(3_000);
    await delay(300);
    await Promise.all(loads.map((load) => load.stop()));
    for (const [at, load] of loads.entries()) {
      expect(load.acknowledged.length).toBeGreaterThan(0);
      await expectAll(follower, `round${round}/${at}/`, load.acknowledged);
    }
    await startAgain([leader]);
    await expectAll(leader, `round${round}/${leader}/`, loads[leader]?.acknowledged ?? []);
  }
  await expectEqualHashes();
});

test("a member that was away longer than the log reaches catches up by a snapshot", async () => {
  await start(["--snapshot-count=200", "--experimental-snapshot-catchup-entries=50"]);
  const away = ((await leaderAt(cluster)) + 1) % 3;
  const there = (away + 1) % 3;
  await cluster.member(away).stop("SIGKILL");
  for (let i = 0; i < 1_200; i += 40) {
    await Promise.all(
      Array.from({ length: 40 }, (_, n) => client.put(there, `s/${i + n}`, "x".repeat(500))),
    );
  }
  await startAgain([away]);
  const { count } = must(await client.get(away, "s/", "s0"));
  expect(count).toBe(1_200);
  await expectEqualHashes();
  must(await client.put(away, "s/after", "1"));
});

test("all three stopped at once, cleanly or not, find everything again", async () => {
  await start();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const load = writeLoad(0, signal);
    await delay(400);
    await Promise.all(cluster.members.map((member) => member.stop(signal)));
    await load.stop();
    await startAgain([0, 1, 2]);
    for (const at of [0, 1, 2]) await expectAll(at, `${signal}/`, load.acknowledged);
  }
  await expectEqualHashes();
});

test("a member without its quorum answers neither writes nor linearizable reads", async () => {
  await start();
  must(await client.put(0, "before", "1"));
  await Promise.all([cluster.member(1).stop("SIGKILL"), cluster.member(2).stop("SIGKILL")]);
  const write = await client.put(0, "lost", "1");
  // It depends on whether the member still took itself, or one of the dead, for the leader.
  const late = expect.stringMatching(/^(etcdserver: request timed out|context deadline exceeded)/);
  expect(write).toMatchObject({ failure: { text: late } });
  const read = await client.get(0, "before");
  expect(read).toMatchObject({ failure: { status: 14 } });
});
