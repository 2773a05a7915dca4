import { expect, test } from "vitest";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Compactor } from "./compactor.ts";

const REVISIONS = 3_000;
const BATCH = 100;
const PAUSE_MS = 10;

test("a compaction that is stopped leaves the engine alone, whoever resumes it", async () => {
  const engine = new MemoryEngine();
  const clock = new SteppedClock();
  const state = new ReplicatedState({
    engine,
    membership: { memberId: 1n, clusterId: 2n },
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
  const { kv } = state;
  for (let i = 0; i < REVISIONS; i++) {
    const txn = kv.begin();
    txn.put(Buffer.from("key"), Buffer.from("value"), 0n);
    txn.end();
  }
  kv.compact(kv.revision);
  const compactor = new Compactor({
    state,
    clock,
    log: SILENT_LOG,
    touched: () => undefined,
    batchLimit: BATCH,
    pauseMs: PAUSE_MS,
  });
  compactor.kick();
  while (compactor.deletedCount === 0) await clock.advance(PAUSE_MS);
  compactor.stop();
  await engine.close();
  const { deletedCount } = compactor;
  compactor.resume();
  compactor.kick();
  await clock.advance(100 * PAUSE_MS);
  expect(compactor.deletedCount).toBe(deletedCount);
  expect(kv.isCompacting).toBe(true);
});
