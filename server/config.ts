// What a member was told to be. One frozen value, made once by config/read-config.ts from flags,
// variables or a file, and handed to whoever is concerned; nothing else reads them.
import type { FeatureGate } from "./config/feature-gates.ts";
import type { LogSettings } from "./config/log-settings.ts";

/** Certificates of one side, client or peer; "" and [] mean: not given. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** What is shown to others instead of `certFile`, where both sides prove themselves. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  readonly trustedCaFile: string;
  readonly clientCertAuth: boolean;
  readonly crlFile: string;
  readonly allowedCns: readonly string[];
  readonly allowedHostnames: readonly string[];
  /** Make a certificate of one's own when none is given. */
  readonly autoTls: boolean;
  readonly skipClientSanVerify: boolean;
}

export const SNAPSHOT_COUNT_DEFAULT = 100_000;

export interface Config {
  readonly name: string;
  readonly dataDir: string;
  /** Empty: within the data folder. */
  readonly walDir: string;

  readonly listenClientUrls: readonly string[];
  /** When there are any, HTTP is served here and no longer on `listenClientUrls`. */
  readonly listenClientHttpUrls: readonly string[];
  readonly advertiseClientUrls: readonly string[];
  readonly listenPeerUrls: readonly string[];
  readonly initialAdvertisePeerUrls: readonly string[];
  readonly listenMetricsUrls: readonly string[];
  /** Other processes may listen on the same ports. */
  readonly reusePort: boolean;

  readonly initialCluster: string;
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  /** A domain whose SRV records name the members; empty: none. */
  readonly discoverySrv: string;
  readonly discoverySrvName: string;
  readonly strictReconfigCheck: boolean;
  readonly forceNewCluster: boolean;
  readonly maxLearners: number;

  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly initialElectionTickAdvance: boolean;
  readonly preVote: boolean;
  readonly raftReadMs: number;
  readonly raftWriteMs: number;

  /** Applied entries between two compactions of the log; 0 stands for the default. */
  readonly snapshotCount: number;
  /** Entries that stay in memory behind a compaction. */
  readonly snapshotCatchupEntries: number;
  /** The state is written to its file at least this often, or after `batchLimit` changes. */
  readonly batchIntervalMs: number;
  readonly batchLimit: number;
  readonly unsafeNoFsync: boolean;
  /** Defragment at the start when at least so many bytes come free; 0: never. */
  readonly bootstrapDefragBytes: number;
  readonly stopGrpcServiceOnDefrag: boolean;

  /** Below 0: no limit. */
  readonly quotaBytes: number;
  readonly txnOpsMax: number;
  readonly requestBytesMax: number;
  readonly maxConcurrentStreams: number;
  readonly grpcKeepaliveMinMs: number;
  /** 0: never. */
  readonly grpcKeepaliveIntervalMs: number;
  readonly grpcKeepaliveTimeoutMs: number;

  readonly clientTls: TlsSettings;
  readonly peerTls: TlsSettings;
  /** IANA names, in order of preference; empty: the runtime's choice. */
  readonly cipherSuites: readonly string[];
  /** "TLS1.2" or "TLS1.3"; the upper one may be empty. */
  readonly tlsMinVersion: string;
  readonly tlsMaxVersion: string;
  readonly selfSignedCertValidityYears: number;
  /** Origins; `*` means all. */
  readonly cors: readonly string[];
  /** Names of hosts; `*` means all. */
  readonly hostWhitelist: readonly string[];

  /** "simple" or "jwt,…", as given. */
  readonly authToken: string;
  readonly bcryptCost: number;
  readonly authTokenTtlSeconds: number;

  readonly enableGrpcGateway: boolean;
  readonly enablePprof: boolean;
  readonly metricsLevel: "basic" | "extensive";
  readonly log: LogSettings;

  /** Empty: nothing is compacted. */
  readonly autoCompactionMode: "" | "periodic" | "revision";
  /** As given: a duration, hours, or a number of revisions; "0": off. */
  readonly autoCompactionRetention: string;
  readonly compactionBatchLimit: number;
  readonly compactionSleepMs: number;
  readonly initialCorruptCheck: boolean;
  /** 0: never. */
  readonly corruptCheckMs: number;
  readonly compactHashCheck: boolean;
  readonly compactHashCheckMs: number;
  readonly leaseCheckpoint: boolean;
  readonly featureGates: readonly FeatureGate[];
  readonly watchProgressNotifyMs: number;
  readonly warningApplyMs: number;
  readonly warningUnaryRequestMs: number;
  readonly downgradeCheckMs: number;
}
