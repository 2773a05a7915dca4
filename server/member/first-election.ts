import type { Clock } from "../base/clock.ts";
import type { Membership } from "../membership/membership.ts";
import type { Replica } from "../replica/replica.ts";

const POLL_MS = 50;
const GIVE_UP_MS = 5000;

export interface FirstElectionParts {
  readonly clock: Clock;
  readonly membership: Membership;
  readonly replica: Replica;
  readonly activeSince: (id: bigint) => number | undefined;
  readonly electionTicks: number;
}

/**
 * Before the first election a start may skip the silence that a running cluster would have had: a
 * lone voter need not wait for any; one of several, for less, once it sees any other.
 */
export function hastenFirstElection(parts: FirstElectionParts): void {
  const { clock, membership, replica, activeSince, electionTicks } = parts;
  const deadlineMs = clock.monotonic() + GIVE_UP_MS;
  const attempt = (): void => {
    const { members, memberId } = membership;
    const others = members.filter(({ id }) => id !== memberId);
    const isAnyActive = others.some(({ id }) => activeSince(id) !== undefined);
    if (members.length === 1 && others.length === 0) {
      replica.withRaft((raft) => raft.campaign());
    } else if (isAnyActive) {
      replica.withRaft((raft) => {
        for (let tick = 0; tick < electionTicks - 2; tick++) raft.tick();
      });
    } else if (clock.monotonic() < deadlineMs) clock.after(POLL_MS, attempt);
  };
  attempt();
}
