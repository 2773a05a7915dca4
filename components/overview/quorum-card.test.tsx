// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { overviewReply } from "@/lib/schema/overview-reply.suite";
import { QuorumCard } from "./quorum-card.tsx";

afterEach(cleanup);

const ERROR = { code: "timeout", message: "no answer in time" } as const;

/** Three voters of which so many follow the leader, and a read that failed. */
const overview = (healthyVoters: number) => overviewReply({ healthyVoters, error: ERROR });

test("writes are said to be lost only where the quorum is known to be", () => {
  const { rerender } = render(
    <QuorumCard overview={overview(1)} isStale={false} isChecking={false} />,
  );
  expect(screen.getByText("Lost")).toBeDefined();
  expect(screen.getByText("no writes")).toBeDefined();
  rerender(<QuorumCard overview={overview(2)} isStale={false} isChecking={false} />);
  expect(screen.getByText("Unknown")).toBeDefined();
  expect(screen.getByText("A linearizable read failed")).toBeDefined();
  expect(screen.queryByText("no writes")).toBeNull();
});
