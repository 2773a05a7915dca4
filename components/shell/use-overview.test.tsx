// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useStanding } from "@/components/keys/use-standing";
import { overviewReply } from "@/lib/schema/overview-reply.suite";
import { useOverview } from "./use-overview.ts";

const overview = (hasQuorum: boolean) => ({
  ...overviewReply({ hasQuorum, healthyVoters: hasQuorum ? 3 : 1 }),
  leaderId: null,
});

let looks = 0;
/** Looks are answered with this; undefined hangs. */
let answer: (() => Response) | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (_: string, { signal }: { signal: AbortSignal }) => {
    looks += 1;
    if (answer !== undefined) return answer();
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
});
afterEach(() => {
  cleanup();
  Reflect.deleteProperty(document, "hidden");
  Reflect.deleteProperty(document, "visibilityState");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function pass(ms: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(ms));
}

function hide(isHidden: boolean): void {
  const visibilityState = isHidden ? "hidden" : "visible";
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  Object.defineProperty(document, "visibilityState", {
    value: visibilityState,
    configurable: true,
  });
  act(() => void document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
}

async function watched(hasQuorum: boolean) {
  answer = () => Response.json(overview(hasQuorum));
  const client = new QueryClient({ defaultOptions: { queries: { networkMode: "always" } } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(
    () => ({ news: useOverview("local"), standing: useStanding("local") }),
    { wrapper },
  );
  await pass(10);
  return result;
}

test("a look that nothing follows is not taken for the present", async () => {
  const result = await watched(true);
  await pass(60_000);
  expect(result.current.news.silence).toBeNull();
  answer = undefined;
  await pass(11_000);
  expect(result.current.news.silence).toBeNull();
  await pass(3_000);
  expect(result.current.news.silence).toBe("The console does not answer.");
  expect(result.current.news.overview?.revision).toBe("5");
  answer = () => Response.json(overview(true));
  await pass(30_000);
  expect(result.current.news.silence).toBeNull();
});

test("a look from before the tab was hidden says nothing of now until the next one comes", async () => {
  const result = await watched(true);
  expect(result.current.news.isOld).toBe(false);
  hide(true);
  await pass(60_000);
  hide(false);
  expect(result.current.news.isOld).toBe(true);
  await pass(10);
  expect(result.current.news.isOld).toBe(false);
});

test("a refusal stands while nobody can say that its cause is gone", async () => {
  const result = await watched(false);
  expect(result.current.standing.refusal).toBe(
    "Nothing can be written while the cluster has no quorum.",
  );
  answer = () => {
    throw new TypeError("Failed to fetch");
  };
  await pass(3_000);
  expect(result.current.standing).toMatchObject({
    hasQuorum: false,
    silence: "The console does not answer.",
    refusal: expect.stringMatching(/When last looked at, at [\d:.]+, the cluster had no quorum\.$/),
  });
  answer = () => Response.json(overview(true));
  await pass(3_000);
  expect(result.current.standing).toMatchObject({ hasQuorum: true, refusal: null });
});

test("a console that was not asked by a hidden tab is not said to be silent", async () => {
  const result = await watched(true);
  hide(true);
  await pass(60_000);
  const before = looks;
  await pass(60_000);
  expect(looks).toBe(before);
  expect(result.current.news).toMatchObject({ silence: null, isOld: true });
  answer = undefined;
  hide(false);
  expect(result.current.news).toMatchObject({ silence: null, isOld: true });
  await pass(10);
  expect(looks).toBe(before + 1);
  expect(result.current.news.silence).toBeNull();
  await pass(11_000);
  expect(result.current.news.silence).toBeNull();
  await pass(2_000);
  expect(result.current.news.silence).toBe("The console does not answer.");
});
