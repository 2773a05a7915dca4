import { expect, test } from "vitest";
import { Quota } from "../apply/quota.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import type { FrameFile, FrameWriter } from "../storage/frame-file.ts";
import { type MemoryDisk, MemoryEngine } from "../storage/memory-engine.ts";
import { Checkpoints } from "./checkpoints.ts";
import { IndexCheckpoints } from "./index-checkpoints.ts";

const KEYS = 60_000;
/** Enough for the index to be written in several turns. */
const DELETING_KEYS = 20_000;

/** Keeps frames in memory; a disk that is broken refuses to begin. */
class MemoryFrameFile implements FrameFile {
  frames: Buffer[] = [];
  commits = 0;
  abandoned = 0;
  begun = 0;
  isBroken = false;

  read(): Iterable<Buffer> {
    return this.frames;
  }

  async begin(): Promise<FrameWriter> {
    this.begun++;
    if (this.isBroken) throw new Error("no space left on device");
    const frames: Buffer[] = [];
    return {
      append: async (frame) => void frames.push(frame),
      commit: async () => {
        this.frames = frames;
        this.commits++;
      },
      abandon: async () => void this.abandoned++,
    };
  }
}

function setUp(disk?: MemoryDisk) {
  const engine = new MemoryEngine(disk);
  const file = new MemoryFrameFile();
  const clock = new SystemClock();
  const membership = { memberId: 1n, clusterId: 2n };
  const common = { membership, leaseTtlMinSeconds: 2, clock, serverVersion: "3.5.16" };
  const state = new ReplicatedState({ engine, ...common });
  const index = new IndexCheckpoints({ state, file, clock, log: SILENT_LOG });
  const write = (from: number, to: number) => {
    const txn = state.kv.begin();
    for (let i = from; i < to; i++) txn.put(Buffer.from(`k${i}`), Buffer.from("v"), 0n);
    txn.end();
  };
  const commit = async () => {
    const { touched } = index;
    await engine.commit();
    index.committed(touched);
  };
  const reopened = () =>
    new ReplicatedState({ engine: engine.crash(), indexFile: file, ...common }).kv;
  return { state, file, clock, index, write, commit, reopened };
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test("the index counts only when a commit that began behind its last frame is durable", async () => {
  const { file, index, write, commit, reopened } = setUp();
  write(0, KEYS);
  await commit();
  write(KEYS, KEYS + 10);
  await expect.poll(() => file.begun).toBe(1);
  await turns(100);
  expect(file.commits).toBe(0);
  await commit();
  await expect.poll(() => file.commits).toBe(1);
  write(KEYS + 10, KEYS + 20);
  await commit();
  expect(reopened().origin).toEqual({ source: "checkpoint", recordsRead: 20, problem: undefined });
  expect(reopened().keyCount).toBe(KEYS + 20);
  await index.stop(index.touched);
});

test("few changes are saved at the end, not while others write", async () => {
  const { file, index, write, commit, reopened } = setUp();
  write(0, 2_000);
  await commit();
  await turns(20);
  expect(file.begun).toBe(0);
  await index.stop(index.touched);
  expect(file.commits).toBe(1);
  expect(reopened().origin).toMatchObject({ source: "checkpoint", recordsRead: 0 });
});

test("a state that is about to be replaced is given up, and the next one starts over", async () => {
  const { file, index, write, commit } = setUp();
  write(0, KEYS);
  await commit();
  await turns(1);
  await index.pause();
  expect([file.commits, file.abandoned]).toEqual([0, 1]);
  index.resume();
  await commit();
  await turns(200);
  await commit();
  await expect.poll(() => file.commits).toBe(1);
  await index.stop(index.touched);
});

test("a disk that refuses is left alone for a while, and nothing else fails", async () => {
  const { file, index, write, commit } = setUp();
  file.isBroken = true;
  write(0, KEYS);
  await commit();
  await expect.poll(() => file.begun).toBe(1);
  await turns(5);
  write(KEYS, KEYS + 1000);
  await commit();
  await turns(5);
  expect(file.begun).toBe(1);
  await index.stop(index.touched);
});

/** At the moment when a compaction begins to delete; `stop` is what a member ends with. */
function setUpDeleting(disk?: MemoryDisk) {
  const { state, file, clock, index, write, reopened } = setUp(disk);
  const { kv } = state;
  write(0, DELETING_KEYS);
  write(0, DELETING_KEYS);
  kv.compact(kv.revision);
  const remove = () => void kv.compactStep(100);
  while (kv.deletedCount === 0) remove();
  const checkpoints = new Checkpoints({
    state,
    quota: new Quota(Infinity, () => 0),
    index,
    clock,
    commitMs: 100,
    pendingCountMax: 20_000,
    snapshotCount: 100_000,
    markerIndex: 0,
    onMarker: () => undefined,
    confirmHeld: () => undefined,
    onRoom: () => undefined,
    onFailed: (error) => {
      throw error;
    },
  });
  return { file, remove, reopened, stop: () => checkpoints.stop() };
}

test("the end does not wait for what is deleted behind the last commit", async () => {
  const { file, remove, reopened, stop } = setUpDeleting();
  let hasStopped = false;
  const stopped = stop().then(() => {
    hasStopped = true;
  });
  for (let turn = 0; turn < 100 && !hasStopped; turn++) {
    remove();
    await turns(1);
  }
  expect(hasStopped).toBe(true);
  await stopped;
  expect([file.commits, file.abandoned]).toEqual([0, 1]);
  expect(reopened().keyCount).toBe(DELETING_KEYS);
});

test("what is deleted during the last commit does not count as durable", async () => {
  let isWriting = () => {};
  const { file, remove, stop } = setUpDeleting(async () => isWriting());
  isWriting = remove;
  await stop();
  expect([file.commits, file.abandoned]).toEqual([0, 1]);
});
