// How our metrics differ from etcd's, on purpose. The reasons stand in server/README.md.

/** Of etcd 3.5, and not ours: there is nothing in this server that they could measure. */
export const NOT_OURS: readonly RegExp[] = [
  /^etcd_debugging_disk_backend_commit_(rebalance|spill|write)_duration_seconds$/,
  /^etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds$/,
  /^etcd_debugging_mvcc_pending_events_total$/,
  /^etcd_debugging_snap_save_/,
  /^etcd_debugging_store_/,
  /^etcd_grpc_proxy_/,
  /^etcd_server_go_version$/,
  /^etcd_snap_fsync_duration_seconds$/,
  /^go_(?!threads$)/,
];

/** Ours, and not of etcd 3.5: of 3.6, or the runtime's own. */
export const NOT_THEIRS: readonly RegExp[] = [
  /^etcd_debugging_server_alarms$/,
  /^etcd_network_known_peers$/,
  /^etcd_server_feature_enabled$/,
  /^etcd_server_range_duration_seconds$/,
  /^nodejs_/,
  /^process_cpu_(user|system)_seconds_total$/,
  /^process_heap_bytes$/,
];

export function isAmong(name: string, patterns: readonly RegExp[]): boolean {
  return patterns.some((pattern) => pattern.test(name));
}
