// Which version of etcd the cluster as a whole speaks: the lowest minor version of its members. The
// leader asks every member and proposes; nothing here changes state.
import { CLUSTER_VERSION_MIN, compareMinor, parseVersion, type Version } from "../base/version.ts";

/** A member may join a cluster between what it still knows and what it is itself. */
export function isCompatible(clusterVersion: string, serverVersion: string): boolean {
  return (
    compareMinor(clusterVersion, CLUSTER_VERSION_MIN) >= 0 &&
    compareMinor(clusterVersion, serverVersion) <= 0
  );
}

/**
 * The cluster version to propose now, or `undefined` for none.
 * @param current the decided one
 * @param servers version of every member; `undefined` stands for a member that did not answer
 * @param downgradeTarget the only version to which the cluster may go back
 */
export function decideClusterVersion(
  current: string | undefined,
  servers: readonly (string | undefined)[],
  downgradeTarget?: string,
): string | undefined {
  const lowest = lowestOf(servers);
  if (current === undefined) return lowest ?? CLUSTER_VERSION_MIN;
  if (lowest === undefined) return undefined;
  const difference = compareMinor(lowest, current);
  const isSameMajor = parseVersion(lowest)?.major === parseVersion(current)?.major;
  if (difference > 0 && isSameMajor) return lowest;
  return difference < 0 && lowest === downgradeTarget ? lowest : undefined;
}

function lowestOf(servers: readonly (string | undefined)[]): string | undefined {
  let lowest: Version | undefined;
  for (const text of servers) {
    const version = text === undefined ? undefined : parseVersion(text);
    if (version === undefined) return undefined;
    const isLower =
      lowest === undefined ||
      version.major < lowest.major ||
      (version.major === lowest.major && version.minor < lowest.minor);
    if (isLower) lowest = version;
  }
  return lowest === undefined ? undefined : `${lowest.major}.${lowest.minor}.0`;
}
