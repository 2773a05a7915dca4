// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { OverviewReply } from "@/lib/schema/overview";
import { QuorumCard } from "./quorum-card.tsx";

afterEach(cleanup);

const ERROR = { code: "timeout", message: "no answer in time" } as const;

/** Three voters of which so many follow the leader, and a read that failed. */
function overview(healthyVoters: number): OverviewReply {
  return {
    clusterId: "9",
    checkedAt: "2026-01-01T00:00:00.000Z",
    ageMs: 0,
    slowAboveMs: 500,
    revision: "5",
    raftTerm: "2",
    leaderId: "1",
    quorum: {
      hasQuorum: false,
      voters: 3,
      healthyVoters,
      needed: 2,
      canLose: 0,
      canLoseAtBest: 1,
      readLatencyMs: null,
      error: ERROR,
    },
    members: [],
    membership: { source: "live", ageMs: 0 },
    alarms: [],
  };
}

test("writes are said to be lost only where the quorum is known to be", () => {
  const { rerender } = render(<QuorumCard overview={overview(1)} isStale={false} />);
  expect(screen.getByText("Lost")).toBeDefined();
  expect(screen.getByText("no writes")).toBeDefined();
  rerender(<QuorumCard overview={overview(2)} isStale={false} />);
  expect(screen.getByText("Unknown")).toBeDefined();
  expect(screen.getByText("A linearizable read failed")).toBeDefined();
  expect(screen.queryByText("no writes")).toBeNull();
});
