import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Dashboards and alerts are written against etcd's names, types, labels and buckets.

/** Not to be seen on etcd 3.5 here: of 3.6, or shown only after something has gone wrong. */
const UNSEEN = new Set([
  "etcd_debugging_server_alarms",
  "etcd_network_disconnected_peers_total",
  "etcd_network_peer_received_failures_total",
  "etcd_network_peer_round_trip_time_seconds",
  "etcd_network_peer_sent_failures_total",
]);

interface Family {
  readonly type: string;
  samples: number;
  /** Of a histogram: how often something was measured. */
  observed: number;
  readonly labels: Set<string>;
  readonly buckets: Set<string>;
}

let ours: Map<string, Family>;
let theirs: Map<string, Family>;
const clusters: ClusterProcess[] = [];

async function families(make: "quorate" | "etcd-3.5"): Promise<Map<string, Family>> {
  const cluster = await ClusterProcess.start({ make, size: 3 });
  clusters.push(cluster);
  const { clientUrl } = cluster.member(0);
  await etcdctl(ETCD_35, clientUrl, ["put", "a", "b"]);
  await fetch(`${clientUrl}/readyz`);
  return parse(await (await fetch(`${clientUrl}/metrics`)).text());
}

function parse(text: string): Map<string, Family> {
  const found = new Map<string, Family>();
  for (const line of text.split("\n")) {
    const typed = /^# TYPE (\S+) (\S+)/.exec(line);
    if (typed !== null) {
      const [, name = "", type = ""] = typed;
      found.set(name, { type, samples: 0, observed: 0, labels: new Set(), buckets: new Set() });
      continue;
    }
    const sample = /^(\w+)(?:\{(.*)\})? /.exec(line);
    if (sample === null) continue;
    const [, name = "", labels = ""] = sample;
    const family = found.get(name) ?? found.get(name.replace(/_(bucket|sum|count)$/, ""));
    if (family !== undefined) {
      family.samples++;
      if (name.endsWith("_count")) family.observed += Number(line.split(" ").at(-1));
    }
    for (const [, label = "", value = ""] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label !== "le") family?.labels.add(label);
      else family?.buckets.add(String(value === "+Inf" ? Number.POSITIVE_INFINITY : +value));
    }
  }
  return found;
}

beforeAll(async () => {
  ours = await families("quorate");
  theirs = await families("etcd-3.5");
});
afterAll(async () => {
  for (const cluster of clusters) await cluster.stop();
});

test("every etcd and gRPC metric that we export has etcd's type, labels and buckets", () => {
  const shared = [...ours].filter(
    ([name, { samples }]) => samples > 0 && /^(etcd|grpc)_/.test(name) && !UNSEEN.has(name),
  );
  const plain = (family: Family | undefined) =>
    family && {
      type: family.type,
      labels: [...family.labels].sort(),
      buckets: [...family.buckets].sort(),
    };
  const differing = shared
    .map(([name, family]) => ({ name, ours: plain(family), etcd: plain(theirs.get(name)) }))
    .filter(({ ours: mine, etcd }) => JSON.stringify(mine) !== JSON.stringify(etcd));
  expect(differing).toEqual([]);
});

test("the durations that etcd's alerts watch are measured, not only named", () => {
  for (const name of [
    "etcd_disk_wal_fsync_duration_seconds",
    "etcd_disk_backend_commit_duration_seconds",
  ]) {
    expect(ours.get(name)?.observed, name).toBeGreaterThan(0);
  }
});

test("everything that etcd's alerts and dashboard ask for is there", () => {
  const asked = [
    "etcd_server_has_leader",
    "etcd_server_leader_changes_seen_total",
    "etcd_server_proposals_committed_total",
    "etcd_server_proposals_applied_total",
    "etcd_server_proposals_pending",
    "etcd_server_quota_backend_bytes",
    "etcd_mvcc_db_total_size_in_bytes",
    "etcd_mvcc_db_total_size_in_use_in_bytes",
    "etcd_disk_wal_fsync_duration_seconds",
    "etcd_disk_backend_commit_duration_seconds",
    "etcd_network_client_grpc_received_bytes_total",
    "etcd_network_client_grpc_sent_bytes_total",
    "etcd_network_peer_sent_bytes_total",
    "etcd_network_peer_received_bytes_total",
    "etcd_network_peer_sent_failures_total",
    "grpc_server_started_total",
    "grpc_server_handled_total",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
  ];
  expect(asked.filter((name) => (ours.get(name)?.samples ?? 0) === 0)).toEqual([]);
});
