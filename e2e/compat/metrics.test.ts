import { afterAll, beforeAll, expect, test } from "vitest";
import { type Exposition, type Family, growth, scrape } from "../harness/exposition.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { MetricsWorkload } from "../harness/metrics-workload.ts";
import { isAmong, NOT_OURS, NOT_THEIRS } from "./metrics-sets.ts";

// Dashboards and alerts are written against etcd's names, types, labels and buckets, and against
// what its figures mean. Both servers are given the same work, and both are asked what they saw.

const MAKES = ["quorate", "etcd-3.5"] as const;
type Measured = Record<(typeof MAKES)[number], Exposition>;

const before = {} as Measured;
const after = {} as Measured;
const clusters: ClusterProcess[] = [];

beforeAll(async () => {
  for (const make of MAKES) {
    const cluster = await ClusterProcess.start({ make, size: 1, flags: ["--metrics=extensive"] });
    clusters.push(cluster);
    const { clientUrl } = cluster.member(0);
    // What the first scrape shows must not hang on when it comes.
    await fetch(`${clientUrl}/readyz`);
    before[make] = await scrape(clientUrl);
    const workload = new MetricsWorkload(clientUrl);
    await workload.run();
    after[make] = await scrape(clientUrl);
    await workload.close();
  }
});
afterAll(async () => {
  for (const cluster of clusters) await cluster.stop();
});

test("what etcd exports is exported here, but for a short list, and hardly anything else", () => {
  const names = (exposition: Exposition, without: readonly RegExp[]) =>
    [...exposition.keys()].filter((name) => !isAmong(name, without)).sort();
  // A counter with labels is not there before something has been counted, in etcd.
  const shown = (exposition: Exposition) =>
    new Map([...exposition].filter(([, { values }]) => values.size > 0));
  expect(names(shown(after.quorate), NOT_THEIRS)).toEqual(names(after["etcd-3.5"], NOT_OURS));
});

test("every metric has etcd's type, labels and buckets", () => {
  const plain = ({ type, labels, buckets }: Family) => ({
    type,
    labels: [...labels].sort(),
    buckets: [...buckets].sort(),
  });
  const differing = [...after["etcd-3.5"]]
    .filter(([name]) => !isAmong(name, NOT_OURS))
    .map(([name, family]) => ({ name, etcd: plain(family), ours: after.quorate.get(name) }))
    .map(({ name, etcd, ours }) => ({ name, etcd, ours: ours && plain(ours) }))
    .filter(({ etcd, ours }) => JSON.stringify(etcd) !== JSON.stringify(ours));
  expect(differing).toEqual([]);
});

/** These count work, not time or bytes on the disk: the same work must give the same figures. */
const EXACT = [
  /^etcd_debugging_auth_revision/,
  /^etcd_debugging_lease_/,
  /^etcd_debugging_mvcc_(compact|current)_revision/,
  /^etcd_debugging_mvcc_db_compaction_keys_total/,
  /^etcd_debugging_mvcc_(events|keys|range|slow_watcher|total_put|watch_stream|watcher)_/,
  /^etcd_debugging_server_lease_expired_total/,
  /^etcd_disk_backend_(defrag|snapshot)_duration_seconds_count/,
  /^etcd_disk_defrag_inflight/,
  /^etcd_mvcc_(put|delete|range|txn)_total/,
  /^etcd_mvcc_hash_(rev_)?duration_seconds_count/,
  /^etcd_network_client_grpc_received_bytes_total/,
  /^etcd_server_apply_duration_seconds_count/,
  /^etcd_server_(client_requests|proposals_failed|leader_changes_seen)_total/,
  /^etcd_server_(has_leader|is_leader|is_learner|quota_backend_bytes|health_)/,
  /^etcd_server_healthchecks?_?/,
  /^etcd_server_proposals_pending/,
  /^grpc_server_(started|handled|msg_received)_total/,
  /^grpc_server_handling_seconds_count/,
  /^promhttp_metric_handler_requests/,
];

test("the same work moves the same figures by the same amounts", () => {
  const grown = (make: (typeof MAKES)[number]) => {
    const all = [...growth(before[make], after[make])].filter(
      // A check of 3.6, beyond those of 3.5.
      ([name]) => isAmong(name, EXACT) && !name.includes("non_learner"),
    );
    const moved = all.filter(([, value]) => value !== 0);
    return Object.fromEntries(moved.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  expect(grown("quorate")).toEqual(grown("etcd-3.5"));
});

test("durations and sizes are measured where etcd measures them", () => {
  const rising = [
    "etcd_disk_wal_fsync_duration_seconds_count{}",
    "etcd_disk_wal_write_duration_seconds_count{}",
    "etcd_disk_wal_write_bytes_total{}",
    "etcd_disk_backend_commit_duration_seconds_count{}",
    "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count{}",
    "etcd_debugging_mvcc_db_compaction_last{}",
    "etcd_server_proposals_applied_total{}",
    "etcd_server_proposals_committed_total{}",
    "etcd_network_client_grpc_sent_bytes_total{}",
    "process_cpu_seconds_total{}",
  ];
  for (const make of MAKES) {
    const grown = growth(before[make], after[make]);
    expect(rising.filter((name) => !((grown.get(name) ?? 0) > 0))).toEqual([]);
  }
});
