import type { IncomingHttpHeaders } from "node:http";
import { hexId } from "../base/bytes.ts";
import { CLUSTER_VERSION_MIN, compareMinor } from "../base/version.ts";

/** Who this member is to its peers. */
export interface Identity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** E.g. `3.5.21`. */
  readonly serverVersion: string;
  /** Where it is reached: `--initial-advertise-peer-urls`. */
  readonly peerUrls: readonly string[];
}

/** A reason to turn a peer away: a status of HTTP and etcd's text. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** With these every request to a peer begins. */
export function identityHeaders(identity: Identity): Record<string, string> {
  return {
    "X-Server-From": hexId(identity.memberId),
    "X-Server-Version": identity.serverVersion,
    "X-Min-Cluster-Version": CLUSTER_VERSION_MIN,
    "X-Etcd-Cluster-ID": hexId(identity.clusterId),
    "X-PeerURLs": identity.peerUrls.join(","),
  };
}

/** Versions and cluster id of whoever asks; in etcd's order. A version left out means 2.0.0. */
export function refusalOf(headers: IncomingHttpHeaders, identity: Identity): Refusal | undefined {
  const server = headerText(headers, "x-server-version") ?? "2.0.0";
  const minimum = headerText(headers, "x-min-cluster-version") ?? "2.0.0";
  const isCompatible =
    compareMinor(server, CLUSTER_VERSION_MIN) >= 0 &&
    compareMinor(minimum, identity.serverVersion) <= 0;
  if (!isCompatible) return { status: 412, text: "incompatible version" };
  return clusterRefusalOf(headers, identity);
}

export function clusterRefusalOf(
  headers: IncomingHttpHeaders,
  identity: Identity,
): Refusal | undefined {
  const isSame = headerText(headers, "x-etcd-cluster-id") === hexId(identity.clusterId);
  return isSame ? undefined : { status: 412, text: "cluster ID mismatch" };
}

/** An id as it stands in headers and paths. */
export function parseId(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
