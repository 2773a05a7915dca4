// Versions of etcd as members tell each other: only major and minor mean anything.

/** What no member may fall below, in etcd's words the minimum cluster version. */
export const CLUSTER_VERSION_MIN = "3.0.0";

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** `3.5.30`, with or without what may follow; `undefined` when it is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})\.\d{1,6}(?:[-+][\w.+-]*)?$/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** As etcd's log names the version of a cluster: `3.5`. What is no version stays as it is. */
export function minorVersion(text: string): string {
  const version = parseVersion(text);
  return version === undefined ? text : `${version.major}.${version.minor}`;
}

/** Whose tables a member of that version has: those of the minor version; empty where it is none. */
export function storageVersion(serverVersion: string): string {
  const version = parseVersion(serverVersion);
  return version === undefined ? "" : `${version.major}.${version.minor}.0`;
}

/** Negative, zero or positive; patch levels do not count. Both must be versions. */
export function compareMinor(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  if (left === undefined || right === undefined) return Number.NaN;
  return left.major - right.major || left.minor - right.minor;
}
