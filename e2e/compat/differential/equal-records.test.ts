import { expect, test } from "vitest";
import { withoutOrderOfEquals } from "./equal-records.ts";
import type { Message, Step } from "./step.ts";

const BY_VERSION = 1;
const BY_VALUE = 4;
const RANGE = { sortTarget: BY_VERSION };
const MANY = 13;

const record = (key: string, version: number) => ({ key, value: "x", version });
const answer = (kvs: readonly object[], { more = false, count = MANY } = {}) => ({
  kvs,
  more,
  count,
});
const ofRange = (request: Message, response: object) =>
  withoutOrderOfEquals({ call: "KV/Range", request }, JSON.stringify({ response }));

test("equals are the same in any order, but for the place where they stand", () => {
  const [a, b, c] = [record("a", 1), record("b", 1), record("c", 2)];
  const said = ofRange(RANGE, answer([a, b, c]));
  expect(ofRange(RANGE, answer([b, a, c]))).toBe(said);
  expect(ofRange(RANGE, answer([a, c, b]))).not.toBe(said);
  expect(ofRange(RANGE, answer([b, { ...a, value: "y" }, c]))).not.toBe(said);
  expect(ofRange(RANGE, answer([b, a, c], { count: MANY + 1 }))).not.toBe(said);
  expect(ofRange({}, answer([b, a, c]))).not.toBe(ofRange({}, answer([a, b, c])));
});

test("few records have to stand in the order of their keys", () => {
  const few = { count: MANY - 1 };
  const [a, b] = [record("a", 1), record("b", 1)];
  expect(ofRange(RANGE, answer([a, b], few))).not.toBe(ofRange(RANGE, answer([b, a], few)));
});

test("of the equals that a limit cuts, any may be there, but as many", () => {
  const cut = { more: true };
  const [a, b, c, d] = [record("a", 1), record("b", 2), record("c", 2), record("d", 3)];
  const said = ofRange(RANGE, answer([a, b], cut));
  expect(ofRange(RANGE, answer([a, c], cut))).toBe(said);
  expect(ofRange(RANGE, answer([a, d], cut))).not.toBe(said);
  expect(ofRange(RANGE, answer([a, b, c], cut))).not.toBe(said);
  expect(ofRange(RANGE, answer([{ ...a, value: "y" }, b], cut))).not.toBe(said);
});

test("which values were equal is not told without them", () => {
  const request = { sortTarget: BY_VALUE, keysOnly: true };
  const [a, b, c] = [record("a", 1), record("b", 1), record("c", 2)];
  expect(ofRange(request, answer([a, b, c]))).toBe(ofRange(request, answer([c, b, a])));
  expect(ofRange(request, answer([a, b]))).not.toBe(ofRange(request, answer([a, c])));
});

test("ranges within nested transactions are told by their requests", () => {
  const inner = { success: [{ requestPut: {} }, { requestRange: RANGE }], failure: [] };
  const step: Step = {
    call: "KV/Txn",
    request: { success: [], failure: [{ requestRange: {} }, { requestTxn: inner }] },
  };
  const [a, b] = [record("a", 1), record("b", 1)];
  const said = (sorted: readonly object[], unsorted: readonly object[]) => {
    const responses = [{ responsePut: {} }, { responseRange: answer(sorted) }];
    const responseTxn = { succeeded: true, responses };
    const outer = [{ responseRange: answer(unsorted) }, { responseTxn }];
    const response = { succeeded: false, responses: outer };
    return withoutOrderOfEquals(step, JSON.stringify({ response }));
  };
  expect(said([b, a], [a, b])).toBe(said([a, b], [a, b]));
  expect(said([a, b], [b, a])).not.toBe(said([a, b], [a, b]));
});

test("what is no response is as it was", () => {
  const failed = JSON.stringify({ failure: { status: 3, text: "no" } });
  expect(withoutOrderOfEquals({ call: "KV/Range", request: RANGE }, failed)).toBe(failed);
});
