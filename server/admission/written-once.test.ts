import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { RequestOp, TxnRequest } from "../proto/gen/rpc.ts";
import { KeyList, KeySet } from "./key-set.ts";
import { checkTxn } from "./validate.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const put = (key: string) => RequestOp.fromPartial({ requestPut: { key: bytes(key) } });
const del = (key: string, rangeEnd = "") =>
  RequestOp.fromPartial({
    requestDeleteRange: { key: bytes(key), rangeEnd: bytes(rangeEnd) },
  });
const nest = (success: RequestOp[], failure: RequestOp[] = []) =>
  RequestOp.fromPartial({ requestTxn: { success, failure } });

/** As etcd does it: key by key, all of them again on every level. */
function isWrittenOnce(operations: readonly RequestOp[]): Writes | undefined {
  const deletes: (readonly [string, string])[] = [];
  const puts = new Set<string>();
  const own = (list: readonly RequestOp[]) =>
    list.flatMap(({ requestDeleteRange: range }) => {
      if (range === undefined) return [];
      const start = range.key.toString("latin1");
      const end = range.rangeEnd.length === 0 ? `${start}\0` : range.rangeEnd.toString("latin1");
      return [[start, end] as const];
    });
  deletes.push(...own(operations));
  const isFree = (key: string, otherBranch?: ReadonlySet<string>) =>
    (!puts.has(key) || otherBranch?.has(key) === true) &&
    !deletes.some(([start, end]) => start <= key && key < end);
  for (const { requestTxn } of operations) {
    if (requestTxn === undefined) continue;
    const success = isWrittenOnce(requestTxn.success);
    const failure = isWrittenOnce(requestTxn.failure);
    if (success === undefined || failure === undefined) return undefined;
    for (const key of success.puts) {
      if (!isFree(key)) return undefined;
      puts.add(key);
    }
    for (const key of failure.puts) {
      if (!isFree(key, success.puts)) return undefined;
      puts.add(key);
    }
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const { requestPut } of operations) {
    if (requestPut === undefined) continue;
    const key = requestPut.key.toString("latin1");
    if (!isFree(key)) return undefined;
    puts.add(key);
  }
  return { puts, deletes };
}

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: readonly (readonly [string, string])[];
}

test("3,000 random transactions are refused for what they write where etcd refuses them", () => {
  const random = new SeededRandom(3);
  const key = () => String.fromCharCode(97 + random.below(26)) + "\u00e9".repeat(random.below(2));
  const list = (depth: number): RequestOp[] =>
    Array.from({ length: random.below(4) }, () => {
      const kind = random.below(5);
      if (kind <= 1) return put(key());
      if (kind === 2) return del(key(), random.below(2) === 0 ? "" : key());
      return depth === 0 ? put(key()) : nest(list(depth - 1), list(depth - 1));
    });
  let refused = 0;
  for (let run = 0; run < 3_000; run++) {
    const [success, failure] = [list(3), list(2)];
    const check = () => checkTxn(TxnRequest.fromPartial({ success, failure }), 1000);
    const isFine = isWrittenOnce(success) !== undefined && isWrittenOnce(failure) !== undefined;
    if (isFine) expect(check).not.toThrow();
    else expect(check).toThrow("duplicate key");
    if (!isFine) refused++;
  }
  expect(refused).toBeGreaterThan(300);
  expect(refused).toBeLessThan(2700);
});

test("keys are handed on from set to set, only the fewer of two are put in place", () => {
  const keys = Array.from({ length: 500 }, (_, i) => bytes(`k${i}`));
  const inner = new KeyList();
  inner.add(keys);
  const many = inner.keys;
  const outer = new KeyList();
  expect(outer.addAll(inner)).toBe(true);
  expect(outer.keys).toBe(many);
  const outermost = new KeyList();
  outermost.add([bytes("l")]);
  expect(outermost.addAll(outer)).toBe(true);
  expect(outermost.keys).toBe(many);
  expect(many).toHaveLength(501);
});

test.each([3, 40, 400])("sets of intervals unite to what each of them holds (%i)", (count) => {
  const random = new SeededRandom(count);
  const point = () => String(1000 + random.below(3000));
  const ranges = (size: number) =>
    Array.from({ length: size }, () => ({
      key: bytes(point()),
      rangeEnd: bytes(random.below(2) === 0 ? "" : point()),
    }));
  for (let run = 0; run < 20; run++) {
    const [some, others] = [ranges(count), ranges(200)];
    const [united, other] = [new KeySet(), new KeySet()];
    united.add(some);
    other.add(others);
    united.addAll(other);
    for (let key = 1000; key < 4000; key += 7) {
      const isIn = [...some, ...others].some(({ key: start, rangeEnd }) => {
        const end = rangeEnd.length === 0 ? `${String(start)}\0` : rangeEnd.toString();
        return start.toString() <= String(key) && String(key) < end;
      });
      const list = new KeyList();
      list.add([bytes(String(key))]);
      expect(united.hasAny(list)).toBe(isIn);
    }
  }
});
