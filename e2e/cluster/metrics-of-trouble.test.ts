import { setTimeout as delay } from "node:timers/promises";
import { test } from "vitest";
import { leaderAt } from "../harness/cluster-client.ts";
import { type Exposition, growth, scrape } from "../harness/exposition.ts";
import { KeyClient } from "../harness/key-client.ts";
import { CALM, ClusterProcess, etcdctl, type MemberProcess } from "../harness/member-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

// What goes wrong in a cluster must show: the same troubles move the same metrics on both makes.

/** Whoever is made the leader is to stay it until he is killed. */
const FLAGS = [...CALM, "--snapshot-count=20", "--experimental-snapshot-catchup-entries=5"];
const LIMIT_MS = 45_000;

/** Of each family, whether any of its samples grew. */
class Watched {
  readonly #member: MemberProcess;
  readonly #before: Exposition;

  constructor(member: MemberProcess, before: Exposition) {
    this.#member = member;
    this.#before = before;
  }

  /** Resolves when all of these have grown; rejects with those that have not. */
  async grew(...names: readonly string[]): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
    for (;;) {
      const grown = growth(this.#before, await scrape(this.#member.clientUrl));
      const missing = names.filter(
        (name) => ![...grown].some(([sample, by]) => sample.startsWith(`${name}{`) && by > 0),
      );
      if (missing.length === 0) return;
      if (performance.now() > deadline) throw new Error(`did not grow: ${missing.join(", ")}`);
      await delay(200);
    }
  }
}

async function watch(member: MemberProcess): Promise<Watched> {
  return new Watched(member, await scrape(member.clientUrl));
}

function gauge(exposition: Exposition, name: string): number {
  return exposition.get(name)?.values.get(`${name}{}`) ?? Number.NaN;
}

async function ctl(member: MemberProcess, ...args: string[]): Promise<string> {
  return (await etcdctl(ETCD_35, member.clientUrl, args)).stdout;
}

test.concurrent.for(["quorate", "etcd-3.5"] as const)(
  "a new leader, a lost member, a snapshot and a lost quorum show in the metrics of %s",
  async (make, { expect, onTestFinished }) => {
    const cluster = await ClusterProcess.start({ make, size: 3, flags: FLAGS });
    onTestFinished(() => cluster.stop());
    const first = await leaderAt(cluster);
    const heir = cluster.member((first + 1) % 3);
    const third = cluster.member((first + 2) % 3);
    const atHeir = await watch(heir);
    const list = await ctl(heir, "member", "list");
    const row = list.split("\n").find((line) => line.includes(heir.peerUrl));
    const moving = ["move-leader", row?.split(",")[0] ?? ""];
    expect(await ctl(cluster.member(first), ...moving)).toContain("Leadership transferred");
    await atHeir.grew("etcd_server_leader_changes_seen_total", "etcd_server_is_leader");

    await third.stop("SIGKILL");
    await atHeir.grew("etcd_network_disconnected_peers_total");
    const client = new KeyClient(heir.clientUrl);
    for (let at = 0; at < 60; at++) await client.put(`key${at}`, "value");
    client.close();
    third.start();
    await third.ready();
    await atHeir.grew(
      "etcd_network_snapshot_send_success",
      "etcd_network_snapshot_send_total_duration_seconds_count",
      "etcd_network_peer_round_trip_time_seconds_count",
      "etcd_network_peer_sent_bytes_total",
      "etcd_network_peer_received_bytes_total",
      "etcd_network_peer_sent_failures_total",
    );
    await new Watched(third, new Map()).grew(
      "etcd_network_snapshot_receive_success",
      "etcd_network_snapshot_receive_total_duration_seconds_count",
      "etcd_snap_db_save_total_duration_seconds_count",
      "etcd_snap_db_fsync_duration_seconds_count",
      "etcd_server_proposals_applied_total",
    );

    const beforeLoss = await watch(heir);
    for (const each of cluster.members) if (each !== heir) await each.stop("SIGKILL");
    const write = ctl(heir, "--command-timeout=8s", "put", "lost", "value");
    const read = ctl(heir, "--command-timeout=8s", "get", "lost");
    await beforeLoss.grew(
      "etcd_server_proposals_failed_total",
      "etcd_server_slow_read_indexes_total",
    );
    await Promise.all([write, read]);
    const names = ["has_leader", "is_leader", "proposals_pending"];
    const gauges = async () => {
      const alone = await scrape(heir.clientUrl);
      return names.map((name) => gauge(alone, `etcd_server_${name}`));
    };
    await expect.poll(gauges).toEqual([0, 0, 0]);
  },
);
