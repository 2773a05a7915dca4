import { hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import type { ChangeOutcome, Membership } from "../membership/membership.ts";
import type { Transport } from "../transport/transport.ts";

type Change = Exclude<ChangeOutcome, { readonly kind: "refused" }>;

/** A member came, went or moved: etcd's line, and where it is another one, the transport's part. */
export function followChange(
  change: Change,
  { memberId, clusterId }: Pick<Membership, "memberId" | "clusterId">,
  transport: Transport,
  log: Log,
): void {
  const cluster = { "cluster-id": hexId(clusterId), "local-member-id": hexId(memberId) };
  logChange(change, cluster, log);
  const { id, peerUrls } = change.member;
  if (id === memberId) return;
  if (change.kind === "removed") transport.removePeer(id);
  else if (change.kind === "added") transport.addPeer({ id, urls: peerUrls });
  else transport.updatePeer({ id, urls: peerUrls });
}

function logChange(change: Change, cluster: Readonly<Record<string, string>>, log: Log): void {
  const id = hexId(change.member.id);
  const { peerUrls } = change.member;
  switch (change.kind) {
    case "added":
      log.info("added member", {
        ...cluster,
        "added-peer-id": id,
        "added-peer-peer-urls": peerUrls,
      });
      return;
    case "removed":
      log.info("removed member", {
        ...cluster,
        "removed-remote-peer-id": id,
        "removed-remote-peer-urls": peerUrls,
      });
      return;
    case "updated":
      log.info("updated member", {
        ...cluster,
        "updated-remote-peer-id": id,
        "updated-remote-peer-urls": peerUrls,
      });
      return;
    case "promoted":
      log.info("promote member", cluster);
  }
}
