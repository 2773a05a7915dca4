// From what was given to a Config: defaults filled in, units converted, nothing judged yet.
import type { Config, TlsSettings } from "../config.ts";
import { gatesSet } from "./feature-gates.ts";
import type { Given } from "./given.ts";
import { readLogSettings } from "./log-settings.ts";
import { addressOf, isUnixSocket } from "./urls.ts";

const DEFAULT_NAME = "default";
const DEFAULT_PEER_URL = "http://localhost:2380";
const DEFAULT_CLIENT_URL = "http://localhost:2379";
const DEFAULT_CLUSTER = `${DEFAULT_NAME}=${DEFAULT_PEER_URL}`;
const ALL_ADDRESSES = "0.0.0.0";
const QUOTA_BYTES_DEFAULT = 2 * 1024 ** 3;
const MEGABYTE = 1024 * 1024;
const BATCH_INTERVAL_MS_DEFAULT = 100;
/** Handing a batch over to the engine takes some µs per change, in one turn. */
const BATCH_LIMIT_DEFAULT = 4_000;
const CATCHUP_ENTRIES_DEFAULT = 5_000;
const RAFT_TIMEOUT_MS_MIN = 5_000;
const PROGRESS_MS_MIN = 100;
const PROGRESS_MS_DEFAULT = 600_000;

/**
 * @param findHost this machine's address, for members that listen on all of them
 * @throws ConfigError about the log
 */
export function assemble(given: Given, findHost: () => string | undefined): Config {
  return Object.freeze({
    ...memberPart(given, findHost),
    ...limitsPart(given),
    ...securityPart(given),
    ...upkeepPart(given),
  });
}

function memberPart(given: Given, findHost: () => string | undefined) {
  const name = given.text("name");
  const listenPeerUrls = given.urls("listen-peer-urls");
  const listenClientUrls = given.urls("listen-client-urls");
  const advertised = (flag: string, initial: string, listen: readonly string[]) =>
    withHost(given.urls(flag), initial, listen, findHost);
  const peers = advertised("initial-advertise-peer-urls", DEFAULT_PEER_URL, listenPeerUrls);
  const discoverySrv = given.text("discovery-srv");
  const discoverySrvName = given.text("discovery-srv-name");
  const isDiscovered = discoverySrv !== "" || discoverySrvName !== "";
  const isClusterGiven = given.has("initial-cluster");
  const cluster = isDiscovered && !isClusterGiven ? "" : given.text("initial-cluster");
  // Without a name too: etcd then does not find the member in the cluster, and refuses.
  const ownCluster = peers.map((url) => `${name || DEFAULT_NAME}=${url}`).join(",");
  return {
    name,
    dataDir: given.text("data-dir") === "" ? `${name}.etcd` : given.text("data-dir"),
    walDir: given.text("wal-dir"),
    listenClientUrls,
    listenClientHttpUrls: given.urls("listen-client-http-urls"),
    advertiseClientUrls: advertised("advertise-client-urls", DEFAULT_CLIENT_URL, listenClientUrls),
    listenPeerUrls,
    initialAdvertisePeerUrls: peers,
    listenMetricsUrls: given.urls("listen-metrics-urls"),
    reusePort: given.bool("socket-reuse-port"),
    initialCluster: name !== DEFAULT_NAME && cluster === DEFAULT_CLUSTER ? ownCluster : cluster,
    initialClusterState: stateOf(given.text("initial-cluster-state")),
    initialClusterToken: given.text("initial-cluster-token"),
    discoverySrv,
    discoverySrvName,
    strictReconfigCheck: given.bool("strict-reconfig-check"),
    forceNewCluster: given.bool("force-new-cluster"),
    maxLearners: given.number("max-learners"),
    heartbeatMs: given.number("heartbeat-interval"),
    electionMs: given.number("election-timeout"),
    initialElectionTickAdvance: given.bool("initial-election-tick-advance"),
    preVote: given.bool("pre-vote"),
    raftReadMs: Math.max(given.durationMs("raft-read-timeout"), RAFT_TIMEOUT_MS_MIN),
    raftWriteMs: Math.max(given.durationMs("raft-write-timeout"), RAFT_TIMEOUT_MS_MIN),
  };
}

function limitsPart(given: Given) {
  return {
    snapshotCount: given.number("snapshot-count"),
    snapshotCatchupEntries: given.number("snapshot-catchup-entries") || CATCHUP_ENTRIES_DEFAULT,
    batchIntervalMs: given.durationMs("backend-batch-interval") || BATCH_INTERVAL_MS_DEFAULT,
    batchLimit: given.number("backend-batch-limit") || BATCH_LIMIT_DEFAULT,
    unsafeNoFsync: given.bool("unsafe-no-fsync"),
    bootstrapDefragBytes: given.number("bootstrap-defrag-threshold-megabytes") * MEGABYTE,
    stopGrpcServiceOnDefrag: given.bool("experimental-stop-grpc-service-on-defrag"),
    quotaBytes: given.number("quota-backend-bytes") || QUOTA_BYTES_DEFAULT,
    txnOpsMax: given.number("max-txn-ops"),
    requestBytesMax: given.number("max-request-bytes"),
    maxConcurrentStreams: given.number("max-concurrent-streams"),
    grpcKeepaliveMinMs: given.durationMs("grpc-keepalive-min-time"),
    grpcKeepaliveIntervalMs: given.durationMs("grpc-keepalive-interval"),
    grpcKeepaliveTimeoutMs: given.durationMs("grpc-keepalive-timeout"),
  };
}

function securityPart(given: Given) {
  return {
    clientTls: tlsPart(given, "", {
      crlFile: given.text("client-crl-file"),
      allowedCns: given.clientAllowedCns,
      allowedHostnames: given.list("client-cert-allowed-hostname"),
      skipClientSanVerify: false,
    }),
    peerTls: tlsPart(given, "peer-", {
      crlFile: given.text("peer-crl-file"),
      allowedCns: given.list("peer-cert-allowed-cn"),
      allowedHostnames: given.list("peer-cert-allowed-hostname"),
      skipClientSanVerify: given.bool("peer-skip-client-san-verification"),
    }),
    cipherSuites: given.list("cipher-suites"),
    tlsMinVersion: given.text("tls-min-version"),
    tlsMaxVersion: given.text("tls-max-version"),
    selfSignedCertValidityYears: given.number("self-signed-cert-validity"),
    cors: originsOf(given),
    hostWhitelist: given.uniqueList("host-whitelist"),
    authToken: given.text("auth-token"),
    bcryptCost: given.number("bcrypt-cost"),
    authTokenTtlSeconds: given.number("auth-token-ttl"),
  };
}

function upkeepPart(given: Given) {
  const mode = given.text("auto-compaction-mode");
  const retention = mode === "" ? "0" : given.text("auto-compaction-retention");
  return {
    enableGrpcGateway: given.bool("enable-grpc-gateway"),
    enablePprof: given.bool("enable-pprof"),
    metricsLevel:
      given.text("metrics") === "extensive" ? ("extensive" as const) : ("basic" as const),
    log: readLogSettings(given),
    autoCompactionMode: modeOf(mode),
    autoCompactionRetention: retention === "" ? "0" : retention,
    compactionBatchLimit: given.number("compaction-batch-limit"),
    compactionSleepMs: given.durationMs("compaction-sleep-interval"),
    initialCorruptCheck: given.bool("experimental-initial-corrupt-check"),
    corruptCheckMs: given.durationMs("corrupt-check-time"),
    compactHashCheck: given.bool("experimental-compact-hash-check-enabled"),
    compactHashCheckMs: given.durationMs("compact-hash-check-time"),
    leaseCheckpoint: given.bool("experimental-enable-lease-checkpoint"),
    featureGates: gatesSet(given),
    watchProgressNotifyMs: progressMs(given.durationMs("watch-progress-notify-interval")),
    warningApplyMs: given.durationMs("warning-apply-duration"),
    warningUnaryRequestMs: given.durationMs("warning-unary-request-duration"),
    downgradeCheckMs: given.durationMs("downgrade-check-time"),
  };
}

/** As etcd: what is no time at all stands for the default. */
function progressMs(askedMs: number): number {
  return askedMs <= 0 ? PROGRESS_MS_DEFAULT : Math.max(askedMs, PROGRESS_MS_MIN);
}

function tlsPart(
  given: Given,
  side: "" | "peer-",
  more: Pick<TlsSettings, "crlFile" | "allowedCns" | "allowedHostnames" | "skipClientSanVerify">,
): TlsSettings {
  return Object.freeze({
    certFile: given.text(`${side}cert-file`),
    keyFile: given.text(`${side}key-file`),
    clientCertFile: given.text(`${side}client-cert-file`),
    clientKeyFile: given.text(`${side}client-key-file`),
    trustedCaFile: given.text(`${side}trusted-ca-file`),
    clientCertAuth: given.bool(`${side}client-cert-auth`),
    autoTls: given.bool(`${side}auto-tls`),
    ...more,
  });
}

/** Where the default is still advertised but all addresses are listened on, this machine's. */
function withHost(
  urls: readonly string[],
  initial: string,
  listen: readonly string[],
  findHost: () => string | undefined,
): readonly string[] {
  const first = listen[0];
  const isDefault = urls.length === 1 && urls[0] === initial;
  if (!isDefault || first === undefined || isUnixSocket(first)) return urls;
  const { host, port } = addressOf(first);
  const found = host === ALL_ADDRESSES ? findHost() : undefined;
  return found === undefined ? urls : [`http://${found}:${port}`];
}

function originsOf(given: Given): readonly string[] {
  return given.text("cors") === "*" ? ["*"] : given.urls("cors");
}

function modeOf(text: string): Config["autoCompactionMode"] {
  return text === "" || text === "revision" ? text : "periodic";
}

function stateOf(text: string): "new" | "existing" {
  return text === "existing" ? "existing" : "new";
}
