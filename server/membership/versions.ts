// Which version of etcd the cluster as a whole speaks: the lowest minor version of its members. The
// leader asks every member and proposes; nothing here changes state.

/** What no member may fall below, in etcd's words the minimum cluster version. */
export const CLUSTER_VERSION_MIN = "3.0.0";

interface Version {
  readonly major: number;
  readonly minor: number;
}

/** `3.5.30`, with or without what may follow; `undefined` when it is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})\.\d{1,6}(?:[-+][\w.+-]*)?$/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** Negative, zero or positive; patch levels do not count. Both must be versions. */
export function compareMinor(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  if (left === undefined || right === undefined) return Number.NaN;
  return left.major - right.major || left.minor - right.minor;
}

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
