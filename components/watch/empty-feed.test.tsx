// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { WatchTarget } from "@/components/watch/watch-address";
import type { FeedView } from "@/lib/browser/feed-view";
import { ALL_KEYS } from "@/lib/browser/watch-range";
import { EmptyFeed } from "./empty-feed.tsx";

afterEach(cleanup);

const VIEW: FeedView = {
  rows: [],
  received: 0,
  dropped: 0,
  isAllHidden: false,
  isCleared: false,
  isPaused: false,
  waiting: 0,
  isHeld: false,
  stream: { phase: "open" },
  trouble: null,
  isLinkLost: false,
  position: "7",
  catchingUpTo: null,
  startsAhead: null,
};

function text(view: Partial<FeedView>, target: Partial<WatchTarget> = {}): string | null {
  const whole = { cluster: "local", range: ALL_KEYS, revision: undefined, only: undefined };
  const props = { target: { ...whole, ...target }, onRetry: () => undefined };
  return render(<EmptyFeed view={{ ...VIEW, ...view }} {...props} />).container.textContent;
}

test("events that wait behind a pause are not said to be filtered out", () => {
  expect(text({ isPaused: true, received: 2, waiting: 2 })).toBe(
    "Paused2 rows wait behind the pause. Resume to see them.",
  );
  expect(text({ received: 2, isAllHidden: true })).toContain("No event fits the filter");
});

test("a feed that was cleared does not say that nothing has changed", () => {
  const cleared = text({ isCleared: true }, { revision: "5" });
  expect(cleared).toBe("ClearedNothing has come since. The watch goes on.");
});

test("a watch of one kind of change speaks of that kind alone", () => {
  expect(text({}, { revision: "5", only: "delete" })).toBe(
    "Nothing has been deleted yetNothing has been deleted since revision 5. Puts are not received.",
  );
  expect(text({}, { only: "put" })).toBe(
    "Nothing has been put yetWaiting for the next put. Deletes are not received.",
  );
  expect(text({}, { revision: "5" })).toBe(
    "Nothing has changed yetNothing has changed since revision 5.",
  );
});

test("what is still being read is not said to be nothing", () => {
  expect(text({ catchingUpTo: "9000" }, { revision: "5" })).toBe(
    "Catching upReading up to revision 9,000. Nothing to show has come yet.",
  );
});

test("events are said to be coming only while the watch is open as far as etcd", () => {
  const coming = /still being received/;
  const broken = { phase: "waiting", retryInMs: 500, reason: "The stream ended." } as const;
  expect(text({ isAllHidden: true })).toMatch(coming);
  for (const cut of [{ isLinkLost: true }, { isHeld: true }, { stream: broken }]) {
    const said = text({ isAllHidden: true, ...cut });
    expect(said).not.toMatch(coming);
    expect(said).toContain("None are being received now.");
  }
});
