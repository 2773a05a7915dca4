// The lines by which a member says what it is: etcd's fields, which people and tools look for.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { hexId } from "../base/bytes.ts";
import { formatDuration, formatMs, parseDuration } from "../base/duration.ts";
import type { Log, LogFields } from "../base/log.ts";
import { bareRetention } from "../base/retention.ts";
import { minorVersion } from "../base/version.ts";
import type { Config } from "../config.ts";
import type { Membership } from "../membership/membership.ts";
import { SERVER_VERSION } from "./version.ts";

const NS_PER_HOUR = 3_600_000_000_000n;

/** @param isInitialized whether there is a log of an earlier run */
export function startingFields(config: Config, isInitialized: boolean): LogFields {
  const electionMs = Math.floor(config.electionMs / config.heartbeatMs) * config.heartbeatMs;
  const retention = retentionOf(config);
  return {
    "etcd-version": SERVER_VERSION,
    "node-version": process.version,
    "node-os": process.platform,
    "node-arch": process.arch,
    "max-cpu-available": availableParallelism(),
    "member-initialized": isInitialized,
    name: config.name,
    "data-dir": config.dataDir,
    "wal-dir": config.walDir,
    "wal-dir-dedicated": config.walDir,
    "member-dir": join(config.dataDir, "member"),
    "force-new-cluster": config.forceNewCluster,
    "heartbeat-interval": formatMs(config.heartbeatMs),
    "election-timeout": formatMs(electionMs),
    "initial-election-tick-advance": config.initialElectionTickAdvance,
    "snapshot-count": config.snapshotCount,
    "snapshot-catchup-entries": config.snapshotCatchupEntries,
    ...urlFields(config),
    cors: config.cors,
    "host-whitelist": config.hostWhitelist,
    "initial-cluster": isInitialized ? "" : clusterOf(config),
    "initial-cluster-state": config.initialClusterState,
    "initial-cluster-token": isInitialized ? "" : config.initialClusterToken,
    "quota-backend-bytes": config.quotaBytes,
    "max-request-bytes": config.requestBytesMax,
    "max-concurrent-streams": config.maxConcurrentStreams,
    "pre-vote": config.preVote,
    "initial-corrupt-check": config.initialCorruptCheck,
    "corrupt-check-time-interval": formatMs(config.corruptCheckMs),
    "compact-check-time-enabled": config.compactHashCheck,
    "compact-check-time-interval": formatMs(config.compactHashCheckMs),
    "auto-compaction-mode": config.autoCompactionMode,
    "auto-compaction-retention": retention,
    "auto-compaction-interval": retention,
    "discovery-url": "",
    "discovery-proxy": "",
    "downgrade-check-interval": formatMs(config.downgradeCheckMs),
  };
}

/** What is about to be opened, and what it offers beyond the API. */
export function logListeners(log: Log, config: Config): void {
  const { listenPeerUrls, listenClientUrls, enablePprof } = config;
  log.info("configuring peer listeners", { "listen-peer-urls": listenPeerUrls });
  log.info("configuring client listeners", { "listen-client-urls": listenClientUrls });
  if (enablePprof) log.info("pprof is enabled", { path: "/debug/pprof" });
}

/** An address that clients reach now. */
export function logClientTraffic(
  log: Log,
  scheme: "http" | "https",
  fields: { readonly traffic: "grpc" | "http" | "grpc+http"; readonly address: string },
): void {
  if (scheme === "https") log.info("serving client traffic securely", fields);
  else log.info("serving client traffic insecurely; this is strongly discouraged!", fields);
}

/** Who starts, and in a cluster of which version, when one is decided. */
export function startedFields(membership: Membership): LogFields {
  const { clusterVersion } = membership;
  const local = {
    "local-member-id": hexId(membership.memberId),
    "local-server-version": SERVER_VERSION,
  };
  if (clusterVersion === undefined) return { ...local, "cluster-version": "to_be_decided" };
  const version = minorVersion(clusterVersion);
  return { ...local, "cluster-id": hexId(membership.clusterId), "cluster-version": version };
}

export function servingFields(config: Config, memberId: string): LogFields {
  return { "local-member-id": memberId, ...urlFields(config) };
}

export function closingFields(config: Config): LogFields {
  return {
    name: config.name,
    "data-dir": config.dataDir,
    "advertise-peer-urls": config.initialAdvertisePeerUrls,
    "advertise-client-urls": config.advertiseClientUrls,
  };
}

function urlFields(config: Config): LogFields {
  return {
    "initial-advertise-peer-urls": config.initialAdvertisePeerUrls,
    "listen-peer-urls": config.listenPeerUrls,
    "advertise-client-urls": config.advertiseClientUrls,
    "listen-client-urls": config.listenClientUrls,
    "listen-metrics-urls": config.listenMetricsUrls,
  };
}

function clusterOf({ initialCluster }: Config): string {
  const members = initialCluster.split(",").filter((member) => member !== "");
  return members.sort().join(",");
}

/** As etcd prints it, which takes a number of revisions for nanoseconds. */
function retentionOf({ autoCompactionMode, autoCompactionRetention: text }: Config): string {
  const number = bareRetention(text);
  const unit = autoCompactionMode === "revision" ? 1n : NS_PER_HOUR;
  return formatDuration(number === undefined ? (parseDuration(text) ?? 0n) : number * unit);
}
