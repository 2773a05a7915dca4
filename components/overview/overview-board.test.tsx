// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { OverviewNews } from "@/components/shell/use-overview";
import { overviewQuery } from "@/lib/browser/clusters";
import { overviewReply } from "@/lib/schema/overview-reply.suite";
import { OverviewBoard } from "./overview-board.tsx";

let news: OverviewNews;
vi.mock("@/components/shell/use-overview", () => ({ useOverview: () => news }));
vi.mock("@/components/shell/cluster", () => ({ useCluster: () => "local" }));

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const overview = overviewReply({ hasQuorum: true, healthyVoters: 3, canLose: 1 });

/** The board over an old look, while the next one hangs. */
function show(silence: string | null): void {
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  news = { overview, silence, isOld: true };
  const client = new QueryClient();
  client.setQueryData(overviewQuery("local").queryKey, { overview, known: {} });
  render(
    <QueryClientProvider client={client}>
      <OverviewBoard />
    </QueryClientProvider>,
  );
}

test("a console that does not answer is said to be silent, not to be checking", () => {
  show(null);
  screen.getByText("Checking…");
  expect(screen.queryByRole("alert")).toBeNull();
  cleanup();
  show("The console does not answer.");
  screen.getByText("Not known now");
  expect(screen.getByRole("alert").textContent).toContain("The console does not answer.");
  expect(screen.queryByText("Checking…")).toBeNull();
});
