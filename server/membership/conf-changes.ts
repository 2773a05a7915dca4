// The five changes of a cluster as they stand in the log. The member travels as JSON in the context;
// raft itself sees only the kind and the id.
import { EMPTY_BYTES } from "../base/bytes.ts";
import { readPeerUrl } from "../base/peer-url.ts";
import type { ConfChangeEntry } from "../proto/conf-codec.ts";
import { ConfChangeType } from "../raft/entry.ts";
import { type Member, memberJson, parseChangeContext, promotionJson } from "./member-record.ts";

/** @param id under which the proposer waits; 0n in the entries a new cluster begins with */
export function additionOf(member: Member, id: bigint): ConfChangeEntry {
  const type = member.isLearner ? ConfChangeType.ADD_LEARNER_NODE : ConfChangeType.ADD_NODE;
  return { id, type, nodeId: member.id, context: Buffer.from(memberJson(member)) };
}

export function promotionOf(memberId: bigint, id: bigint): ConfChangeEntry {
  const context = Buffer.from(promotionJson(memberId));
  return { id, type: ConfChangeType.ADD_NODE, nodeId: memberId, context };
}

export function removalOf(memberId: bigint, id: bigint): ConfChangeEntry {
  return { id, type: ConfChangeType.REMOVE_NODE, nodeId: memberId, context: EMPTY_BYTES };
}

/** Only the URLs in `member` count; nothing else of it changes. */
export function updateOf(member: Member, id: bigint): ConfChangeEntry {
  const context = Buffer.from(memberJson(member));
  return { id, type: ConfChangeType.UPDATE_NODE, nodeId: member.id, context };
}

/** Whether it names URLs that can be dialed, where it names any: others end members of etcd. */
export function isSoundChange({ type, context }: ConfChangeEntry): boolean {
  if (type === ConfChangeType.REMOVE_NODE) return true;
  const parsed = parseChangeContext(context.toString());
  return (
    parsed === undefined || parsed.member.peerUrls.every((url) => readPeerUrl(url) !== undefined)
  );
}
