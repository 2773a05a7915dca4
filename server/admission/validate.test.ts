import { expect, test } from "vitest";
import {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { checkApplyGap, checkRequestBytes } from "./limits.ts";
import { checkPut, checkRange, checkTxn, isReadOnly } from "./validate.ts";

const bytes = (text: string) => Buffer.from(text);
const put = (key: string) =>
  RequestOp.fromPartial({ requestPut: PutRequest.fromPartial({ key: bytes(key) }) });
const del = (key: string, end = "") =>
  RequestOp.fromPartial({
    requestDeleteRange: DeleteRangeRequest.fromPartial({ key: bytes(key), rangeEnd: bytes(end) }),
  });
const get = (key: string, serializable = false) =>
  RequestOp.fromPartial({
    requestRange: RangeRequest.fromPartial({ key: bytes(key), serializable }),
  });
const nest = (success: RequestOp[], failure: RequestOp[] = []) =>
  RequestOp.fromPartial({ requestTxn: { compare: [], success, failure } });
const txn = (success: RequestOp[], failure: RequestOp[] = []) =>
  TxnRequest.fromPartial({ success, failure });

/** The error's code, or "ok". */
function outcome(check: () => void): string {
  try {
    check();
    return "ok";
  } catch (error) {
    return (error as { code: string }).code;
  }
}
const txnOutcome = (success: RequestOp[], failure: RequestOp[] = [], opsMax = 128) =>
  outcome(() => checkTxn(txn(success, failure), opsMax));

test("requests without a key, or with what an ignore flag forbids, are refused", () => {
  const refuse = (partial: Parameters<typeof PutRequest.fromPartial>[0]) =>
    outcome(() => checkPut(PutRequest.fromPartial(partial)));
  expect(refuse({})).toBe("EmptyKey");
  expect(refuse({ key: bytes("a"), value: bytes("v"), ignoreValue: true })).toBe("ValueProvided");
  expect(refuse({ key: bytes("a"), lease: 1n, ignoreLease: true })).toBe("LeaseProvided");
  expect(refuse({ key: bytes("a"), value: bytes("v"), ignoreLease: true })).toBe("ok");
  expect(outcome(() => checkRange(RangeRequest.fromPartial({})))).toBe("EmptyKey");
});

test("a sort option outside the enums is refused", () => {
  const odd = { ...RangeRequest.fromPartial({ key: bytes("a") }), sortTarget: 9 };
  expect(outcome(() => checkRange(odd as RangeRequest))).toBe("InvalidSortOption");
});

test("an operation that holds nothing is refused as etcd does it", () => {
  expect(txnOutcome([RequestOp.fromPartial({})])).toBe("KeyNotFound");
});

test("operations are counted per level, and a level takes from those inside it", () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => get(`k${i}`));
  expect(txnOutcome(many(128))).toBe("ok");
  expect(txnOutcome(many(129))).toBe("TooManyOps");
  expect(txnOutcome([nest(many(127))])).toBe("ok");
  expect(txnOutcome([nest(many(128))])).toBe("TooManyOps");
  const compare = Array.from({ length: 3 }, () => Compare.fromPartial({ key: bytes("a") }));
  expect(outcome(() => checkTxn(TxnRequest.fromPartial({ compare }), 2))).toBe("TooManyOps");
  let deep: RequestOp = put("a");
  for (let level = 0; level < 128; level++) deep = nest([deep]);
  expect(txnOutcome([deep], [], 1000)).toBe("TooManyOps");
});

test("a compare without a key is refused", () => {
  const request = TxnRequest.fromPartial({ compare: [Compare.fromPartial({})] });
  expect(outcome(() => checkTxn(request, 128))).toBe("EmptyKey");
});

test("a key is put once, and not where the same list deletes", () => {
  expect(txnOutcome([put("a"), put("a")])).toBe("DuplicateKey");
  expect(txnOutcome([put("a")], [put("a")])).toBe("ok");
  expect(txnOutcome([del("a", "c"), put("b")])).toBe("DuplicateKey");
  expect(txnOutcome([put("c"), del("a", "c")])).toBe("ok");
  expect(txnOutcome([put("b"), del("b")])).toBe("DuplicateKey");
  expect(txnOutcome([del("a", "c"), del("b", "d")])).toBe("ok");
  expect(txnOutcome([del("a", "c"), del("b", "d"), put("cc")])).toBe("DuplicateKey");
});

test("the check descends into nested transactions", () => {
  expect(txnOutcome([put("a"), nest([put("a")])])).toBe("DuplicateKey");
  expect(txnOutcome([nest([put("a")]), nest([put("a")])])).toBe("DuplicateKey");
  expect(txnOutcome([nest([put("a")], [put("a")])])).toBe("ok");
  expect(txnOutcome([nest([put("a")], [put("a")]), put("a")])).toBe("DuplicateKey");
  expect(txnOutcome([put("a"), nest([del("a")])])).toBe("DuplicateKey");
  expect(txnOutcome([nest([put("a")]), del("a")])).toBe("DuplicateKey");
});

test("of nested siblings only a delete before a put counts", () => {
  expect(txnOutcome([nest([del("a")]), nest([put("a")])])).toBe("DuplicateKey");
  expect(txnOutcome([nest([put("a")]), nest([del("a")])])).toBe("ok");
});

test("only transactions without any write are answered without the log", () => {
  expect(isReadOnly(txn([get("a")], [get("b")]))).toBe(true);
  expect(isReadOnly(txn([get("a")], [put("b")]))).toBe(false);
  expect(isReadOnly(txn([nest([get("a")])]))).toBe(false);
});

test("oversize proposals and a member that lags in applying are refused", () => {
  expect(outcome(() => checkRequestBytes(101, 100))).toBe("RequestTooLarge");
  expect(outcome(() => checkRequestBytes(100, 100))).toBe("ok");
  expect(outcome(() => checkApplyGap(5001, 0))).toBe("TooManyRequests");
  expect(outcome(() => checkApplyGap(5000, 0))).toBe("ok");
});
