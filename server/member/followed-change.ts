import { hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import type { ChangeOutcome } from "../membership/membership.ts";
import type { Transport } from "../transport/transport.ts";

/** Another member came, went or moved: the transport must know. */
export function followChange(
  change: Exclude<ChangeOutcome, { readonly kind: "refused" }>,
  transport: Transport,
  log: Log,
): void {
  const { id, peerUrls } = change.member;
  log.info(`${change.kind} member`, { "peer-id": hexId(id), "peer-urls": peerUrls });
  if (change.kind === "removed") transport.removePeer(id);
  else if (change.kind === "added") transport.addPeer({ id, urls: peerUrls });
  else transport.updatePeer({ id, urls: peerUrls });
}
