// How a member makes its name and client URLs known, and the leader the cluster version: as requests
// of their own since etcd 3.5, before that as writes to the tree of the v2 API. 3.5 sends the older
// form, 3.4 knows no other, 3.7 no longer reads it: both are read, and the cluster version decides
// which is written.
import { hexId } from "../base/bytes.ts";
import { compareMinor } from "../base/version.ts";
import {
  ClusterMemberAttrSetRequest,
  ClusterVersionSetRequest,
  type Request,
} from "../proto/gen/internal.ts";
import { encodeInternal, encodeV2Put, InternalField } from "../proto/internal-codec.ts";
import { attributesJson, type MemberAttributes, parseAttributes } from "./member-record.ts";

export type Publication =
  | {
      readonly kind: "attributes";
      readonly memberId: bigint;
      readonly attributes: MemberAttributes;
    }
  | { readonly kind: "version"; readonly version: string };

const ATTRIBUTES_PATH = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/;
const VERSION_PATH = "/0/version";

/** What a v2 request publishes; `undefined` for everything else, which is none of our state. */
export function publicationOf(request: Request): Publication | undefined {
  if (request.Method !== "PUT") return undefined;
  if (request.Path === VERSION_PATH) return { kind: "version", version: request.Val };
  const id = ATTRIBUTES_PATH.exec(request.Path)?.[1];
  const attributes = id === undefined ? undefined : parseAttributes(request.Val);
  if (id === undefined || attributes === undefined) return undefined;
  return { kind: "attributes", memberId: BigInt(`0x${id}`), attributes };
}

/** @param clusterVersion decided so far */
export function isV2Written(clusterVersion: string | undefined): boolean {
  return clusterVersion === undefined || !(compareMinor(clusterVersion, "3.5.0") >= 0);
}

/** Where a member's attributes are in the tree of the v2 API. */
export function attributesPath(memberId: bigint): string {
  return `/0/members/${hexId(memberId)}/attributes`;
}

/**
 * The data of the log entry that publishes.
 * @param id under which the proposer waits
 * @param clusterVersion decided so far
 */
export function encodePublication(
  publication: Publication,
  id: bigint,
  clusterVersion: string | undefined,
): Buffer {
  const isOld = isV2Written(clusterVersion);
  if (publication.kind === "version") {
    const { version } = publication;
    if (isOld) return encodeV2Put(id, VERSION_PATH, version);
    const request = ClusterVersionSetRequest.encode({ ver: version }).finish();
    return encodeInternal(InternalField.CLUSTER_VERSION_SET, request, id);
  }
  const { memberId, attributes } = publication;
  if (isOld) {
    return encodeV2Put(id, attributesPath(memberId), attributesJson(attributes));
  }
  const { name, clientUrls } = attributes;
  const request = ClusterMemberAttrSetRequest.encode({
    memberID: memberId,
    memberAttributes: { name, clientUrls: [...clientUrls] },
  }).finish();
  return encodeInternal(InternalField.CLUSTER_MEMBER_ATTR_SET, request, id);
}
