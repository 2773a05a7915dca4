import { expect, test } from "vitest";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Compactor } from "./compactor.ts";

const REVISIONS = 3_000;
const BATCH = 100;
const PAUSE_MS = 10;

function storeOf(revisions: number) {
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
  for (let i = 0; i < revisions; i++) {
    const txn = kv.begin();
    txn.put(Buffer.from("key"), Buffer.from("value"), 0n);
    txn.end();
  }
  kv.compact(kv.revision);
  return { engine, clock, state };
}

const UNTOLD = { touched: () => undefined, batchLimit: BATCH, pauseMs: PAUSE_MS };

test("a compaction is told as etcd tells it: its begin, its end, and the hash it leaves", async () => {
  const { clock, state } = storeOf(3);
  const lines: (readonly [message: string, fields?: LogFields])[] = [];
  const info = (message: string, fields: LogFields = {}) => void lines.push([message, fields]);
  const compactor = new Compactor({ ...UNTOLD, state, clock, log: { ...SILENT_LOG, info } });
  compactor.kick();
  while (state.kv.isCompacting) await clock.advance(PAUSE_MS);
  const [taken] = state.kv.compactionHashes;
  expect(lines.map(([message]) => message)).toEqual([
    "compact tree index",
    "finished scheduled compaction",
    "storing new hash",
  ]);
  expect(lines[0]?.[1]).toEqual({ revision: 4 });
  expect(lines[2]?.[1]).toEqual({ hash: taken?.hash, revision: 4, "compact-revision": -1 });
});

test("a compaction that is stopped leaves the engine alone, whoever resumes it", async () => {
  const { engine, clock, state } = storeOf(REVISIONS);
  const { kv } = state;
  const compactor = new Compactor({ ...UNTOLD, state, clock, log: SILENT_LOG });
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
