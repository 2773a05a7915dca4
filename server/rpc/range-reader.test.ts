import { expect, test, vi } from "vitest";
import { bodyOf } from "../apply/outcome.ts";
import { answerRange } from "../apply/range.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { SystemClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { EtcdError } from "../errors.ts";
import {
  RangeRequest,
  RangeResponse,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { HEADER_ROOM } from "./header.ts";
import { LONG_READS_MAX, RangeReader } from "./range-reader.ts";

const KEYS = 5000;
const ASKER = { isCanceled: false };
const clock = new SystemClock();

function storeOfKeys(): ReplicatedState {
  const state = new ReplicatedState({
    engine: new MemoryEngine(),
    membership: { memberId: 1n, clusterId: 1n },
    leaseTtlMinSeconds: 2,
    clock,
    serverVersion: "3.5.16",
  });
  const random = new SeededRandom(7);
  for (let at = 0; at < KEYS; at++) {
    const txn = state.kv.begin();
    const key = Buffer.from(`k/${String(random.below(100_000)).padStart(6, "0")}`);
    txn.put(key, Buffer.from(String(random.below(1_000_000))), 0n);
    txn.end();
  }
  return state;
}

/** Its callbacks run when it is told to. */
class HeldClock extends SystemClock {
  #held: (() => void)[] = [];

  override soon(callback: () => void): void {
    this.#held.push(callback);
  }

  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const callback of held) callback();
  }
}

/** As a snapshot does that holds no keys. */
async function replaceByNothing(state: ReplicatedState): Promise<void> {
  state.beginReplacing();
  await state.engine.replace((async function* () {})());
  const { confState } = state.applied;
  for (const _slice of state.reopening({ index: 9, term: 1, confState }));
}

const state = storeOfKeys();
const reader = new RangeReader(state, clock);
const all = { key: Buffer.from("k/"), rangeEnd: Buffer.from("k0") };

test.each([
  {},
  { limit: 1500 },
  { limit: 100_000 },
  { keysOnly: true },
  { sortOrder: 2 },
  { sortOrder: 1, sortTarget: 4 },
  { sortOrder: 2, sortTarget: 4, limit: 1025 },
  { sortOrder: 2, sortTarget: 3, limit: 7, keysOnly: true },
  { sortTarget: 4, limit: 1500 },
  { minModRevision: 1000, maxModRevision: 4000 },
  { minCreateRevision: 3000, limit: 1200 },
  { maxCreateRevision: 3000, sortOrder: 2, sortTarget: 2, limit: 1999 },
  { countOnly: true },
  { revision: 2000 },
] as const)("a range read in slices is the range read at once: %j", async (options) => {
  const request = RangeRequest.fromPartial({ ...all, ...options });
  const { bytes, count, records } = await reader.read(request, ASKER);
  const sliced = RangeResponse.decode(bytes.subarray(HEADER_ROOM));
  expect([count, records]).toEqual([sliced.count, sliced.kvs.length]);
  const whole = RangeResponse.decode(answerRange(state.kv, request).bytes);
  expect([sliced.count, sliced.more]).toEqual([whole.count, whole.more]);
  const column = (response: RangeResponse) =>
    response.kvs.map((kv) => `${kv.key.toString()}=${kv.value.toString()}@${kv.modRevision}`);
  expect(column(sliced)).toEqual(column(whole));
});

test.each([
  {},
  { keysOnly: true },
  { countOnly: true },
  { minModRevision: 2 ** 40 },
  { key: Buffer.from("none") },
] as const)("one key is answered as such, and counted: %j", async (options) => {
  const { key } = state.kv.range({ ...all, revision: 0, limit: 1 }).records[0] ?? all;
  const request = RangeRequest.fromPartial({ key, ...options });
  const { bytes, count, records } = await reader.read(request, ASKER);
  expect(bytes.subarray(HEADER_ROOM)).toEqual(answerRange(state.kv, request).bytes);
  const { kvs, count: counted } = RangeResponse.decode(bytes.subarray(HEADER_ROOM));
  expect([count, records]).toEqual([counted, kvs.length]);
});

test("writes and a compaction meanwhile do not show in a range that has begun", async () => {
  const own = storeOfKeys();
  const before = own.kv.revision;
  const reading = new RangeReader(own, clock).read(RangeRequest.fromPartial(all), ASKER);
  const txn = own.kv.begin();
  txn.deleteRange(all.key, all.rangeEnd);
  txn.end();
  own.kv.compact(own.kv.revision);
  while (own.kv.compactStep());
  const { revision, bytes } = await reading;
  expect(revision).toBe(before);
  const { kvs, count } = RangeResponse.decode(bytes.subarray(HEADER_ROOM));
  expect(kvs).toHaveLength(count);
  expect(count).toBeGreaterThan(4000);
});

test("all ranges of a transaction show one revision, other work gets its turn in between", async () => {
  const own = storeOfKeys();
  const ranges = new RangeReader(own, clock);
  const range = (request: Parameters<typeof RangeRequest.fromPartial>[0]) =>
    RequestOp.fromPartial({ requestRange: RangeRequest.fromPartial(request) });
  const success = [range(all), range({ key: Buffer.from("new") }), range(all)];
  const { revision } = own.kv;
  const reading = ranges.readTxn(TxnRequest.fromPartial({ success }), ASKER);
  const txn = own.kv.begin();
  txn.put(Buffer.from("new"), Buffer.from("1"), 0n);
  txn.put(Buffer.from("k/new"), Buffer.from("1"), 0n);
  txn.end();
  const answer = await reading;
  const { succeeded, responses } = TxnResponse.decode(bodyOf(answer));
  const expected = RangeResponse.decode(
    answerRange(own.kv, RangeRequest.fromPartial({ ...all, revision })).bytes,
  );
  expect([answer.revision, succeeded, responses.length]).toEqual([revision, true, 3]);
  expect(responses[0]?.responseRange?.kvs).toEqual(expected.kvs);
  expect(responses[1]?.responseRange?.count).toBe(0);
  expect(responses[2]?.responseRange?.kvs).toEqual(expected.kvs);
});

test("a range that waited for its turn while a snapshot replaced the state is not read", async () => {
  const own = storeOfKeys();
  const held = new HeldClock();
  const few = { key: Buffer.from("k/0"), rangeEnd: Buffer.from("k/01"), sortTarget: 4 };
  const success = [few, all].map((range) =>
    RequestOp.fromPartial({ requestRange: RangeRequest.fromPartial(range) }),
  );
  const reading = new RangeReader(own, held).readTxn(TxnRequest.fromPartial({ success }), ASKER);
  const refused = expect(reading).rejects.toThrow(new EtcdError("LeaderChanged"));
  await replaceByNothing(own);
  held.release();
  await refused;
});

test("long ranges share what a turn has for them, and a small one waits for none of them", async () => {
  const held = new HeldClock();
  const ranges = new RangeReader(state, held);
  const readings = Array.from({ length: 60 }, () =>
    Promise.resolve(ranges.read(RangeRequest.fromPartial(all), ASKER)),
  );
  const small = RangeRequest.fromPartial({ ...all, limit: 10 });
  expect(ranges.read(small, ASKER)).not.toBeInstanceOf(Promise);
  // Each look at the clock costs a ms: then a turn ends long before all have had a slice.
  let nowMs = held.monotonic();
  const looks = vi.spyOn(held, "monotonic").mockImplementation(() => nowMs++);
  const before = looks.mock.calls.length;
  held.release();
  expect(looks.mock.calls.length - before).toBeLessThan(10);
  looks.mockRestore();
  const turning = setInterval(() => held.release(), 0);
  const answers = await Promise.all(readings);
  clearInterval(turning);
  const whole = answerRange(state.kv, RangeRequest.fromPartial(all)).bytes;
  for (const { bytes } of answers) expect(bytes.subarray(HEADER_ROOM).equals(whole)).toBe(true);
});

test("a few keys of many bytes are a long range", async () => {
  const own = storeOfKeys();
  const txn = own.kv.begin();
  for (const name of "abcdefgh") txn.put(Buffer.from(`big/${name}`), Buffer.alloc(400_000), 0n);
  txn.end();
  const held = new HeldClock();
  const ranges = new RangeReader(own, held);
  const request = RangeRequest.fromPartial({
    key: Buffer.from("big/"),
    rangeEnd: Buffer.from("big0"),
  });
  const reading = ranges.read(request, ASKER);
  expect(reading).toBeInstanceOf(Promise);
  const turning = setInterval(() => held.release(), 0);
  const { bytes } = await reading;
  clearInterval(turning);
  expect(bytes.subarray(HEADER_ROOM).equals(answerRange(own.kv, request).bytes)).toBe(true);
});

test("so many long ranges at once are refused, and one whose client is gone is given up", async () => {
  const own = storeOfKeys();
  const held = new HeldClock();
  const ranges = new RangeReader(own, held);
  const asker = { isCanceled: false };
  const request = RangeRequest.fromPartial(all);
  const ends = Array.from({ length: LONG_READS_MAX }, () => ranges.read(request, asker)).map(
    (reading) => Promise.resolve(reading).catch((error: unknown) => error),
  );
  const refused = Promise.resolve(ranges.read(request, asker));
  await expect(refused).rejects.toThrow(new EtcdError("TooManyRequests"));
  asker.isCanceled = true;
  held.release();
  for (const end of await Promise.all(ends)) expect(end).toEqual(new EtcdError("Canceled"));
  const txn = own.kv.begin();
  txn.deleteRange(all.key, all.rangeEnd);
  txn.end();
  own.kv.compact(own.kv.revision);
  expect(own.kv.compactStep()).toBe(true);
});

const NOT_NEWER = { ...all, target: 2, result: 2, modRevision: 1_000_000n } as const;

test("a transaction that takes turns to decide is answered of one revision", async () => {
  const own = storeOfKeys();
  const held = new HeldClock();
  const { revision } = own.kv;
  const request = TxnRequest.fromPartial({
    compare: [NOT_NEWER],
    success: [{ requestRange: { key: Buffer.from("new") } }],
    failure: [],
  });
  const reading = new RangeReader(own, held).readTxn(request, ASKER);
  const txn = own.kv.begin();
  txn.put(Buffer.from("new"), Buffer.from("1"), 0n);
  txn.end();
  const answer = await turning(held, reading);
  const { succeeded, responses } = TxnResponse.decode(bodyOf(answer));
  expect([answer.revision, succeeded]).toEqual([revision, true]);
  expect(responses[0]?.responseRange?.count).toBe(0);
});

test("one that a compaction overtakes is answered of the state of then", async () => {
  const own = storeOfKeys();
  const held = new HeldClock();
  const request = TxnRequest.fromPartial({
    compare: [NOT_NEWER],
    success: [{ requestRange: { key: Buffer.from("new") } }],
  });
  const reading = new RangeReader(own, held).readTxn(request, ASKER);
  const txn = own.kv.begin();
  txn.put(Buffer.from("new"), Buffer.from("1"), 0n);
  txn.end();
  own.kv.compact(own.kv.revision);
  const answer = await turning(held, reading);
  expect(answer.revision).toBe(own.kv.revision);
  expect(TxnResponse.decode(bodyOf(answer)).responses[0]?.responseRange?.count).toBe(1);
});

test("one that is decided while a snapshot replaces the state is refused", async () => {
  const own = storeOfKeys();
  const held = new HeldClock();
  const request = TxnRequest.fromPartial({ compare: [NOT_NEWER] });
  const reader = new RangeReader(own, held);
  const readings: Promise<unknown>[] = [
    reader.readTxn(request, ASKER),
    reader.checkTxn(request, ASKER),
  ];
  const refused = readings.map((reading) =>
    expect(turning(held, reading)).rejects.toThrow(new EtcdError("LeaderChanged")),
  );
  await replaceByNothing(own);
  await Promise.all(refused);
});

/** Lets the held clock go on until it is there. */
async function turning<T>(held: HeldClock, reading: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  reading.then(over, over);
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    held.release();
  }
  return reading;
}
