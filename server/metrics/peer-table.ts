import type { Distribution } from "../base/distribution.ts";
import type { PeerFigures } from "./figures.ts";

/** `pair`: labels Local and Remote; otherwise the one label that holds the peer's id. */
export type PeerLabels = "pair" | "To" | "From";

export interface PeerRow {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: PeerLabels;
  /** Undefined leaves the peer out. */
  readonly read: (peer: PeerFigures) => number | undefined;
}

export interface PeerDistributionRow {
  readonly name: string;
  readonly help: string;
  readonly labels: PeerLabels;
  readonly read: (peer: PeerFigures) => Distribution;
}

/** What etcd shows only once it has happened. */
function seen(count: number): number | undefined {
  return count === 0 ? undefined : count;
}

type Row = readonly [string, PeerRow["type"], PeerLabels, PeerRow["read"], string];

const ROWS: readonly Row[] = [
  ["etcd_network_active_peers", "gauge", "pair", (p) => Number(p.isActive), "1 while connected"],
  ["etcd_network_known_peers", "gauge", "pair", () => 1, "1 for each other member"],
  [
    "etcd_network_disconnected_peers_total",
    "counter",
    "pair",
    (p) => seen(p.disconnects),
    "Times the peer was lost",
  ],
  [
    "etcd_network_peer_sent_bytes_total",
    "counter",
    "To",
    (p) => p.sentBytes,
    "Bytes sent to the peer",
  ],
  [
    "etcd_network_peer_received_bytes_total",
    "counter",
    "From",
    (p) => p.receivedBytes,
    "Bytes received from the peer",
  ],
  [
    "etcd_network_peer_sent_failures_total",
    "counter",
    "To",
    (p) => p.sentFailures,
    "Messages that could not be sent to the peer",
  ],
  [
    "etcd_network_peer_received_failures_total",
    "counter",
    "From",
    (p) => seen(p.receivedFailures),
    "Messages of the peer that could not be read",
  ],
  [
    "etcd_network_snapshot_send_inflights_total",
    "gauge",
    "To",
    (p) => p.snapshotsSent.inFlight,
    "Databases on their way to the peer",
  ],
  [
    "etcd_network_snapshot_send_success",
    "counter",
    "To",
    (p) => seen(p.snapshotsSent.successes),
    "Databases that the peer has taken",
  ],
  [
    "etcd_network_snapshot_send_failures",
    "counter",
    "To",
    (p) => seen(p.snapshotsSent.failures),
    "Databases that did not reach the peer",
  ],
  [
    "etcd_network_snapshot_receive_inflights_total",
    "gauge",
    "From",
    (p) => p.snapshotsReceived.inFlight,
    "Databases on their way from the peer",
  ],
  [
    "etcd_network_snapshot_receive_success",
    "counter",
    "From",
    (p) => seen(p.snapshotsReceived.successes),
    "Databases taken from the peer",
  ],
  [
    "etcd_network_snapshot_receive_failures",
    "counter",
    "From",
    (p) => seen(p.snapshotsReceived.failures),
    "Databases of the peer that could not be taken",
  ],
];

export const PEER_TABLE: readonly PeerRow[] = ROWS.map(([name, type, labels, read, help]) => ({
  name,
  type,
  labels,
  read,
  help,
}));

export const PEER_DISTRIBUTION_TABLE: readonly PeerDistributionRow[] = [
  {
    name: "etcd_network_peer_round_trip_time_seconds",
    help: "Smoothed round trips to the peer",
    labels: "To",
    read: (peer) => peer.roundTrips,
  },
  {
    name: "etcd_network_snapshot_send_total_duration_seconds",
    help: "From the first byte of a database to the peer's answer",
    labels: "To",
    read: (peer) => peer.snapshotsSent.seconds,
  },
  {
    name: "etcd_network_snapshot_receive_total_duration_seconds",
    help: "From the first byte of the peer's database to its place on the disk",
    labels: "From",
    read: (peer) => peer.snapshotsReceived.seconds,
  },
];
