import { expect, test } from "vitest";
import { Quota } from "../apply/quota.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Checkpoints, UNCOMMITTED_BYTES_MAX } from "./checkpoints.ts";

const CHUNK = Buffer.alloc(16 * 1024 * 1024);

/** A state whose disk takes nothing until `sync`. */
function setUp() {
  const waiting: (() => void)[] = [];
  const engine = new MemoryEngine(() => new Promise((resolve) => waiting.push(resolve)));
  const clock = new SteppedClock();
  const state = new ReplicatedState({
    engine,
    membership: { memberId: 1n, clusterId: 1n },
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
  let rooms = 0;
  const checkpoints = new Checkpoints({
    state,
    quota: new Quota(Infinity, () => 0),
    clock,
    commitMs: 100,
    pendingCountMax: 20_000,
    snapshotCount: 100_000,
    markerIndex: 0,
    onMarker: () => undefined,
    confirmHeld: () => undefined,
    onRoom: () => rooms++,
    onFailed: (error) => {
      throw error;
    },
  });
  const write = (at: number) => {
    engine.put("key", Buffer.from(`${at}`), CHUNK);
    checkpoints.applied(CHUNK.length);
  };
  const sync = () => waiting.splice(0).forEach((resolve) => resolve());
  return { clock, checkpoints, write, sync, rooms: () => rooms };
}

test("while the disk stands still, writes gather up to a limit, and room is told of once", async () => {
  const { clock, checkpoints, write, sync, rooms } = setUp();
  let written = 0;
  while (!checkpoints.isFull) {
    write(written++);
    await clock.advance(1);
  }
  expect(written * CHUNK.length).toBeGreaterThan(UNCOMMITTED_BYTES_MAX - CHUNK.length);
  expect(written * CHUNK.length).toBeLessThanOrEqual(UNCOMMITTED_BYTES_MAX + CHUNK.length);
  expect(rooms()).toBe(0);
  for (let commits = 0; commits < 5; commits++) {
    sync();
    await clock.advance(100);
  }
  expect(checkpoints.isFull).toBe(false);
  expect(rooms()).toBe(1);
});
