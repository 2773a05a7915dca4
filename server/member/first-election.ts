import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log, LogFields } from "../base/log.ts";
import type { Membership } from "../membership/membership.ts";
import type { Replica } from "../replica/replica.ts";
import type { ReplicaTiming } from "../replica/replica-parts.ts";

const POLL_MS = 50;
const GIVE_UP_MS = 5000;

export interface FirstElectionParts {
  readonly clock: Clock;
  readonly membership: Membership;
  readonly replica: Replica;
  readonly activeSince: (id: bigint) => number | undefined;
  readonly timing: ReplicaTiming;
  readonly log: Log;
}

/**
 * Before the first election a start may skip the silence that a running cluster would have had: a
 * lone voter need not wait for any; one of several, for less, once it sees any other.
 */
export function hastenFirstElection(parts: FirstElectionParts): void {
  const { clock, membership, replica, activeSince, timing, log } = parts;
  const { electionTicks } = timing;
  const deadlineMs = clock.monotonic() + GIVE_UP_MS;
  let isAnnounced = false;
  const attempt = (): void => {
    const { members, memberId } = membership;
    const others = members.filter(({ id }) => id !== memberId);
    const active = others.filter(({ id }) => activeSince(id) !== undefined).length;
    if (members.length === 1 && others.length === 0) {
      const fields = ticksSkipped(memberId, electionTicks, timing);
      log.info("started as single-node; fast-forwarding election ticks", fields);
      replica.withRaft((raft) => raft.campaign());
      return;
    }
    if (others.length > 0 && !isAnnounced) {
      log.info("starting initial election tick advance", { "election-ticks": electionTicks });
      isAnnounced = true;
    }
    if (active > 0) {
      log.info("initialized peer connections; fast-forwarding election ticks", {
        ...ticksSkipped(memberId, electionTicks - 2, timing),
        "active-remote-members": active,
      });
      replica.withRaft((raft) => {
        for (let tick = 0; tick < electionTicks - 2; tick++) raft.tick();
      });
    } else if (clock.monotonic() < deadlineMs) clock.after(POLL_MS, attempt);
  };
  attempt();
}

function ticksSkipped(
  memberId: bigint,
  ticks: number,
  { electionTicks, heartbeatMs }: ReplicaTiming,
): LogFields {
  return {
    "local-member-id": hexId(memberId),
    "forward-ticks": ticks,
    "forward-duration": formatMs(ticks * heartbeatMs),
    "election-ticks": electionTicks,
    "election-timeout": formatMs(electionTicks * heartbeatMs),
  };
}
