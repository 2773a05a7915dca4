import type { OverviewReply } from "./overview.ts";

/** A look of now at three voters without a quorum, but for what is given. */
export function overviewReply(quorum: Partial<OverviewReply["quorum"]>): OverviewReply {
  return {
    clusterId: "1",
    checkedAt: new Date().toISOString(),
    ageMs: 0,
    slowAboveMs: 500,
    revision: "5",
    raftTerm: "2",
    leaderId: "1",
    quorum: {
      hasQuorum: false,
      voters: 3,
      healthyVoters: 1,
      needed: 2,
      canLose: 0,
      canLoseAtBest: 1,
      readLatencyMs: null,
      error: null,
      ...quorum,
    },
    members: [],
    membership: { source: "live", ageMs: 0 },
    alarms: [],
  };
}
