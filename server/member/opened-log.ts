import { existsSync, readdirSync } from "node:fs";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config.ts";
import { type AskPeers, type Bootstrap, bootstrap, restart } from "../replica/bootstrap.ts";
import { LmdbEngine } from "../storage/lmdb-engine.ts";
import { PeerCalls } from "../transport/peer-calls.ts";
import { FileWal, type FileWalOptions } from "../wal/file-wal.ts";
import type { DataFolder } from "./data-folder.ts";
import type { NameService } from "./name-service.ts";
import { RecoveryError } from "./recovered-log.ts";
import type { PeerSecurity } from "./security.ts";
import { discoverCluster } from "./srv-discovery.ts";
import { SERVER_VERSION } from "./version.ts";

export interface OpenedLog {
  readonly wal: FileWal;
  readonly origin: Bootstrap;
}

export interface LogSurroundings {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly clock: Clock;
  readonly log: Log;
  readonly names: NameService;
  /** A joining member asks those that are there. */
  readonly peerTls: Pick<PeerSecurity, "dial" | "expectName">;
}

/**
 * The member's own log, or a new one that begins as a new or joining member's does.
 * @throws BootstrapError, WalCorruptionError, RecoveryError
 */
export async function openLog(
  surroundings: LogSurroundings,
  walOptions: FileWalOptions,
): Promise<OpenedLog> {
  const { folder, log } = surroundings;
  if (!FileWal.exists(folder.wal)) return createLog(surroundings, walOptions);
  const { wal, state } = await FileWal.open(folder.wal, walOptions);
  if (state.hardState.term > 0 || state.snapshot.index > 0 || state.entries.length > 0) {
    log.info("restarting local member", {
      "cluster-id": state.metadata.clusterId.toString(16),
      "local-member-id": state.metadata.memberId.toString(16),
      "commit-index": state.hardState.commit,
    });
    return { wal, origin: restart(state) };
  }
  // The process ended between creating the log and writing its first entries: begin again.
  const origin = await found(surroundings);
  if (origin.metadata.memberId !== state.metadata.memberId) {
    await wal.close();
    throw new RecoveryError("the log belongs to another member than the flags describe");
  }
  logNew(log, origin);
  await begin(wal, origin);
  return { wal, origin };
}

async function createLog(
  surroundings: LogSurroundings,
  walOptions: FileWalOptions,
): Promise<OpenedLog> {
  const { folder, log } = surroundings;
  if (LmdbEngine.exists(folder.state)) {
    throw new RecoveryError(`${folder.state} holds a database, but its log is missing`);
  }
  if (existsSync(folder.wal) && readdirSync(folder.wal).length > 0) {
    throw new RecoveryError(
      `${folder.wal} holds files, but none of this program's logs; a member of another make ` +
        "can only be replaced, by member add and an empty data directory",
    );
  }
  const origin = await found(surroundings);
  const wal = await FileWal.create(folder.wal, origin.metadata, walOptions);
  logNew(log, origin);
  await begin(wal, origin);
  return { wal, origin };
}

function logNew(log: Log, { metadata }: Bootstrap): void {
  log.info("starting local member", {
    "local-member-id": hexId(metadata.memberId),
    "cluster-id": hexId(metadata.clusterId),
  });
}

async function begin(wal: FileWal, { hardState, entries }: Bootstrap): Promise<void> {
  if (entries.length > 0) await wal.append({ hardState, entries, sync: true });
}

async function found(surroundings: LogSurroundings): Promise<Bootstrap> {
  const { config, clock, names, peerTls, log } = surroundings;
  const { dial: dialTls, expectName } = peerTls;
  const askPeers: AskPeers = (urls, timeoutMs) =>
    new PeerCalls({ urls, timeoutMs, clock, dialTls });
  const isDiscovered = config.discoverySrv !== "";
  const cluster = isDiscovered ? await discoverCluster(config, names, log) : config.initialCluster;
  // Whoever can forge the records of a domain has no certificate of that name. As in etcd only until
  // the next start, when the members are known.
  const isUnnamed = isDiscovered && config.peerTls.trustedCaFile === "";
  if (isUnnamed && cluster.includes("https://")) expectName(config.discoverySrv);
  return bootstrap(bootstrapConfig(config, cluster), askPeers, names.lookUp, log);
}

function bootstrapConfig(config: Config, initialCluster: string) {
  const { name, initialClusterState, initialClusterToken } = config;
  return {
    name,
    initialCluster,
    initialClusterState,
    initialClusterToken,
    peerUrls: config.initialAdvertisePeerUrls,
    serverVersion: SERVER_VERSION,
  };
}
