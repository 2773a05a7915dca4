import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { type Config, SNAPSHOT_COUNT_DEFAULT } from "../config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { RaftConfig } from "../raft/ready.ts";
import type { ReplicaTiming } from "../replica/replica-parts.ts";
import { connectionPlaces } from "./connection-places.ts";
import { RaftLines, raftLog } from "./raft-lines.ts";

const APPEND_BYTES_MAX = 1024 * 1024;
const INFLIGHT_APPENDS_MAX = 512;
const DIAL_BASE_MS = 1000;

export interface RaftSurroundings {
  readonly config: Config;
  readonly random: Random;
  readonly log: Log;
}

export function timingOf({ heartbeatMs, electionMs }: Config): ReplicaTiming {
  return { heartbeatMs, electionTicks: Math.floor(electionMs / heartbeatMs) };
}

export function raftConfig({ config, random, log }: RaftSurroundings, id: bigint): RaftConfig {
  return {
    id,
    electionTicks: timingOf(config).electionTicks,
    heartbeatTicks: 1,
    preVote: config.preVote,
    appendBytesMax: APPEND_BYTES_MAX,
    inflightAppendsMax: INFLIGHT_APPENDS_MAX,
    random,
    observer: new RaftLines(raftLog(log), id),
  };
}

/** Of the peer transport. */
export function transportSettings(config: Config) {
  return {
    listenUrls: config.listenPeerUrls,
    reusePort: config.reusePort,
    connectionsMax: connectionPlaces().peers,
    dialTimeoutMs: DIAL_BASE_MS + config.electionMs,
    readTimeoutMs: config.raftReadMs,
    writeTimeoutMs: config.raftWriteMs,
  };
}

/** When the state is written, and when the log may forget. */
export function checkpointSettings({ batchIntervalMs, batchLimit, snapshotCount }: Config) {
  return {
    commitMs: batchIntervalMs,
    pendingCountMax: batchLimit,
    snapshotCount: snapshotCount || SNAPSHOT_COUNT_DEFAULT,
  };
}

/** Of the log on disk. */
export function logSettings({ unsafeNoFsync }: Config, clock: Clock, metrics: Metrics) {
  return {
    clock,
    isSynced: !unsafeNoFsync,
    onSync: (ms: number) => metrics.observeWalFsync(ms / 1000),
    onWrite: (ms: number, bytes: number) => metrics.observeWalWrite(ms / 1000, bytes),
  };
}
