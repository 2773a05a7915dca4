// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { OverviewNews } from "@/components/shell/use-overview";
import { overviewReply } from "@/lib/schema/overview-reply.suite";
import { ClusterPulse } from "./cluster-pulse.tsx";

let news: OverviewNews;
vi.mock("@/components/shell/use-overview", () => ({ useOverview: () => news }));
vi.mock("@/components/shell/cluster", () => ({
  useCluster: () => "local",
  useConnection: () => undefined,
  useAreaHref: () => (area: string) => `/${area}`,
}));

afterEach(cleanup);

const overview = overviewReply({ hasQuorum: true, healthyVoters: 3, canLose: 1 });
const pulse = () => render(<ClusterPulse />);

test("a look that is too old is not told as of now, nor as a failure", () => {
  news = { overview, silence: null, isOld: false };
  pulse();
  screen.getByText("Healthy");
  expect(screen.queryByText(/Last seen/)).toBeNull();
  cleanup();
  news = { overview, silence: null, isOld: true };
  pulse();
  screen.getByText("Checking…");
  screen.getByText(/Last seen/);
  expect(screen.queryByText("Healthy")).toBeNull();
  cleanup();
  news = { overview, silence: "The console does not answer.", isOld: true };
  pulse();
  screen.getByText("The console does not answer.");
  screen.getByText(/Last seen/);
  expect(screen.queryByText("Checking…")).toBeNull();
});
