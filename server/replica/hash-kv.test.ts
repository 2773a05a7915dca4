import { expect, test } from "vitest";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SystemClock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { HASH_RUNS_MAX, HashRuns } from "./hash-kv.ts";

const REVISIONS = 2000;

/** Turns end when it is told. */
class HeldClock extends SystemClock {
  #held: (() => void)[] = [];

  get heldCount(): number {
    return this.#held.length;
  }

  override soon(callback: () => void): void {
    this.#held.push(callback);
  }

  async releaseAll(): Promise<void> {
    while (this.#held.length > 0) {
      for (const callback of this.#held.splice(0)) callback();
      await new Promise(setImmediate);
    }
  }
}

function fixture() {
  const clock = new HeldClock();
  const state = new ReplicatedState({
    engine: new MemoryEngine(),
    membership: { memberId: 1n, clusterId: 1n },
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
  const put = () => {
    const txn = state.kv.begin();
    txn.put(Buffer.from("key"), Buffer.from("value"), 0n);
    txn.end();
  };
  for (let at = 0; at < REVISIONS; at++) put();
  return { clock, state, put, hashes: new HashRuns({ state, clock }) };
}

test("a hash comes with the store's revision of when it was asked for", async () => {
  const { clock, state, put, hashes } = fixture();
  const { revision } = state.kv;
  const hashing = hashes.take(100);
  put();
  await clock.releaseAll();
  expect(await hashing).toMatchObject({ revision: 100, currentRevision: revision });
});

test("who asks for a hash that is being taken waits for it", async () => {
  const { clock, state, put, hashes } = fixture();
  const asked = Array.from({ length: 100 }, () => hashes.take(0));
  expect(clock.heldCount).toBe(1);
  put();
  const later = hashes.take(0);
  expect(clock.heldCount).toBe(2);
  await clock.releaseAll();
  const [first, ...others] = await Promise.all(asked);
  for (const other of others) expect(other).toEqual(first);
  expect((await later).revision).toBe(state.kv.revision);
  expect((await later).hash).not.toBe(first?.hash);
});

test("a few hashes are taken at once, more are refused until one is done", async () => {
  const { clock, hashes } = fixture();
  const running = Array.from({ length: HASH_RUNS_MAX }, (_, at) => hashes.take(REVISIONS - at));
  const refused = hashes.take(1500);
  await expect(refused).rejects.toThrow(new EtcdError("TooManyRequests"));
  await clock.releaseAll();
  expect(await Promise.all(running)).toHaveLength(HASH_RUNS_MAX);
  const next = hashes.take(1500);
  await clock.releaseAll();
  expect((await next).revision).toBe(1500);
});
