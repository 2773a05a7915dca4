import { hexId } from "../base/bytes.ts";
import type { RaftStatus } from "../raft/ready.ts";
import type { Replica } from "../replica/replica.ts";
import { processFigures } from "./process-figures.ts";

const ROLES: Readonly<Record<RaftStatus["role"], string>> = {
  follower: "StateFollower",
  preCandidate: "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};
const PROGRESS = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
} as const;

/** What `/debug/vars` shows, under etcd's names; of memory, what Node has in place of Go's. */
export function debugVars(replica: Replica): Readonly<Record<string, unknown>> {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  return {
    cmdline: process.argv,
    file_descriptor_limit: processFigures().openFilesMax ?? 0,
    memstats: {
      Alloc: heapUsed + external,
      Sys: rss,
      HeapAlloc: heapUsed,
      HeapSys: heapTotal,
      OtherSys: external,
    },
    "raft.status": raftStatus(replica),
  };
}

function raftStatus(replica: Replica): unknown {
  let status: RaftStatus | undefined;
  replica.withRaft((raft) => {
    status = raft.status();
  });
  if (status === undefined) return {};
  const { id, term, vote, commit, leader, role, progress, leadTransferee } = status;
  const others = progress.map(({ id: member, match, next, state }) => {
    return [hexId(member), { match, next, state: PROGRESS[state] }] as const;
  });
  return {
    id: hexId(id),
    term,
    vote: hexId(vote),
    commit,
    lead: hexId(leader),
    raftState: ROLES[role],
    applied: replica.appliedIndex,
    progress: Object.fromEntries(others),
    leadtransferee: hexId(leadTransferee),
  };
}
