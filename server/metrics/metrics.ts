// Everything under /metrics, with etcd's names, labels and buckets.
//
// Counting is done in plain numbers where it happens; a scrape reads them. Stations do not know
// this folder: the member hands them the observers below as functions, and its figures to us.
import { collectDefaultMetrics, Registry } from "prom-client";
import { Distribution, exponentialBounds } from "../base/distribution.ts";
import { DISTRIBUTION_TABLE } from "./distribution-table.ts";
import { exportDistributions } from "./exported-distributions.ts";
import { exportValues, type Labels, type Sample } from "./exported-values.ts";
import { FIGURE_TABLE } from "./figure-table.ts";
import type { MemberFigures, PeerFigures } from "./figures.ts";
import { exportGrpc } from "./grpc-export.ts";
import { GrpcMetrics } from "./grpc-metrics.ts";
import { HealthCounters } from "./health-counters.ts";
import {
  PEER_DISTRIBUTION_TABLE,
  PEER_TABLE,
  type PeerLabels,
  type PeerRow,
} from "./peer-table.ts";
import { ScrapeCounters } from "./scrape-counters.ts";

const DISK = exponentialBounds(0.001, 2, 14);
const HASH = exponentialBounds(0.01, 2, 15);
const SNAPSHOT = exponentialBounds(0.01, 2, 17);
const DEFRAG = exponentialBounds(0.1, 2, 13);
const RECEIVED = exponentialBounds(0.1, 2, 10);
const RANGE = exponentialBounds(0.0001, 2, 20);

export class Metrics {
  readonly grpc: GrpcMetrics;
  readonly health = new HealthCounters();
  readonly scrapes = new ScrapeCounters();
  readonly #registry = new Registry();
  #readFigures: (() => MemberFigures) | undefined;
  /** Of the scrape going on: all its values belong to one moment. */
  #figures: MemberFigures | undefined;
  #walBytes = 0;
  #defragmenting = 0;
  readonly #walFsync = this.#seconds("etcd_disk_wal_fsync_duration_seconds", DISK);
  readonly #walWrite = this.#seconds("etcd_disk_wal_write_duration_seconds", DISK);
  readonly #commit = this.#seconds("etcd_disk_backend_commit_duration_seconds", DISK);
  readonly #defrag = this.#seconds("etcd_disk_backend_defrag_duration_seconds", DEFRAG);
  readonly #snapshot = this.#seconds("etcd_disk_backend_snapshot_duration_seconds", SNAPSHOT);
  readonly #hash = this.#seconds("etcd_mvcc_hash_duration_seconds", HASH);
  readonly #hashRevision = this.#seconds("etcd_mvcc_hash_rev_duration_seconds", HASH);
  readonly #received = this.#seconds("etcd_snap_db_save_total_duration_seconds", RECEIVED);
  readonly #receivedSync = this.#seconds("etcd_snap_db_fsync_duration_seconds", DISK);
  readonly #ranges = { true: new Distribution(RANGE), false: new Distribution(RANGE) };

  /** @param isExtensive also measures how long each gRPC call takes */
  constructor(isExtensive = false) {
    this.grpc = new GrpcMetrics(isExtensive);
    collectDefaultMetrics({ register: this.#registry });
    this.#exportFigures();
    this.#exportOwn();
    this.#exportDistributions();
    for (const row of PEER_TABLE) this.#exportPeers(row);
    this.scrapes.exportTo(this.#registry);
    this.#exportIdentity();
    exportGrpc(this.#registry, this.grpc);
    this.#exportHealth();
  }

  readonly observeWalFsync = (seconds: number): void => this.#walFsync.observe(seconds);
  readonly observeCommit = (seconds: number): void => this.#commit.observe(seconds);
  readonly observeWalWrite = (seconds: number, byteCount: number): void => {
    this.#walWrite.observe(seconds);
    this.#walBytes += byteCount;
  };
  readonly observeDefrag = (seconds: number): void => this.#defrag.observe(seconds);
  /** A database stream to a client. */
  readonly observeSnapshot = (seconds: number): void => this.#snapshot.observe(seconds);
  readonly observeHash = (seconds: number): void => this.#hash.observe(seconds);
  readonly observeHashRevision = (seconds: number): void => this.#hashRevision.observe(seconds);
  /** A leader's database: until it is complete and checked, and only the sync of it. */
  readonly observeReceived = (seconds: number): void => this.#received.observe(seconds);
  readonly observeReceivedSync = (seconds: number): void => this.#receivedSync.observe(seconds);
  readonly observeRange = (seconds: number, isSuccess: boolean): void =>
    this.#ranges[isSuccess ? "true" : "false"].observe(seconds);

  /** Counts as defragmenting until the step ends. */
  async defragmenting<T>(step: () => Promise<T>): Promise<T> {
    this.#defragmenting++;
    try {
      return await step();
    } finally {
      this.#defragmenting--;
    }
  }

  /** From now on the member's figures are exported too; they are asked for once a scrape. */
  reportFrom(readFigures: () => MemberFigures): void {
    this.#readFigures = readFigures;
  }

  /** How the switches of etcd 3.6 stand; they do not change. */
  reportGates(gates: readonly { name: string; stage: string; isOn: boolean }[]): void {
    exportValues(this.#registry, {
      name: "etcd_server_feature_enabled",
      help: "1 for each feature gate that is on, 0 for the others",
      type: "gauge",
      labelNames: ["name", "stage"],
      read: () => gates.map(({ name, stage, isOn }) => [{ name, stage }, Number(isOn)]),
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The exposition in Prometheus' text format. */
  text(): Promise<string> {
    this.#figures = this.#readFigures?.();
    return this.#registry.metrics();
  }

  /** What is observed here; a scrape reads it. */
  #seconds(name: string, bounds: readonly number[]): Distribution {
    const distribution = new Distribution(bounds);
    const help = name.replace(/^etcd_/, "").replaceAll("_", " ");
    const read = () => [[{}, distribution] as const];
    exportDistributions(this.#registry, { name, help, labelNames: [], read });
    return distribution;
  }

  #exportFigures(): void {
    for (const { name, help, type, read } of FIGURE_TABLE) {
      exportValues(this.#registry, {
        name,
        help,
        type,
        labelNames: [],
        read: () => {
          const value = this.#figures === undefined ? undefined : read(this.#figures);
          return value === undefined ? [] : [[{}, value]];
        },
      });
    }
  }

  /** What is counted here. */
  #exportOwn(): void {
    exportValues(this.#registry, {
      name: "etcd_disk_wal_write_bytes_total",
      help: "Bytes written to the log",
      type: "gauge",
      labelNames: [],
      read: () => [[{}, this.#walBytes]],
    });
    exportValues(this.#registry, {
      name: "etcd_disk_defrag_inflight",
      help: "1 while defragmenting",
      type: "gauge",
      labelNames: [],
      read: () => [[{}, this.#defragmenting]],
    });
    exportValues(this.#registry, {
      name: "etcd_server_learner_promote_failures",
      help: "Learners that this member, leading, refused to promote",
      type: "counter",
      labelNames: ["Reason"],
      read: () =>
        [...(this.#figures?.refusedPromotions ?? [])].map(([Reason, n]) => [{ Reason }, n]),
    });
  }

  #exportDistributions(): void {
    for (const { name, help, labelNames, read } of DISTRIBUTION_TABLE) {
      exportDistributions(this.#registry, {
        name,
        help,
        labelNames,
        read: () => (this.#figures === undefined ? [] : read(this.#figures)),
      });
    }
    exportDistributions(this.#registry, {
      name: "etcd_server_range_duration_seconds",
      help: "How long ranges took to answer",
      labelNames: ["success"],
      read: () => Object.entries(this.#ranges).map(([success, times]) => [{ success }, times]),
    });
    for (const { name, help, labels, read } of PEER_DISTRIBUTION_TABLE) {
      exportDistributions(this.#registry, {
        name,
        help,
        labelNames: [labels],
        read: () =>
          (this.#figures?.peers ?? [])
            .map((peer) => [this.#peerLabels(labels, peer), read(peer)] as const)
            .filter(([, { count }]) => count > 0),
      });
    }
  }

  #exportPeers({ name, help, type, labels, read }: PeerRow): void {
    exportValues(this.#registry, {
      name,
      help,
      type,
      labelNames: labels === "pair" ? ["Local", "Remote"] : [labels],
      read: () => {
        return (this.#figures?.peers ?? []).flatMap((peer) => {
          const value = read(peer);
          const own = this.#peerLabels(labels, peer);
          return value === undefined ? [] : [[own, value] satisfies Sample];
        });
      },
    });
  }

  #peerLabels(labels: PeerLabels, { id }: PeerFigures): Labels {
    if (labels !== "pair") return { [labels]: id };
    return { Local: this.#figures?.memberId ?? "", Remote: id };
  }

  /** Gauges that are always 1 and say something in their label. */
  #exportIdentity(): void {
    const label = (
      name: string,
      labelName: string,
      read: (f: MemberFigures) => string | undefined,
    ) =>
      exportValues(this.#registry, {
        name,
        help: `1, with the ${labelName} as label`,
        type: "gauge",
        labelNames: [labelName],
        read: () => {
          const value = this.#figures === undefined ? undefined : read(this.#figures);
          return value === undefined ? [] : [[{ [labelName]: value }, 1]];
        },
      });
    label("etcd_server_id", "server_id", (figures) => figures.memberId);
    label("etcd_server_version", "server_version", (figures) => figures.serverVersion);
    label("etcd_cluster_version", "cluster_version", ({ clusterVersion }) =>
      clusterVersion?.split(".").slice(0, 2).join("."),
    );
    exportValues(this.#registry, {
      name: "etcd_debugging_server_alarms",
      help: "1 for each alarm that is active",
      type: "gauge",
      labelNames: ["server_id", "alarm_type"],
      read: () =>
        (this.#figures?.alarms ?? []).map(({ memberId, type }) => [
          { server_id: memberId, alarm_type: type },
          1,
        ]),
    });
  }

  #exportHealth(): void {
    const { health } = this;
    const total = (name: string, help: string, read: () => number) =>
      exportValues(this.#registry, {
        name,
        help,
        type: "counter",
        labelNames: [],
        read: () => [[{}, read()]],
      });
    total("etcd_server_health_success", "Answers of /health: healthy", () => health.success);
    total("etcd_server_health_failures", "Answers of /health: not", () => health.failures);
    exportValues(this.#registry, {
      name: "etcd_server_healthcheck",
      help: "Last result of each check, 1 when it passed",
      type: "gauge",
      labelNames: ["type", "name"],
      read: () =>
        [...health.checks].map(({ type, name, isPassing }) => [{ type, name }, Number(isPassing)]),
    });
    exportValues(this.#registry, {
      name: "etcd_server_healthchecks_total",
      help: "Results of each check",
      type: "counter",
      labelNames: ["type", "name", "status"],
      read: () =>
        [...health.checks].flatMap(({ type, name, success, error }) => [
          [{ type, name, status: "success" }, success],
          [{ type, name, status: "error" }, error],
        ]),
    });
  }
}
