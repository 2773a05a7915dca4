// Everything under /metrics, with etcd's names, labels and buckets.
//
// Counting is done in plain numbers where it happens; a scrape reads them. Stations do not know
// this folder: the member hands them the observers below as functions, and its figures to us.
import { collectDefaultMetrics, exponentialBuckets, Histogram, Registry } from "prom-client";
import { exportValues, type Labels, type Sample } from "./exported-values.ts";
import { FIGURE_TABLE, PEER_TABLE, type PeerRow } from "./figure-table.ts";
import type { MemberFigures } from "./figures.ts";
import { exportGrpc } from "./grpc-export.ts";
import { GrpcMetrics } from "./grpc-metrics.ts";
import { HealthCounters } from "./health-counters.ts";

const DISK = exponentialBuckets(0.001, 2, 14);
const HASH = exponentialBuckets(0.01, 2, 15);
const SNAPSHOT = exponentialBuckets(0.01, 2, 17);
const DEFRAG = exponentialBuckets(0.1, 2, 13);
const ROUND_TRIP = exponentialBuckets(0.0001, 2, 16);

export class Metrics {
  readonly grpc = new GrpcMetrics();
  readonly health = new HealthCounters();
  readonly #registry = new Registry();
  #readFigures: (() => MemberFigures) | undefined;
  /** Of the scrape going on: all its values belong to one moment. */
  #figures: MemberFigures | undefined;
  readonly #walFsync = this.#seconds("etcd_disk_wal_fsync_duration_seconds", DISK);
  readonly #commit = this.#seconds("etcd_disk_backend_commit_duration_seconds", DISK);
  readonly #defrag = this.#seconds("etcd_disk_backend_defrag_duration_seconds", DEFRAG);
  readonly #snapshot = this.#seconds("etcd_disk_backend_snapshot_duration_seconds", SNAPSHOT);
  readonly #hash = this.#seconds("etcd_mvcc_hash_duration_seconds", HASH);
  readonly #hashRevision = this.#seconds("etcd_mvcc_hash_rev_duration_seconds", HASH);
  readonly #roundTrip = this.#seconds("etcd_network_peer_round_trip_time_seconds", ROUND_TRIP, [
    "To",
  ]);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#exportFigures();
    for (const row of PEER_TABLE) this.#exportPeers(row);
    this.#exportIdentity();
    exportGrpc(this.#registry, this.grpc);
    this.#exportHealth();
  }

  readonly observeWalFsync = (seconds: number): void => this.#walFsync.observe(seconds);
  readonly observeCommit = (seconds: number): void => this.#commit.observe(seconds);
  readonly observeDefrag = (seconds: number): void => this.#defrag.observe(seconds);
  /** A database stream to a client. */
  readonly observeSnapshot = (seconds: number): void => this.#snapshot.observe(seconds);
  readonly observeHash = (seconds: number): void => this.#hash.observe(seconds);
  readonly observeHashRevision = (seconds: number): void => this.#hashRevision.observe(seconds);
  /** From now on the member's figures are exported too; they are asked for once a scrape. */
  reportFrom(readFigures: () => MemberFigures): void {
    this.#readFigures = readFigures;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The exposition in Prometheus' text format. */
  text(): Promise<string> {
    this.#figures = this.#readFigures?.();
    for (const { id, roundTripSeconds } of this.#figures?.peers ?? []) {
      if (roundTripSeconds !== undefined) this.#roundTrip.observe({ To: id }, roundTripSeconds);
    }
    return this.#registry.metrics();
  }

  #seconds(name: string, buckets: number[], labelNames: string[] = []): Histogram {
    const registers = [this.#registry];
    const help = name.replace(/^etcd_/, "").replaceAll("_", " ");
    return new Histogram({ name, help, buckets, labelNames, registers });
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

  #exportPeers({ name, help, type, labels, read }: PeerRow): void {
    exportValues(this.#registry, {
      name,
      help,
      type,
      labelNames: labels === "pair" ? ["Local", "Remote"] : [labels],
      read: () => {
        const { memberId = "", peers = [] } = this.#figures ?? {};
        return peers.flatMap((peer) => {
          const value = read(peer);
          const own: Labels =
            labels === "pair" ? { Local: memberId, Remote: peer.id } : { [labels]: peer.id };
          return value === undefined ? [] : [[own, value] satisfies Sample];
        });
      },
    });
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
