// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { FeedView } from "@/lib/browser/feed-view";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { WatchFeed } from "@/lib/browser/watch-feed";
import { encodeBase64 } from "@/lib/schema/bytes";
import { EventTable } from "./event-table.tsx";

/** Where there is no layout, all rows are in view. */
vi.mock("@tanstack/react-virtual", () => ({
  useVirtualizer: ({ count }: { count: number }) => ({
    getTotalSize: () => 0,
    getVirtualItems: () => Array.from({ length: count }, (_, index) => ({ index, start: 0 })),
    scrollToIndex: () => undefined,
  }),
}));

afterEach(cleanup);

function viewOf(...names: string[]): FeedView {
  const feed = new WatchFeed((_, sink) => {
    const events = names.map((name) => {
      return { type: "delete", key: encodeBase64(encodeUtf8(name)), kv: null, previous: null };
    });
    const change = { revision: "5", receivedAt: "2026-01-01T00:00:00.000Z", part: 0, isLast: true };
    sink.messages([{ event: "change", data: JSON.stringify({ ...change, events }), id: "5" }]);
    return { close: () => undefined };
  });
  feed.start();
  feed.stop();
  return feed.view();
}

function shown() {
  const onChoose = vi.fn();
  render(<EventTable view={viewOf("a", "b")} chosen={null} onChoose={onChoose} />);
  const chosen = () => onChoose.mock.calls.map(([row]) => atob(row.key));
  return { row: screen.getByText("a"), chosen };
}

test("a row is chosen when it is pressed: on release another may be under the pointer", () => {
  const { row, chosen } = shown();
  fireEvent.pointerDown(row, { button: 0, pointerType: "mouse" });
  expect(chosen()).toEqual(["a"]);
});

test("a finger that scrolls and another button choose nothing", () => {
  const { row, chosen } = shown();
  fireEvent.pointerDown(row, { button: 0, pointerType: "touch" });
  fireEvent.pointerDown(row, { button: 2, pointerType: "mouse" });
  expect(chosen()).toEqual([]);
});

test("a click without a press, as of a screen reader, chooses a row, and so do the arrow keys", () => {
  const { row, chosen } = shown();
  fireEvent.click(row);
  fireEvent.keyDown(screen.getByRole("grid"), { key: "ArrowDown" });
  expect(chosen()[0]).toBe("a");
  expect(chosen()).toHaveLength(2);
});
