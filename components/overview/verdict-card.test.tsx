// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { judge } from "@/lib/browser/verdict";
import { overviewReply } from "@/lib/schema/overview-reply.suite";
import { QuorumCard } from "./quorum-card.tsx";
import { VerdictCard } from "./verdict-card.tsx";

afterEach(cleanup);

const overview = overviewReply({ hasQuorum: true, healthyVoters: 3, canLose: 1, readLatencyMs: 1 });

function show(isStale: boolean, isChecking: boolean): void {
  cleanup();
  const standing = { overview, isStale, isChecking };
  render(<VerdictCard {...standing} verdict={judge(overview)} />);
  render(<QuorumCard {...standing} />);
}

test("while the next look is awaited the cards say when the last one was", () => {
  show(false, false);
  screen.getByText("Healthy");
  screen.getByText(/^Linearizable read in/);
  show(true, true);
  screen.getByText("Checking…");
  expect(screen.getAllByText(/Last seen/)).toHaveLength(2);
  expect(screen.queryByText("Healthy")).toBeNull();
  expect(screen.queryByText(/^Linearizable read in/)).toBeNull();
  show(true, false);
  screen.getByText("Not known now");
  expect(screen.queryByText(/Last seen/)).toBeNull();
});
