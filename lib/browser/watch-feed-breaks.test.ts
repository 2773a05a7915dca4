import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CATCH_UP_SILENCE_MS, SETTLED_AFTER_MS } from "./feed-continuity.ts";
import { RequestError } from "./request.ts";
import { BACKLOG_LIMITS } from "./watch-feed.ts";
import {
  BACK,
  change,
  failure,
  HISTORY,
  Line,
  LOST,
  opened,
  progress,
  reset,
  restored,
  WHOLE,
} from "./watch-feed-line.suite.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A line on which revision 5 has come. */
function begun(): Line {
  const line = new Line();
  line.send(opened(5, 4));
  line.put(5, "a");
  return line;
}

const WENT_BACK =
  "The cluster went back to revision 3, probably by a restore. What was written after " +
  "revision 5 in the old history does not show, nor what was written in the new one up to now.";

describe("a cluster that went back to an earlier revision", () => {
  test("is told of where the watch waits for what will not come, and watched from now on", () => {
    const line = begun();
    line.reconnect(opened(6, 3));
    expect(line.markers()).toEqual([WENT_BACK, "Connection lost: gone"]);
    expect(line.openings).toEqual([undefined, "3"]);
    line.send(opened(4, 3), change(4, ["b"]));
    expect(line.lines()).toEqual(["4 create b", "gap", "lost", "5 create a"]);
    expect(line.feed.view()).toMatchObject({ position: "4", startsAhead: null });
  });

  test("is told of where the console has begun anew already", () => {
    const line = begun();
    line.send(LOST, opened(4, 3), restored(3), change(4, ["b"]));
    expect(line.lines()).toEqual(["4 create b", "gap", "lost", "5 create a"]);
    expect(line.openings).toEqual([undefined]);
  });

  test("is none where the watch was to begin ahead of it", () => {
    const line = new Line();
    line.send(opened(8, 5));
    line.reconnect(opened(8, 4));
    expect(line.lines()).toEqual(["resumed", "lost"]);
    expect(line.feed.view().startsAhead).toEqual({ from: "8", revision: "4" });
  });
});

describe("a stream that is back", () => {
  test("has missed nothing only once all that had happened by then has come", () => {
    const line = begun();
    line.reconnect(opened(6, 9), change(7, ["b"]));
    expect(line.markers()).toEqual(["Connection lost: gone"]);
    expect(line.feed.view().catchingUpTo).toBe("9");
    line.send(reset(8, 8), change(9, ["c"]));
    expect(line.lines()).toEqual([
      "9 create c",
      "gap",
      "resumed",
      "7 create b",
      "lost",
      "5 create a",
    ]);
    expect(line.markers()[1]).toBe("Connected again behind revision 5.");
    expect(line.feed.view().catchingUpTo).toBeNull();
  });

  test.each([change(9, ["b"]), change(12, ["b"]), progress(9)])(
    "has caught up with message %#, and names where it was cut off",
    (last) => {
      const line = begun();
      line.reconnect(opened(6, 9), change(7, ["b"]), last);
      expect(line.markers()[0]).toBe(WHOLE);
      expect(line.feed.view().catchingUpTo).toBeNull();
    },
  );

  test("is not said to catch up where a member does not tell that nothing more comes", async () => {
    const line = begun();
    line.reconnect(opened(6, 9));
    await vi.advanceTimersByTimeAsync(CATCH_UP_SILENCE_MS - 1);
    expect(line.feed.view().catchingUpTo).toBe("9");
    await vi.advanceTimersByTimeAsync(1);
    expect(line.feed.view().catchingUpTo).toBeNull();
    expect(line.markers()).toHaveLength(1);
  });
});

describe("a cluster that was restored while no stream stood", () => {
  const other = { clusterId: "9", raftTerm: "2" };

  test("is told by what the stream goes on with, and is a gap", () => {
    const line = new Line();
    expect(line.history()).toBeUndefined();
    line.send(opened(5, 4), change(5, ["a"]));
    expect(line.history()).toEqual(HISTORY);
    line.reconnect(reset(6, 9), opened(10, 9, other), change(10, ["b"]));
    expect(line.lines()).toEqual(["10 create b", "gap", "resumed", "lost", "5 create a"]);
    expect(line.markers()[1]).toBe(BACK);
    expect(line.history()).toEqual(other);
  });

  test("brings all of a revision of which the old one had brought a part", () => {
    const line = begun();
    line.send(change(6, ["b"], 0, false));
    line.reconnect(reset(5, 5), opened(6, 5, other), change(6, ["c"]));
    expect(line.lines()[0]).toBe("6 create c");
  });

  test("is not looked for while the watch waits ahead of it", () => {
    const line = new Line();
    line.send(opened(9, 4));
    expect(line.history()).toBeUndefined();
    line.put(9, "a");
    expect(line.history()).toEqual(HISTORY);
  });
});

describe("a stream that the console ends", () => {
  test("is one row, however often it is opened and ended again", () => {
    const line = begun();
    line.send(failure("no"));
    for (let round = 0; round < 5; round += 1) line.reconnect(opened(6, 5), failure("no"));
    expect(line.markers()).toEqual(["no"]);
    line.reconnect(opened(6, 5), failure("another"));
    expect(line.markers()).toEqual(["another", "no"]);
  });

  test("is back once it stands for a while, or brings something", async () => {
    const line = begun();
    line.send(failure("no"));
    line.reconnect(opened(6, 5));
    await vi.advanceTimersByTimeAsync(SETTLED_AFTER_MS);
    expect(line.markers()).toEqual([WHOLE, "no"]);
    const other = begun();
    other.send(failure("no"));
    other.reconnect(opened(6, 5), change(6, ["b"]));
    expect(other.markers()).toEqual([WHOLE, "no"]);
  });
});

describe("a stream that is refused", () => {
  const ended = new RequestError("unauthenticated", "the session has ended", 401);

  test("after it had begun is a row, and goes on behind the last revision when reopened", () => {
    const line = begun();
    line.sink?.state({ phase: "refused", error: ended });
    expect(line.markers()).toEqual(["The watch was refused: the session has ended"]);
    line.feed.reopen();
    line.sink?.state({ phase: "open" });
    line.send(opened(6, 5));
    expect(line.openings).toEqual([undefined, "5"]);
    expect(line.markers()[0]).toBe(WHOLE);
  });

  test("for what has cut it off already adds no row", () => {
    const line = begun();
    line.send(failure("the session has ended"));
    line.sink?.state({ phase: "refused", error: ended });
    expect(line.markers()).toEqual(["the session has ended"]);
  });
});

describe("a tab that nobody sees", () => {
  test("lets the stream go, and shows later what came meanwhile", () => {
    const line = begun();
    line.feed.leave();
    expect(line.closed).toBe(1);
    line.feed.comeBack();
    expect(line.openings).toEqual([undefined, "5"]);
    line.sink?.state({ phase: "open" });
    line.send(opened(6, 7));
    expect(line.feed.view().catchingUpTo).toBe("7");
    line.send(change(6, ["b"]), change(7, ["c"]));
    expect(line.lines()).toEqual(["7 create c", "6 create b", "resumed", "5 create a"]);
    expect(line.markers()).toEqual([
      "This tab was not in view: what came behind revision 5 was received later.",
    ]);
    expect(line.feed.view().catchingUpTo).toBeNull();
  });

  test("adds no row where nothing came meanwhile", () => {
    const line = begun();
    for (const comesTo of [5, 7]) {
      line.feed.leave();
      line.feed.comeBack();
      line.send(opened(6, comesTo), progress(7));
    }
    line.put(8, "b");
    expect(line.lines()).toEqual(["8 create b", "5 create a"]);
  });

  test("marks what compaction took meanwhile", () => {
    const line = begun();
    line.feed.leave();
    line.feed.comeBack();
    line.send(opened(6, 9), reset(6, 8), change(9, ["b"]));
    expect(line.lines()).toEqual(["9 create b", "gap", "resumed", "5 create a"]);
  });

  test("opens no stream for a pause that ends, or one that is held, before somebody looks", () => {
    const line = begun();
    line.feed.pause();
    line.put(6, ...Array.from({ length: BACKLOG_LIMITS.rowsMax }, (_, at) => `k${at}`));
    line.feed.leave();
    line.feed.resume();
    expect(line.openings).toHaveLength(1);
    line.feed.comeBack();
    expect(line.openings).toEqual([undefined, "6"]);
    line.feed.comeBack();
    expect(line.openings).toHaveLength(2);
  });
});

test("two presses are a pause and its end, however late they are drawn", () => {
  const line = begun();
  line.feed.toggle();
  line.put(6, "b");
  line.feed.toggle();
  expect(line.feed.view()).toMatchObject({ isPaused: false, waiting: 0 });
  expect(line.lines()).toEqual(["6 create b", "5 create a"]);
});

test("an empty table is told apart by what has emptied it", () => {
  const line = new Line();
  line.send(opened(5, 4));
  expect(line.feed.view()).toMatchObject({ isAllHidden: false, isCleared: false });
  line.feed.clear();
  expect(line.feed.view().isCleared).toBe(false);
  line.put(5, "a");
  line.feed.filter("nowhere", null);
  expect(line.feed.view().isAllHidden).toBe(true);
  line.feed.clear();
  expect(line.feed.view()).toMatchObject({ isAllHidden: false, isCleared: true });
});
