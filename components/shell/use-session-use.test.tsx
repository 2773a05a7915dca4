// @vitest-environment happy-dom
import { cleanup, fireEvent, renderHook } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { clearSessionEnd, reportSessionEnd } from "@/lib/browser/session-end";
import { keepInUse, USE_TOLD_EVERY_MS } from "@/lib/browser/session-use";
import { useSessionUse } from "./use-session-use.ts";

let asked: string[] = [];

// One clock for all: when something was last told outlasts a test.
beforeAll(() => void vi.useFakeTimers());
afterAll(() => void vi.useRealTimers());
beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return Response.json({ user: { name: "admin" }, expires: "" });
  });
  // Nothing was told within the last minute.
  vi.advanceTimersByTime(USE_TOLD_EVERY_MS);
});
afterEach(() => {
  cleanup();
  clearSessionEnd();
  vi.unstubAllGlobals();
});

test("somebody at work uses the session, told at most once a minute", () => {
  renderHook(() => useSessionUse());
  expect(asked).toEqual([]);
  for (let second = 0; second < 60; second++) {
    fireEvent.keyDown(document.body, { key: "a" });
    fireEvent.wheel(document.body);
    vi.advanceTimersByTime(1_000);
  }
  expect(asked).toEqual(["/api/session"]);
  fireEvent.pointerDown(document.body);
  expect(asked).toHaveLength(2);
  vi.advanceTimersByTime(10 * USE_TOLD_EVERY_MS);
  expect(asked).toHaveLength(2);
});

test("a pointer at rest is nobody at work", () => {
  renderHook(() => useSessionUse());
  const move = (movementX: number) =>
    fireEvent(
      document.body,
      Object.assign(new Event("pointermove", { bubbles: true }), { movementX, movementY: 0 }),
    );
  move(0);
  expect(asked).toEqual([]);
  move(3);
  expect(asked).toEqual(["/api/session"]);
});

test("work that runs uses the session until it ends", () => {
  const end = keepInUse();
  vi.advanceTimersByTime(5 * USE_TOLD_EVERY_MS);
  expect(asked).toHaveLength(5);
  end();
  vi.advanceTimersByTime(5 * USE_TOLD_EVERY_MS);
  expect(asked).toHaveLength(5);
});

test("a session that has ended is not told of anything", () => {
  renderHook(() => useSessionUse());
  reportSessionEnd();
  fireEvent.keyDown(document.body, { key: "a" });
  expect(asked).toEqual([]);
});
