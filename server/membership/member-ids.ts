import { createHash } from "node:crypto";
import { decodeUint64, encodeUint64 } from "../base/bytes.ts";

/**
 * The id of a member, from where it is reached.
 * @param token `--initial-cluster-token`; empty for a member added at runtime
 * @param addedAtSeconds unix time, only for a member added at runtime: an id never comes twice
 */
export function deriveMemberId(
  peerUrls: readonly string[],
  token: string,
  addedAtSeconds?: number,
): bigint {
  const when = addedAtSeconds === undefined ? "" : String(Math.trunc(addedAtSeconds));
  return decodeUint64(sha1(Buffer.from([...peerUrls].sort().join("") + token + when)));
}

/** The id of a cluster, from its initial members; it never changes later. */
export function deriveClusterId(memberIds: readonly bigint[]): bigint {
  const ascending = [...memberIds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return decodeUint64(sha1(Buffer.concat(ascending.map(encodeUint64))));
}

/** SHA-1 because etcd derives ids with it; nothing secret depends on it. */
function sha1(bytes: Uint8Array): Buffer {
  return createHash("sha1").update(bytes).digest();
}
