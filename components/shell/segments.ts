import type { RingSegment, SegmentState } from "@/components/ui/quorum-ring";
import type { MemberHealth, OverviewReply } from "@/lib/schema/overview";

const states: Record<MemberHealth, SegmentState> = {
  up: "up",
  slow: "slow",
  timeout: "down",
  unreachable: "down",
  error: "down",
  unstarted: "down",
};

/** Voting members in a fixed order. Old data keeps its shape and loses its colour. */
export function segmentsOf(overview: OverviewReply, isStale: boolean): RingSegment[] {
  return overview.members
    .filter((member) => !member.isLearner)
    .map((member) => ({
      id: `${member.id}${member.endpoint ?? ""}`,
      state: isStale ? "unknown" : states[member.health],
    }));
}
