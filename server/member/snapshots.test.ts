import { expect, test } from "vitest";
import { type AppliedMark, CONSISTENT_INDEX, writeAppliedMark } from "../apply/applied-mark.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { must } from "../base/assert.ts";
import { encodeUint64 } from "../base/bytes.ts";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { BLANK_MESSAGE, type Message, MessageType } from "../raft/message.ts";
import { Snapshots } from "../replica/snapshots.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import type { Table } from "../storage/tables.ts";
import { MemoryWal } from "../wal/memory-wal.ts";
import { recoverLog } from "./recovered-log.ts";

const clock = new SystemClock();
const metadata = { memberId: 1n, clusterId: 2n };
const confState = { voters: [1n, 2n, 3n], learners: [] };
const APPLIED: AppliedMark = { index: 10, term: 1, confState };

/** Its process ends behind the change of the content. */
class CrashingEngine extends MemoryEngine {
  override async replace(content: AsyncIterable<readonly [Table, Buffer, Buffer]>): Promise<void> {
    await super.replace(content);
    throw new Error("crash");
  }
}

function stateOver(engine: MemoryEngine): ReplicatedState {
  return new ReplicatedState({
    engine,
    membership: metadata,
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
}

class Ground {
  readonly engine: MemoryEngine = new CrashingEngine();
  readonly snapshots: Snapshots;
  /** Indexes of the databases that are on the disk. */
  readonly spooled = new Set<number>();
  /** Indexes that raft is about to install, whatever it is told. */
  readonly awaited = new Set<number>();
  /** Indexes that raft was told of. */
  readonly told: number[] = [];

  constructor() {
    writeAppliedMark(this.engine, APPLIED);
    this.snapshots = new Snapshots({
      state: stateOver(this.engine),
      clock,
      log: SILENT_LOG,
      spool: async (index) => {
        this.spooled.add(index);
        return {
          appliedIndex: index,
          content: () => contentAt(index),
          remove: async () => void this.spooled.delete(index),
        };
      },
      upload: () => undefined,
      onReceived: ({ snapshot }) => this.told.push(must(snapshot, "of a snapshot").index),
      isAwaited: (index) => this.awaited.has(index),
      onFailed: () => undefined,
      onInstalling: () => undefined,
      onInstalled: () => undefined,
    });
  }

  receive(index: number): Promise<void> {
    return this.snapshots.receive(snapshotAt(index), noBytes());
  }
}

function snapshotAt(index: number): Message {
  return {
    ...BLANK_MESSAGE,
    type: MessageType.SNAPSHOT,
    to: 1n,
    from: 2n,
    term: 2,
    snapshot: { index, term: 2, confState },
  };
}

/** As a leader of etcd 3.4 has it: without its term and its configuration. */
async function* contentAt(index: number): AsyncGenerator<readonly [Table, Buffer, Buffer]> {
  yield ["meta", CONSISTENT_INDEX, encodeUint64(BigInt(index))];
}

async function* noBytes(): AsyncGenerator<Buffer> {}

test("a crash behind the change of the content finds what the new content stands for", async () => {
  const ground = new Ground();
  ground.awaited.add(100);
  await ground.receive(100);
  const snapshot = { index: 100, term: 2, confState };
  await expect(ground.snapshots.install(snapshot)).rejects.toThrow("crash");
  const { applied } = stateOver(ground.engine.crash());
  expect(applied).toEqual(snapshot);
  const log = {
    metadata,
    hardState: { term: 2, vote: 0n, commit: 10 },
    snapshot: APPLIED,
    entries: [],
  };
  const start = await recoverLog(new MemoryWal(metadata), log, applied, new Set([100]));
  expect(start).toMatchObject({ snapshot, entries: [], applied: 100 });
});

test("databases that raft ignores are removed, and keep no later one out", async () => {
  const ground = new Ground();
  for (const index of [100, 101, 102, 103]) {
    await ground.receive(index);
    expect([...ground.spooled]).toEqual([]);
  }
  ground.awaited.add(104);
  await ground.receive(104);
  expect([...ground.spooled]).toEqual([104]);
  expect(ground.told).toEqual([100, 101, 102, 103, 104]);
});

test("a database stays until raft no longer awaits it, or the state has reached it", async () => {
  const ground = new Ground();
  ground.awaited.add(100).add(200);
  await ground.receive(100);
  await ground.receive(200);
  await ground.receive(150);
  expect([...ground.spooled]).toEqual([100, 200]);
  ground.awaited.delete(100);
  ground.awaited.add(5);
  await ground.receive(5);
  expect([...ground.spooled]).toEqual([200]);
});
