import { expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { type ErrorCode, EtcdError } from "../errors.ts";
import { AutoCompaction } from "./auto-compaction.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A store whose revision grows by one a minute, and what was compacted in which minute. */
class Scene {
  readonly clock = new SteppedClock();
  readonly compacted: string[] = [];
  isLeader = true;
  failure: ErrorCode | undefined;

  start(mode: "periodic" | "revision", retention: string): AutoCompaction {
    const { clock } = this;
    const minute = () => Math.floor(clock.monotonic() / MINUTE);
    const auto = new AutoCompaction({
      mode,
      retention,
      clock,
      log: SILENT_LOG,
      revision: () => minute() + 1,
      isLeader: () => this.isLeader,
      compact: async (revision) => {
        this.compacted.push(`${minute()}:${revision}`);
        if (this.failure !== undefined) throw new EtcdError(this.failure);
      },
    });
    auto.start();
    return auto;
  }
}

test("a period of an hour or less is compacted once it has gone by, and again after each", async () => {
  const scene = new Scene();
  scene.start("periodic", "10m");
  await scene.clock.advance(45 * MINUTE);
  expect(scene.compacted).toEqual(["10:1", "20:11", "30:21", "40:31"]);
});

test("a longer period is compacted every hour, ten notes an hour", async () => {
  const scene = new Scene();
  scene.start("periodic", "2");
  await scene.clock.advance(5 * HOUR + MINUTE);
  expect(scene.compacted).toEqual(["120:1", "180:61", "240:121", "300:181"]);
});

test("only the leader compacts, but everybody takes notes", async () => {
  const scene = new Scene();
  scene.isLeader = false;
  scene.start("periodic", "10m");
  await scene.clock.advance(25 * MINUTE);
  expect(scene.compacted).toEqual([]);
  scene.isLeader = true;
  await scene.clock.advance(MINUTE);
  expect(scene.compacted).toEqual(["26:17"]);
});

test("a failure is tried again at the next note; what is compacted already counts", async () => {
  const scene = new Scene();
  scene.start("periodic", "10m");
  scene.failure = "Timeout";
  await scene.clock.advance(11 * MINUTE);
  scene.failure = "Compacted";
  await scene.clock.advance(11 * MINUTE);
  expect(scene.compacted).toEqual(["10:1", "11:2", "12:3", "22:13"]);
});

test("the last revisions are kept, looked at every five minutes", async () => {
  const scene = new Scene();
  const auto = scene.start("revision", "8");
  await scene.clock.advance(20 * MINUTE);
  expect(scene.compacted).toEqual(["10:3", "15:8", "20:13"]);
  auto.stop();
  await scene.clock.advance(HOUR);
  expect(scene.compacted.length).toBe(3);
});

test("zero is off", async () => {
  const scene = new Scene();
  scene.start("periodic", "0");
  scene.start("revision", "0");
  await scene.clock.advance(48 * HOUR);
  expect(scene.compacted).toEqual([]);
});
