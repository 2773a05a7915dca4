// `--force-new-cluster`: a member goes on alone with the data that it has, when the others are lost
// for good. What was not committed is dropped; that all others are removed is written behind what
// was, as if it had been agreed on, so that a restart without the flag finds it there.
import { hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { removalOf } from "../membership/conf-changes.ts";
import { decodeConfChange, encodeConfChange } from "../proto/conf-codec.ts";
import { ConfChangeType, type ConfState, type Entry, EntryType } from "../raft/entry.ts";
import type { RaftStart } from "../raft/ready.ts";
import type { Bootstrap } from "../replica/bootstrap.ts";
import type { Wal } from "../wal/wal.ts";
import { RecoveryError } from "./recovered-log.ts";

/**
 * A member that is new or has just joined starts as it would without the flag.
 * @param start what raft would start from
 * @throws RecoveryError when this member has no vote in its cluster
 */
export async function startAlone(
  wal: Wal,
  start: RaftStart,
  { kind, metadata: { memberId } }: Pick<Bootstrap, "kind" | "metadata">,
  log: Log,
): Promise<RaftStart> {
  if (kind !== "restarted") return start;
  const { hardState, snapshot, applied } = start;
  const commit = Math.max(hardState.commit, applied);
  const kept = start.entries.slice(0, commit - snapshot.index);
  const { voters, learners } = membersAt(start.confState, kept, applied);
  if (!voters.has(memberId)) {
    throw new RecoveryError(
      `member ${hexId(memberId)} has no vote in its cluster; no cluster can be made of it`,
    );
  }
  const term = Math.max(hardState.term, kept.at(-1)?.term ?? snapshot.term);
  const others = [...voters, ...learners].filter((id) => id !== memberId).sort(ascending);
  const removals = others.map((id, at) => ({
    type: EntryType.CONF_CHANGE,
    term,
    index: commit + 1 + at,
    data: encodeConfChange(removalOf(id, 0n)),
  }));
  const dropped = start.entries.length - kept.length;
  if (removals.length === 0 && dropped === 0) return start;
  const empty = { type: EntryType.NORMAL, term, index: commit + 1, data: Buffer.alloc(0) };
  const added: Entry[] = removals.length === 0 ? [empty] : removals;
  log.info("discarded uncommitted entries and removed all other members", {
    "local-member-id": hexId(memberId),
    "commit-index": commit,
    "number-of-discarded-entries": dropped,
    "removed-member-ids": others.map(hexId),
  });
  const forced = { ...hardState, term, commit: commit + added.length };
  await wal.append({ hardState: forced, entries: added, sync: true });
  return { ...start, hardState: forced, entries: [...kept, ...added] };
}

/** Whose cluster it is behind the entries that are kept. */
function membersAt(confState: ConfState, kept: readonly Entry[], applied: number) {
  const voters = new Set(confState.voters);
  const learners = new Set(confState.learners);
  for (const { type, index, data } of kept) {
    if (type !== EntryType.CONF_CHANGE || index <= applied) continue;
    const change = decodeConfChange(data);
    if (change.type === ConfChangeType.UPDATE_NODE) continue;
    voters.delete(change.nodeId);
    learners.delete(change.nodeId);
    if (change.type === ConfChangeType.ADD_NODE) voters.add(change.nodeId);
    if (change.type === ConfChangeType.ADD_LEARNER_NODE) learners.add(change.nodeId);
  }
  return { voters, learners };
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : 1;
}
