// @vitest-environment happy-dom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EventStream, StreamSink, StreamTarget } from "@/lib/browser/event-stream";
import { useIsPageKept } from "@/lib/browser/kept-page";
import { RequestError } from "@/lib/browser/request";
import { clearSessionEnd, reportSessionEnd } from "@/lib/browser/session-end";
import { ALL_KEYS } from "@/lib/browser/watch-range";
import { HIDDEN_HOLD_MS, useFeed, useFeedKept } from "./use-feed.ts";

const console = vi.hoisted(() => ({
  asked: [] as (string | undefined)[],
  query: undefined as StreamTarget["query"] | undefined,
  open: 0,
  sink: undefined as StreamSink | undefined,
}));

vi.mock("@/lib/browser/event-stream", () => ({
  openStream: (target: StreamTarget, sink: StreamSink): EventStream => {
    console.asked.push(target.lastId);
    console.query = target.query;
    console.open += 1;
    console.sink = sink;
    return { close: () => void (console.open -= 1) };
  },
}));

const HISTORY = { clusterId: "8", raftTerm: "4" };
const TARGET = { cluster: "local", range: ALL_KEYS, revision: undefined, only: undefined };

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(console, { asked: [], open: 0 });
});
afterEach(() => {
  cleanup();
  clearSessionEnd();
  Reflect.deleteProperty(document, "hidden");
  vi.useRealTimers();
});

function pass(ms: number): Promise<void> {
  return act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
}

function hide(isHidden: boolean): void {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
}

/** A feed that has come to revision 5. */
function begun() {
  const { result, unmount } = renderHook(() => useFeed(TARGET));
  console.sink?.state({ phase: "open" });
  console.sink?.messages([
    { event: "open", data: JSON.stringify({ from: "6", revision: "5", ...HISTORY }), id: "5" },
  ]);
  return { feed: result.current, unmount };
}

test("a tab that nobody sees lets its connection go, and goes on where it was", async () => {
  begun();
  hide(true);
  await pass(HIDDEN_HOLD_MS - 1);
  expect(console.open).toBe(1);
  await pass(1);
  expect(console.open).toBe(0);
  hide(false);
  await pass(0);
  expect(console.open).toBe(1);
  expect(console.asked).toEqual([undefined, "5"]);
});

test("a stream that goes on names the history of what was received", async () => {
  renderHook(() => useFeed(TARGET));
  expect(console.query?.()).toEqual({ prefix: "" });
  cleanup();
  begun();
  expect(console.query?.()).toEqual({ prefix: "", ...HISTORY });
});

test("a page that is left while its tab is hidden opens nothing later", async () => {
  const { unmount } = begun();
  hide(true);
  await pass(HIDDEN_HOLD_MS);
  unmount();
  hide(false);
  await pass(HIDDEN_HOLD_MS);
  expect(console.open).toBe(0);
});

test("a watch that was refused for want of a session goes on once there is one", () => {
  const { feed } = begun();
  act(reportSessionEnd);
  const error = new RequestError("unauthenticated", "sign in first", 401);
  console.sink?.state({ phase: "refused", error });
  expect(feed.view().stream.phase).toBe("refused");
  expect(console.asked).toHaveLength(1);
  act(clearSessionEnd);
  expect(console.asked).toEqual([undefined, "5"]);
  expect(console.open).toBe(1);
});

test("a watch that runs is not opened anew when the session of another request is back", () => {
  begun();
  act(reportSessionEnd);
  act(clearSessionEnd);
  expect(console.asked).toHaveLength(1);
});

test("a page whose events are filtered out or wait behind the pause is kept over a sign-in", () => {
  const { feed } = begun();
  const none = { ...feed.view(), rows: [], waiting: 0, isAllHidden: false };
  const { result: isKept } = renderHook(() => useIsPageKept());
  const { rerender } = renderHook(useFeedKept, { initialProps: none });
  expect(isKept.current).toBe(false);
  for (const held of [{ isAllHidden: true }, { waiting: 2 }]) {
    rerender({ ...none, ...held });
    expect(isKept.current).toBe(true);
    rerender(none);
    expect(isKept.current).toBe(false);
  }
});
