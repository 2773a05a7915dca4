// @vitest-environment happy-dom
import { cleanup, render, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { OverviewNews } from "@/components/shell/use-overview";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { overviewReply } from "@/lib/schema/overview-reply.suite";
import { Caveats } from "./caveats.tsx";
import { useStanding } from "./use-standing.ts";

let news: OverviewNews;
vi.mock("@/components/shell/use-overview", () => ({ useOverview: () => news }));

afterEach(cleanup);

const error = (code: "timeout" | "etcd-unauthenticated") => ({
  code,
  message: "no answer",
  requestId: "1",
});

function without(
  healthyVoters: number,
  code: "timeout" | "etcd-unauthenticated",
  silence: string | null = null,
) {
  const overview = overviewReply({ healthyVoters, error: error(code) });
  news = { overview, silence, isOld: false };
  const standing = renderHook(() => useStanding("local")).result.current;
  const address = {
    cluster: "local",
    separator: encodeUtf8("/"),
    key: undefined,
    folder: undefined,
    revision: undefined,
  };
  const location = {
    address,
    problem: null,
    go: () => undefined,
    show: () => undefined,
    close: () => undefined,
  };
  const view = { rows: [], revision: "5", onlyMember: null, count: 1, isRefreshing: false };
  const text = render(
    <Caveats location={location} problem={null} view={view} standing={standing} />,
  ).container.textContent;
  return { refusal: standing.refusal, text };
}

test("a lost quorum is named, and refuses every write", () => {
  const { refusal, text } = without(1, "timeout");
  expect(refusal).toBe("Nothing can be written while the cluster has no quorum.");
  expect(text).toContain("The cluster has no quorum: what is shown may be old");
});

test("a failed read is no lost quorum: it warns, and writes may be tried", () => {
  for (const silence of [null, "The console does not answer."]) {
    const { refusal, text } = without(3, "timeout", silence);
    expect(refusal).toBeNull();
    expect(text).toContain("A linearizable read failed: what is shown may be old");
    expect(text).toContain(silence ?? "Writes may fail too.");
    expect(text).not.toMatch(/no quorum|Nothing can be written/);
    cleanup();
  }
});

test("refused credentials refuse writes by their own name", () => {
  const { refusal, text } = without(3, "etcd-unauthenticated");
  expect(refusal).toBe("etcd refuses the console's user.");
  expect(text).toContain("etcd refuses the console's user: what is shown may be old");
  expect(text).not.toMatch(/no quorum|Nothing can be written/);
});
