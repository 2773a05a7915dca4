import { describe, expect, test } from "vitest";
import type { StreamMessage } from "./event-stream.ts";
import { BACKLOG_LIMITS, FEED_LIMITS } from "./watch-feed.ts";
import {
  BACK,
  change,
  Line,
  LOST,
  opened,
  reset,
  restored,
  WHOLE,
} from "./watch-feed-line.suite.ts";

describe("watch feed", () => {
  test("events come newest first and are counted", () => {
    const line = new Line();
    line.put(5, "a", "b");
    line.put(6, "c");
    expect(line.lines()).toEqual(["6 create c", "5 create b", "5 create a"]);
    expect(line.feed.view()).toMatchObject({ received: 3, dropped: 0, position: "6" });
  });

  test("a pause keeps receiving, and going on shows every event in order", () => {
    const line = new Line();
    line.put(5, "a");
    line.feed.pause();
    line.put(6, "b");
    line.put(7, "c");
    expect(line.lines()).toEqual(["5 create a"]);
    expect(line.feed.view()).toMatchObject({ isPaused: true, waiting: 2, received: 3 });
    line.feed.resume();
    expect(line.lines()).toEqual(["7 create c", "6 create b", "5 create a"]);
  });

  test("a pause that outgrows its bound lets the stream go and resumes it by revision", () => {
    const line = new Line();
    line.feed.pause();
    line.put(5, ...Array.from({ length: BACKLOG_LIMITS.rowsMax }, (_, at) => `k${at}`));
    expect(line.feed.view()).toMatchObject({ isHeld: true, waiting: BACKLOG_LIMITS.rowsMax });
    expect(line.closed).toBe(1);
    line.feed.resume();
    expect(line.openings).toEqual([undefined, "5"]);
    expect(line.feed.view()).toMatchObject({ isHeld: false, waiting: 0, dropped: 0 });
    line.put(6, "next");
    expect(line.feed.view().dropped).toBe(1);
  });

  test("rows that leave the ring are counted exactly", () => {
    const line = new Line();
    for (let at = 0; at < FEED_LIMITS.rowsMax + 7; at += 1) line.put(at + 1, "k");
    const view = line.feed.view();
    expect(view.rows).toHaveLength(FEED_LIMITS.rowsMax);
    expect(view).toMatchObject({ dropped: 7, received: FEED_LIMITS.rowsMax + 7 });
  });

  test("compaction leaves a row that names the missing revisions", () => {
    const line = new Line();
    line.send(reset(3, 9));
    line.put(10, "a");
    expect(line.lines()).toEqual(["10 create a", "gap"]);
    const gap = line.feed.view().rows[1];
    expect(gap?.kind === "gap" && gap.text).toContain("3 to 9");
  });

  test("a lost connection and its return are rows of their own", () => {
    const line = new Line();
    line.put(5, "a");
    line.reconnect();
    line.put(6, "b");
    expect(line.lines()).toEqual(["6 create b", "resumed", "lost", "5 create a"]);
  });

  test("an etcd that stays out of reach is one row, however often it is tried", () => {
    const line = new Line();
    line.put(5, "a");
    line.send(LOST, LOST, LOST);
    expect(line.feed.view().isLinkLost).toBe(true);
    line.send(restored(5));
    expect(line.markers()).toEqual([WHOLE, "etcd is out of reach: etcdserver: no leader"]);
    expect(line.feed.view().isLinkLost).toBe(false);
  });

  test("a way to etcd that was lost is back with any new connection", () => {
    const line = new Line();
    line.put(5, "a");
    line.send(LOST);
    line.reconnect();
    line.send(opened(6, 5));
    expect(line.feed.view().isLinkLost).toBe(false);
    expect(line.lines()).toEqual(["resumed", "lost", "lost", "5 create a"]);
  });

  test.each([
    { how: "connection", comeBack: (line: Line) => line.reconnect(opened(6, 9)) },
    { how: "way to etcd", comeBack: (line: Line) => line.send(LOST, restored(9)) },
  ])("a $how that is back has missed nothing only if no gap comes first", ({ comeBack }) => {
    const ends: [StreamMessage, string[]][] = [
      [change(9, ["b"]), [WHOLE]],
      [{ event: "progress", data: JSON.stringify({ revision: "9" }), id: "9" }, [WHOLE]],
      [
        reset(6, 8),
        ["Gap: revisions 6 to 8 cannot be shown: compacted, or taken back by a restore.", BACK],
      ],
    ];
    for (const [first, told] of ends) {
      const line = new Line();
      line.put(5, "a");
      comeBack(line);
      expect(line.markers()).toHaveLength(1);
      line.send(first);
      expect(line.markers().slice(0, -1)).toEqual(told);
    }
  });

  test("a first connection that took several tries has nothing to go on behind", () => {
    for (const isBrokenEarly of [false, true]) {
      const line = new Line(
        isBrokenEarly ? { phase: "open" } : { phase: "connecting", attempt: 0 },
      );
      line.reconnect(opened(6, 5));
      line.put(6, "a");
      expect(line.lines()).toEqual(["6 create a", ...(isBrokenEarly ? ["lost"] : [])]);
    }
  });

  test.each([
    { what: "connection", breakOff: (line: Line) => line.reconnect(opened(5, 5)) },
    { what: "way to etcd", breakOff: (line: Line) => line.send(LOST, LOST, restored(5)) },
  ])("a revision cut in two by a lost $what shows each of its events once", ({ breakOff }) => {
    const line = new Line();
    line.send(opened(5, 4), change(5, ["a", "b"], 0, false));
    breakOff(line);
    line.send(change(5, ["a"], 0, false), change(5, ["b", "c"], 1, true));
    expect(line.lines()).toEqual(["5 create c", "resumed", "lost", "5 create b", "5 create a"]);
    expect(line.feed.view()).toMatchObject({ received: 3, position: "5" });
  });

  test("the filter looks at keys and values and hides nothing else", () => {
    const line = new Line();
    line.put(5, "alpha");
    line.put(6, "beta");
    line.send(reset(7, 8));
    line.feed.filter("ALP", null);
    expect(line.lines()).toEqual(["gap", "5 create alpha"]);
    line.feed.filter("", "delete");
    expect(line.lines()).toEqual(["gap"]);
    line.feed.filter("", "create");
    expect(line.lines()).toHaveLength(3);
    line.feed.filter("", null);
    expect(line.lines()).toHaveLength(3);
  });

  test("a watch from a revision that is still to come says so until it has come", () => {
    const line = new Line();
    line.send(opened(8, 5));
    expect(line.feed.view()).toMatchObject({
      startsAhead: { from: "8", revision: "5" },
      position: null,
    });
    line.put(8, "a");
    expect(line.feed.view()).toMatchObject({ startsAhead: null, position: "8" });
    line.send(opened(9, 8));
    expect(line.feed.view()).toMatchObject({ startsAhead: null, position: "8" });
  });

  test("why a stream is not open is kept until it is", () => {
    const line = new Line();
    const reason = "No connection to http://127.0.0.1:1: nothing listens there";
    line.sink?.state({ phase: "waiting", retryInMs: 500, reason });
    line.sink?.state({ phase: "connecting", attempt: 1 });
    expect(line.feed.view().trouble).toBe(reason);
    line.sink?.state({ phase: "open" });
    expect(line.feed.view().trouble).toBeNull();
  });

  test("the rate counts whole seconds that are over, by the clock of the browser", () => {
    const line = new Line();
    const at = line.now;
    expect(line.feed.isQuiet(at)).toBe(true);
    line.put(5, "a", "b");
    const points = line.feed.rate(at + 1_500);
    expect(points).toHaveLength(60);
    expect(points.at(-1)).toEqual({ ago: 1, puts: 2, deletes: 0 });
    expect(line.feed.rate(at + 500).at(-1)?.puts).toBe(0);
    for (const later of [-500, 500, 60_500]) expect(line.feed.isQuiet(at + later)).toBe(false);
    expect(line.feed.isQuiet(at + 61_500)).toBe(true);
  });

  test("events were received by the clock of the browser, however late they come here", () => {
    const line = new Line();
    line.put(5, "a");
    line.now += 3_000;
    line.put(6, "late");
    line.now -= 4_000;
    line.put(7, "soon");
    const times = line.feed.view().rows.map((row) => row.kind === "event" && row.receivedAt);
    const [soon, ...others] = ["2025-12-30T23:59:59.000Z", "2025-12-31T00:00:00.000Z"];
    expect(times).toEqual([soon, ...others, ...others]);
  });
});
