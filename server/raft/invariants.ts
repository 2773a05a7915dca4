import { assert } from "../base/assert.ts";
import type { Core } from "./core.ts";
import type { RoleName } from "./ready.ts";

/** The numbers of a member that the invariants speak of, at one moment. */
export interface Summary {
  readonly role: RoleName;
  readonly term: number;
  readonly vote: bigint;
  readonly leader: bigint;
  readonly firstIndex: number;
  readonly applied: number;
  readonly taken: number;
  readonly committed: number;
  readonly stable: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

export function summarize(core: Core, role: RoleName): Summary {
  const { log } = core;
  return {
    role,
    term: core.term,
    vote: core.vote,
    leader: core.leader,
    firstIndex: log.firstIndex,
    applied: log.applied,
    taken: log.taken,
    committed: log.committed,
    stable: log.stable,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
  };
}

/** What holds at every moment. Cheap: checked before anything is handed out. */
export function checkBasic(core: Core, role: RoleName): void {
  const { log } = core;
  assert(log.applied <= log.taken, "applied what was not handed out");
  assert(log.taken <= log.committed, "handed out what is not committed");
  assert(log.taken <= log.stable, "handed out what is not durable");
  assert(log.committed <= log.lastIndex, "committed beyond the log");
  assert(log.stable <= log.lastIndex, "durable beyond the log");
  assert(log.lastTerm <= core.term, "the log holds entries of a later term");
  assert(core.durableTerm <= core.term, "the disk holds a later term");
  if (role === "leader") {
    assert(core.leader === core.id, "a leader follows itself");
    assert(log.lastTerm === core.term, "a leader's log ends in its own term");
    assert(log.pendingSnapshot === undefined, "a leader installs no snapshot");
  } else {
    assert(core.leader !== core.id, "only a leader leads");
  }
  if (role === "candidate") assert(core.vote === core.id, "a candidate votes for itself");
  if (role === "preCandidate") assert(core.leader === 0n, "a pre-candidate knows no leader");
}

/** What holds between two moments of one life of a member. */
export function checkDelta(before: Summary, after: Summary): void {
  assert(after.term >= before.term, "the term fell");
  assert(after.committed >= before.committed, "a commit was taken back");
  assert(after.applied >= before.applied, "the applied index fell");
  assert(after.taken >= before.taken, "an entry was handed out twice");
  assert(after.firstIndex >= before.firstIndex, "forgotten entries came back");
  if (after.term > before.term) return;
  const keepsVote = before.vote === 0n || after.vote === before.vote;
  assert(keepsVote, "the vote changed within a term");
  const keepsLeader = before.leader === 0n || after.leader === 0n || after.leader === before.leader;
  assert(keepsLeader, "a term has two leaders");
  if (before.role === "leader" && after.role === "leader") {
    assert(after.lastIndex >= before.lastIndex, "a leader shortened its log");
  }
}
