import { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { minorVersion } from "../base/version.ts";
import type { Config } from "../config.ts";
import type { MembershipOptions } from "../membership/membership.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type DefragmentationParts, defragment } from "../replica/defragmentation.ts";
import { IndexCheckpoints } from "../replica/index-checkpoints.ts";
import { indexFileIn } from "../storage/frame-file.ts";
import { LmdbEngine } from "../storage/lmdb-engine.ts";
import { SERVER_VERSION } from "./version.ts";

export interface StateGround {
  readonly config: Config;
  /** The folder of the state. */
  readonly folder: string;
  readonly membership: MembershipOptions;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

export interface OpenedState {
  readonly state: ReplicatedState;
  readonly index: IndexCheckpoints;
}

/** A member's state, as its folder has it or new. @throws errors of the engine and the system */
export async function openState(ground: StateGround): Promise<OpenedState> {
  const { config, folder, membership, clock, metrics, log } = ground;
  const onCommit = (ms: number) => metrics.observeCommit(ms / 1000);
  const openedMs = clock.monotonic();
  const engine = await LmdbEngine.open(folder, { clock, onCommit });
  const took = formatMs(clock.monotonic() - openedMs);
  log.info("opened backend db", { path: folder, took });
  const defragmentation = { engine, path: folder, clock, log };
  await defragmentIfWorthwhile(defragmentation, config.bootstrapDefragBytes);
  const indexFile = indexFileIn(folder);
  const startedMs = clock.monotonic();
  const state = new ReplicatedState({
    engine,
    indexFile,
    membership,
    leaseTtlMinSeconds: leaseTtlMinSeconds(config),
    clock,
    serverVersion: SERVER_VERSION,
  });
  const { source, recordsRead, problem } = state.kv.origin;
  if (problem !== undefined) log.warn("the saved key index is of no use", { error: problem });
  log.info("read the key index", {
    from: source,
    "records-read": recordsRead,
    keys: state.kv.keyCount,
    took: `${Math.round(clock.monotonic() - startedMs)}ms`,
  });
  logRestored(log, state);
  const index = new IndexCheckpoints({ state, file: indexFile, clock, log });
  return { state, index };
}

/** What the state holds: of the cluster, where there is one, and of the keys. */
function logRestored(log: Log, { membership, kv }: ReplicatedState): void {
  const { clusterVersion, members } = membership;
  const version = clusterVersion === undefined ? undefined : minorVersion(clusterVersion);
  if (version !== undefined) {
    log.info("enabled capabilities for version", { "cluster-version": version });
  }
  for (const { id, peerUrls } of members) {
    log.info("recovered/added member from store", {
      "cluster-id": hexId(membership.clusterId),
      "local-member-id": hexId(membership.memberId),
      "recovered-remote-peer-id": hexId(id),
      "recovered-remote-peer-urls": peerUrls,
    });
  }
  if (version !== undefined) {
    log.info("set cluster version from store", { "cluster-version": version });
  }
  if (kv.finishedCompactRevision > 0) {
    log.info("restored last compact revision", {
      "meta-bucket-name": "meta",
      "meta-bucket-name-key": "finishedCompactRev",
      "restored-compact-revision": kv.finishedCompactRevision,
    });
  }
  log.info("kvstore restored", { "current-rev": kv.revision });
}

/** @param bytesMin that must come free; 0: never @throws errors of the engine */
async function defragmentIfWorthwhile(
  parts: DefragmentationParts,
  bytesMin: number,
): Promise<void> {
  if (bytesMin === 0) return;
  const { engine, log } = parts;
  const { totalBytes, inUseBytes } = engine.size();
  const fields = {
    "current-db-size-bytes": totalBytes,
    "current-db-size-in-use-bytes": inUseBytes,
    "experimental-bootstrap-defrag-threshold-bytes": bytesMin,
  };
  if (totalBytes - inUseBytes < bytesMin) {
    log.info("Skipping defragmentation", fields);
    return;
  }
  await defragment(parts);
}

/** As etcd counts it, in whole ticks: members of a cluster must give a lease the same TTL. */
export function leaseTtlMinSeconds(config: Pick<Config, "electionMs" | "heartbeatMs">): number {
  const { electionMs, heartbeatMs } = config;
  const ticks = Math.floor((3 * Math.floor(electionMs / heartbeatMs)) / 2);
  return Math.ceil((ticks * heartbeatMs) / 1000);
}
