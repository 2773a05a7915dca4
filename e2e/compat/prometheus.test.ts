import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CALM, ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { PrometheusProcess } from "../harness/prometheus-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

// What watches etcd watches us: a real Prometheus with the conditions of etcd's alerts, and the
// queries of its dashboard.

const SIZE = 3;
/** As many as etcd's own rules. */
const ALERTS = 15;

let cluster: ClusterProcess;
let prometheus: PrometheusProcess;

beforeAll(async () => {
  cluster = await ClusterProcess.start({
    make: "quorate",
    size: SIZE,
    flags: [...CALM, "--metrics=extensive"],
  });
  const urls = cluster.members.map(({ clientUrl }) => clientUrl);
  prometheus = await PrometheusProcess.start(urls, join(import.meta.dirname, "etcd-alerts.yml"));
  for (const url of urls) await etcdctl(ETCD_35, url, ["put", "key", "value"]);
});
afterAll(async () => {
  await prometheus?.stop();
  await cluster?.stop();
});

/** The series that an expression names, with the labels that it wants of them. */
function selectorsOf(expression: string): string[] {
  const found = expression.matchAll(/\b((?:etcd|grpc_server|process)_\w+|up)(\{[^}]*\})?/g);
  return [...new Set([...found].map(([selector]) => selector))];
}

test("every series that the alerts look at is there, from every member", async () => {
  const rules = await prometheus.rules();
  expect(rules).toHaveLength(ALERTS);
  for (const selector of rules.flatMap(({ query }) => selectorsOf(query))) {
    await prometheus.eventually(async () => {
      const instances = (await prometheus.query(selector)).map(({ metric }) => metric["instance"]);
      return new Set(instances).size === SIZE;
    }, `${selector} of every member`);
  }
});

test("all rules can be evaluated, and none fires over a cluster in good health", async () => {
  await prometheus.eventually(async () => {
    const rules = await prometheus.rules();
    // Of a few samples one that took long makes a rule pending, which is no more than a suspicion.
    return rules.every(({ health, state }) => health === "ok" && state !== "firing");
  }, "all rules are well");
});

/** Panels of etcd's dashboard. */
const PANELS: Readonly<Record<string, string>> = {
  up: "sum(etcd_server_has_leader)",
  rpcRate: 'sum(rate(grpc_server_started_total{grpc_type="unary"}[1m]))',
  failedRate:
    'sum(rate(grpc_server_handled_total{grpc_type="unary", grpc_code=~"Unknown|FailedPrecondition|' +
    'ResourceExhausted|Internal|Unavailable|DataLoss|DeadlineExceeded"}[1m]))',
  watchStreams:
    'sum(grpc_server_started_total{grpc_service="etcdserverpb.Watch", grpc_type="bidi_stream"}) - ' +
    'sum(grpc_server_handled_total{grpc_service="etcdserverpb.Watch", grpc_type="bidi_stream"})',
  leaseStreams:
    'sum(grpc_server_started_total{grpc_service="etcdserverpb.Lease", grpc_type="bidi_stream"}) - ' +
    'sum(grpc_server_handled_total{grpc_service="etcdserverpb.Lease", grpc_type="bidi_stream"})',
  size: "etcd_mvcc_db_total_size_in_bytes",
  fsync:
    "histogram_quantile(0.99, sum(rate(etcd_disk_wal_fsync_duration_seconds_bucket[1m])) by (instance, le))",
  commit:
    "histogram_quantile(0.99, sum(rate(etcd_disk_backend_commit_duration_seconds_bucket[1m])) by (instance, le))",
  memory: "process_resident_memory_bytes",
  clientIn: "rate(etcd_network_client_grpc_received_bytes_total[1m])",
  clientOut: "rate(etcd_network_client_grpc_sent_bytes_total[1m])",
  peerIn: "sum(rate(etcd_network_peer_received_bytes_total[1m])) by (instance)",
  peerOut: "sum(rate(etcd_network_peer_sent_bytes_total[1m])) by (instance)",
  proposalsFailed: "sum(rate(etcd_server_proposals_failed_total[1m]))",
  proposalsPending: "sum(etcd_server_proposals_pending)",
  proposalsCommitted: "sum(rate(etcd_server_proposals_committed_total[1m]))",
  proposalsApplied: "sum(rate(etcd_server_proposals_applied_total[1m]))",
  elections: "changes(etcd_server_leader_changes_seen_total[1d])",
  roundTrips:
    "histogram_quantile(0.99, sum(rate(etcd_network_peer_round_trip_time_seconds_bucket[5m])) by (instance, le))",
};

test.each(Object.entries(PANELS))("the panel %s has something to show", async (_name, query) => {
  await prometheus.eventually(async () => (await prometheus.query(query)).length > 0, query);
});

test("the figures are true: members, leader, streams", async () => {
  const value = async (query: string) => Number((await prometheus.query(query))[0]?.value[1]);
  const queries = [
    "sum(etcd_server_has_leader)",
    "sum(etcd_server_is_leader)",
    PANELS["watchStreams"] ?? "",
    "sum(etcd_network_active_peers)",
  ];
  // Members are looked at one after the other: a change shows for a second as half of it.
  await expect.poll(() => Promise.all(queries.map(value))).toEqual([SIZE, 1, 0, SIZE * (SIZE - 1)]);
});

test("a member that is down is noticed", async () => {
  await cluster.member(0).stop("SIGKILL");
  await prometheus.eventually(async () => {
    const down = (await prometheus.rules()).find(({ name }) => name === "etcdMembersDown");
    return down?.state === "pending";
  }, "etcdMembersDown");
});
