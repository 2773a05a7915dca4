import type { MemberFigures } from "./figures.ts";

export interface FigureRow {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly read: (figures: MemberFigures) => number | undefined;
}

type Row = readonly [string, FigureRow["type"], FigureRow["read"], string];

// Names and types are etcd's, the gauges called "total" included.
const ROWS: readonly Row[] = [
  ["etcd_server_has_leader", "gauge", (f) => Number(f.hasLeader), "1 while a leader is known"],
  ["etcd_server_is_leader", "gauge", (f) => Number(f.isLeader), "1 while this member leads"],
  ["etcd_server_is_learner", "gauge", (f) => Number(f.isLearner), "1 while it has no vote"],
  ["etcd_server_leader_changes_seen_total", "counter", (f) => f.leaderChanges, "Leaders seen"],
  ["etcd_server_proposals_committed_total", "gauge", (f) => f.committedIndex, "Committed index"],
  ["etcd_server_proposals_applied_total", "gauge", (f) => f.appliedIndex, "Applied index"],
  ["etcd_server_proposals_pending", "gauge", (f) => f.proposalsPending, "Proposals not applied"],
  ["etcd_server_proposals_failed_total", "counter", (f) => f.proposalsFailed, "Proposals lost"],
  [
    "etcd_server_read_indexes_failed_total",
    "counter",
    (f) => f.readIndexesFailed,
    "Linearizable reads that no quorum confirmed",
  ],
  [
    "etcd_server_slow_read_indexes_total",
    "counter",
    (f) => f.readIndexesSlow,
    "Linearizable reads confirmed late",
  ],
  ["etcd_server_slow_apply_total", "counter", (f) => f.slowApplies, "Applies above the limit"],
  [
    "etcd_server_heartbeat_send_failures_total",
    "counter",
    (f) => f.heartbeatsLate,
    "Heartbeats that the leader sent late",
  ],
  [
    "etcd_server_snapshot_apply_in_progress_total",
    "gauge",
    (f) => f.snapshotsApplying,
    "1 while a snapshot is being installed",
  ],
  [
    "etcd_server_learner_promote_successes",
    "counter",
    (f) => f.learnerPromotions,
    "Learners promoted through this member",
  ],
  ["etcd_server_quota_backend_bytes", "gauge", (f) => f.quotaBytes, "Bytes the database may have"],
  ["etcd_mvcc_db_total_size_in_bytes", "gauge", (f) => f.databaseBytes, "Database size"],
  [
    "etcd_mvcc_db_total_size_in_use_in_bytes",
    "gauge",
    (f) => f.databaseInUseBytes,
    "Database size without free pages",
  ],
  [
    "etcd_mvcc_db_open_read_transactions",
    "gauge",
    (f) => f.openReadTransactions,
    "Read transactions open in the engine",
  ],
  ["etcd_mvcc_put_total", "counter", (f) => f.puts, "Puts applied"],
  ["etcd_mvcc_delete_total", "counter", (f) => f.deletes, "Deletes applied"],
  ["etcd_mvcc_range_total", "counter", (f) => f.ranges, "Ranges read"],
  ["etcd_debugging_mvcc_range_total", "counter", (f) => f.ranges, "Ranges read, the older name"],
  ["etcd_mvcc_txn_total", "counter", (f) => f.transactions, "Transactions of several operations"],
  ["etcd_debugging_mvcc_current_revision", "gauge", (f) => f.currentRevision, "Revision"],
  ["etcd_debugging_mvcc_compact_revision", "gauge", (f) => f.compactRevision, "Compacted up to"],
  ["etcd_debugging_mvcc_keys_total", "gauge", (f) => f.keys, "Keys that exist now"],
  [
    "etcd_debugging_mvcc_total_put_size_in_bytes",
    "gauge",
    (f) => f.putBytes,
    "Key and value bytes of all puts",
  ],
  [
    "etcd_debugging_mvcc_db_compaction_keys_total",
    "counter",
    (f) => f.compactedKeys,
    "Revisions removed by compaction",
  ],
  [
    "etcd_debugging_mvcc_db_compaction_last",
    "gauge",
    (f) => f.lastCompaction,
    "Unix time of the last compaction, 0 when none since the start",
  ],
  ["etcd_debugging_mvcc_watch_stream_total", "gauge", (f) => f.watchStreams, "Watch streams open"],
  ["etcd_debugging_mvcc_watcher_total", "gauge", (f) => f.watchers, "Watchers"],
  ["etcd_debugging_mvcc_slow_watcher_total", "gauge", (f) => f.slowWatchers, "Watchers behind"],
  ["etcd_debugging_mvcc_events_total", "counter", (f) => f.events, "Events sent to watchers"],
  ["etcd_debugging_lease_granted_total", "counter", (f) => f.leasesGranted, "Leases granted"],
  ["etcd_debugging_lease_revoked_total", "counter", (f) => f.leasesRevoked, "Leases revoked"],
  ["etcd_debugging_lease_renewed_total", "counter", (f) => f.leasesRenewed, "Leases renewed"],
  ["etcd_debugging_server_lease_expired_total", "counter", (f) => f.leasesExpired, "Expired"],
  ["os_fd_used", "gauge", (f) => f.process?.openFiles, "Open file descriptors"],
  ["os_fd_limit", "gauge", (f) => f.process?.openFilesMax, "File descriptors allowed"],
  [
    "process_virtual_memory_max_bytes",
    "gauge",
    (f) => f.process?.virtualBytesMax,
    "Address space allowed",
  ],
  [
    "process_network_receive_bytes_total",
    "counter",
    (f) => f.process?.networkReceivedBytes,
    "Bytes received in the network namespace",
  ],
  [
    "process_network_transmit_bytes_total",
    "counter",
    (f) => f.process?.networkSentBytes,
    "Bytes sent in the network namespace",
  ],
  ["go_threads", "gauge", (f) => f.process?.threads, "Threads of the operating system"],
  ["etcd_debugging_auth_revision", "gauge", (f) => f.authRevision, "Revision of users and roles"],
];

export const FIGURE_TABLE: readonly FigureRow[] = ROWS.map(([name, type, read, help]) => ({
  name,
  type,
  read,
  help,
}));
