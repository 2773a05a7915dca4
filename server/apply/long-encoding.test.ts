import { afterEach, expect, test, vi } from "vitest";
import { Access } from "../auth/access.ts";
import { NOBODY } from "../auth/identity.ts";
import { finish, type Steps } from "../base/steps.ts";
import { KeyValueRecord } from "../mvcc/key-value.ts";
import {
  DeleteRangeRequest,
  DeleteRangeResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { AnswerRoom } from "./answer-room.ts";
import { gatherRange } from "./gathered-range.ts";
import { KeyWriter } from "./key-writer.ts";
import { answerRange } from "./range.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { stateOn } from "./state-machine.suite.ts";
import { runDeleteRange, runTxn } from "./txn.ts";

const MIB = 1024 * 1024;
const ALL = { key: Buffer.from("k"), rangeEnd: Buffer.from("l") };
const DESCENDING = 2;
const BY_MOD = 3;

/** Each key has a revision of its own. */
function stateOfKeys(count: number, valueBytes: number): ReplicatedState {
  const state = stateOn();
  for (let i = 0; i < count; i++) {
    const txn = state.kv.begin();
    txn.put(Buffer.from(`k${String(i).padStart(6, "0")}`), Buffer.alloc(valueBytes), 0n);
    txn.end();
  }
  return state;
}

/** The result, and what was `done` in the turn with the most of it. */
function busiestTurn<T>(steps: Steps<T>, done: () => number): readonly [most: number, result: T] {
  let most = 0;
  for (let before = done(); ; before = done()) {
    const step = steps.next();
    most = Math.max(most, done() - before);
    if (step.done === true) return [most, step.value];
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

test("the answer to a long range within an entry is sorted and encoded over many turns", () => {
  const keys = 20_000;
  const writer = new KeyWriter(stateOfKeys(keys, 10));
  const request = { ...ALL, sortOrder: DESCENDING, sortTarget: BY_MOD, keysOnly: true } as const;
  const range = RangeRequest.fromPartial(request);
  const compared = vi.spyOn(KeyValueRecord.prototype, "modRevision", "get");
  const encoded = vi.spyOn(KeyValueRecord.prototype, "bytesWithoutValue", "get");
  const work = () => compared.mock.calls.length + encoded.mock.calls.length;
  const [most, chunks] = busiestTurn(gatherRange(writer, range, new AnswerRoom()), work);
  expect(most).toBeLessThan(keys);
  vi.restoreAllMocks();
  const answer = Buffer.concat(chunks ?? []);
  expect(answer.equals(answerRange(writer, range).bytes)).toBe(true);
  expect(RangeResponse.decode(answer).kvs).toHaveLength(keys);
});

test("a sorted range with a limit is cut over many turns", () => {
  const limit = 9_000;
  const writer = new KeyWriter(stateOfKeys(20_000, 10));
  const request = { ...ALL, sortOrder: DESCENDING, sortTarget: BY_MOD, limit } as const;
  const range = RangeRequest.fromPartial(request);
  const compared = vi.spyOn(KeyValueRecord.prototype, "modRevision", "get");
  const steps = gatherRange(writer, range, new AnswerRoom());
  const [most, chunks] = busiestTurn(steps, () => compared.mock.calls.length);
  expect(most).toBeLessThan(2 * limit);
  vi.restoreAllMocks();
  expect(Buffer.concat(chunks ?? []).equals(answerRange(writer, range).bytes)).toBe(true);
});

const deletion = DeleteRangeRequest.fromPartial({ ...ALL, prevKv: true });

test("what a long deletion answers with is encoded in pieces", () => {
  const [count, valueBytes] = [80, 100_000];
  const writer = new KeyWriter(stateOfKeys(count, valueBytes));
  const chunks = finish(runDeleteRange(writer, deletion));
  for (const { length } of chunks) expect(length).toBeLessThan(MIB);
  const { deleted, prevKvs } = DeleteRangeResponse.decode(Buffer.concat(chunks));
  expect([deleted, prevKvs.length]).toEqual([count, count]);
  expect(prevKvs.every(({ value }) => value.length === valueBytes)).toBe(true);
});

test("large values that a deletion answers with are read over many turns", () => {
  const [count, valueBytes] = [80, 100_000];
  const writer = new KeyWriter(stateOfKeys(count, valueBytes));
  const taken = vi.spyOn(AnswerRoom.prototype, "take");
  const [most] = busiestTurn(runDeleteRange(writer, deletion), () => taken.mock.calls.length);
  expect(taken).toHaveBeenCalledTimes(count);
  expect((most - 1) * valueBytes).toBeLessThan(MIB);
});

test("large values that the puts of a transaction answer with are read over many turns", () => {
  const [count, valueBytes] = [80, 100_000];
  const state = stateOfKeys(count, valueBytes);
  const success = state.kv
    .range({ ...ALL, revision: 0, limit: 0 })
    .records.map(({ key }) => ({ requestPut: { key, prevKv: true } }));
  const steps = runTxn(
    new KeyWriter(state),
    TxnRequest.fromPartial({ success }),
    new Access(state.auth, NOBODY),
  );
  const taken = vi.spyOn(AnswerRoom.prototype, "take");
  const [most] = busiestTurn(steps, () => taken.mock.calls.length);
  expect(taken).toHaveBeenCalledTimes(count);
  expect((most - 1) * valueBytes).toBeLessThan(MIB);
});
