import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Replica } from "../replica/replica.ts";
import type { Transport } from "../transport/transport.ts";

/** How long a stopping leader waits for its successor. */
const HANDOVER_MS = 1500;
const POLL_MS = 20;

export interface HandoverParts {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
}

/** A leader that goes names its successor, so that the cluster does not wait for an election. */
export async function handOverLeadership(parts: HandoverParts): Promise<void> {
  const { replica, state, clock, log } = parts;
  const successor = longestConnectedVoter(parts);
  if (!replica.isLeader || successor === undefined) return;
  log.info("leadership transfer starting", {
    "local-member-id": hexId(state.membership.memberId),
    "transferee-member-id": hexId(successor),
  });
  replica.withRaft((raft) => void raft.transferLeader(successor));
  const deadlineMs = clock.monotonic() + HANDOVER_MS;
  while (replica.isLeader && clock.monotonic() < deadlineMs) {
    await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
  }
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
