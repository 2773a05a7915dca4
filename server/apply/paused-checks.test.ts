import { expect, test } from "vitest";
import { finish, type Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { TxnRequest } from "../proto/gen/rpc.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { stateOn } from "./state-machine.suite.ts";
import { checkTxnNow, decideReadOnlyTxn } from "./txn.ts";

const KEYS = 1_000;
const FIRST = Buffer.from("k0");
/** Holds for every key, so that all of them are looked at. */
const LONG_COMPARE = {
  key: Buffer.from("k"),
  rangeEnd: Buffer.from("l"),
  result: 1,
  target: 0,
  version: 0n,
} as const;

function stateOfKeys(): ReplicatedState {
  const state = stateOn();
  const txn = state.kv.begin();
  for (let i = 0; i < KEYS; i++) txn.put(Buffer.from(`k${i}`), Buffer.from("1"), 0n);
  txn.end();
  return state;
}

/** Begins, pauses, and goes on once the first key is deleted. */
function acrossDeletion<T>({ kv }: ReplicatedState, steps: Steps<T>): T {
  expect(steps.next().done).toBe(false);
  const txn = kv.begin();
  txn.deleteRange(FIRST, Buffer.alloc(0));
  txn.end();
  return finish(steps);
}

const txnOf = (success: Parameters<typeof TxnRequest.fromPartial>[0]["success"]) =>
  TxnRequest.fromPartial({ compare: [LONG_COMPARE], success: success ?? [] });
const rangeAt = (revision: number) => ({ requestRange: { key: FIRST, revision } });

test("puts of a transaction that was decided before a change are left to the log", () => {
  const put = { requestPut: { key: FIRST, value: Buffer.alloc(0), ignoreValue: true } };
  const state = stateOfKeys();
  const check = () => checkTxnNow(state.kv, state.lessor, txnOf([put]));
  expect(() => finish(check())).not.toThrow();
  expect(() => acrossDeletion(state, check())).not.toThrow();
  expect(() => finish(check())).toThrow(new EtcdError("KeyNotFound"));
});

test("a range of the next revision lies in the future, though that comes in a pause", () => {
  const future = new EtcdError("FutureRev");
  for (const begin of [
    ({ kv, lessor }: ReplicatedState, request: TxnRequest) => checkTxnNow(kv, lessor, request),
    ({ kv }: ReplicatedState, request: TxnRequest) => decideReadOnlyTxn(kv, request),
  ]) {
    const state = stateOfKeys();
    const request = txnOf([rangeAt(state.kv.revision + 1)]);
    expect(() => acrossDeletion<unknown>(state, begin(state, request))).toThrow(future);
    expect(() => finish<unknown>(begin(state, request))).not.toThrow();
  }
});
