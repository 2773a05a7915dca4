import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import type { Replica } from "../replica/replica.ts";
import type { Transport } from "../transport/transport.ts";

/** How long a stopping leader waits for its successor. */
const HANDOVER_MS = 1500;
const POLL_MS = 20;

export interface HandoverParts {
  readonly replica: Pick<Replica, "isLeader" | "leadership" | "withRaft">;
  readonly state: Pick<ReplicatedState, "membership">;
  readonly transport: Pick<Transport, "activeSince">;
  readonly clock: Clock;
  readonly log: Log;
}

/** A leader that goes names its successor, so that the cluster does not wait for an election. */
export async function handOverLeadership(parts: HandoverParts): Promise<void> {
  const { replica, state, clock, log } = parts;
  const local = { "local-member-id": hexId(state.membership.memberId) };
  const leader = hexId(replica.leadership.leader);
  const skipped = reasonToSkip(parts);
  if (skipped !== undefined) {
    log.info(`skipped leadership transfer${skipped}`, {
      ...local,
      "current-leader-member-id": leader,
    });
    return;
  }
  const failed = (code: "Unhealthy" | "LeaderTransferTimeout") =>
    log.warn("leadership transfer failed", { ...local, error: new EtcdError(code) });
  const successor = longestConnectedVoter(parts);
  if (successor === undefined) {
    failed("Unhealthy");
    return;
  }
  const transferee = hexId(successor);
  log.info("leadership transfer starting", {
    ...local,
    "current-leader-member-id": leader,
    "transferee-member-id": transferee,
  });
  replica.withRaft((raft) => void raft.transferLeader(successor));
  const startedMs = clock.monotonic();
  const isUndecided = () => replica.isLeader || !replica.leadership.hasLeader;
  while (isUndecided() && clock.monotonic() - startedMs < HANDOVER_MS) {
    await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
  }
  if (replica.leadership.leader !== successor) failed("LeaderTransferTimeout");
  else {
    log.info("leadership transfer finished", {
      ...local,
      "old-leader-member-id": leader,
      "new-leader-member-id": transferee,
      took: formatMs(clock.monotonic() - startedMs),
    });
  }
}

/** In etcd's words; `undefined`: this member leads others. */
function reasonToSkip({ replica, state }: HandoverParts): string | undefined {
  if (!replica.isLeader) return "; local server is not leader";
  const voters = state.membership.members.filter(({ isLearner }) => !isLearner);
  return voters.length > 1 ? undefined : " for single voting member cluster";
}

function longestConnectedVoter({ state, transport }: HandoverParts): bigint | undefined {
  const { members, memberId } = state.membership;
  let best: { id: bigint; sinceMs: number } | undefined;
  for (const { id, isLearner } of members) {
    const sinceMs = transport.activeSince(id);
    if (id === memberId || isLearner || sinceMs === undefined) continue;
    if (best === undefined || sinceMs < best.sinceMs) best = { id, sinceMs };
  }
  return best?.id;
}
