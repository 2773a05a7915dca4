import { expect, test } from "vitest";
import { finish, isSteps } from "../base/steps.ts";
import {
  DeleteRangeRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { EntryType } from "../raft/entry.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { TABLES } from "../storage/tables.ts";
import { AnswerRoom } from "./answer-room.ts";
import type { Applied, Applier } from "./applier.ts";
import { gatherRange } from "./gathered-range.ts";
import { KeyWriter } from "./key-writer.ts";
import { bodyOf } from "./outcome.ts";
import { answerRange } from "./range.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

const KEYS = 700;
const ALL = { key: Buffer.from("k"), rangeEnd: Buffer.from("l") };
const name = (i: number) => Buffer.from(`k${String((i * 263) % KEYS).padStart(4, "0")}`);

class Machine {
  readonly engine = new MemoryEngine();
  readonly state = stateOn(this.engine);
  readonly #applier: Applier;
  readonly #isAwaited: boolean;
  #index = 0;

  constructor(isAwaited = true, answerBytesMax?: number) {
    this.#isAwaited = isAwaited;
    this.#applier = applierOf(this.state, answerBytesMax === undefined ? {} : { answerBytesMax });
    for (let from = 0; from < KEYS; from += 100) {
      const success = Array.from({ length: 100 }, (_, i) =>
        RequestOp.fromPartial({
          requestPut: { key: name(from + i), value: Buffer.alloc(100, 97 + (i % 26)) },
        }),
      );
      this.txn({ success });
    }
  }

  txn(request: Parameters<typeof TxnRequest.fromPartial>[0]): Applied {
    return this.apply(
      InternalField.TXN,
      TxnRequest.encode(TxnRequest.fromPartial(request)).finish(),
    );
  }

  apply(field: InternalField, request: Uint8Array): Applied {
    const data = encodeInternal(field, request, 7n);
    const entry = { type: EntryType.NORMAL, term: 1, index: ++this.#index, data };
    const result = this.#applier.apply(entry, () => this.#isAwaited);
    if (result === undefined) throw new Error("an entry that holds a request has an outcome");
    return isSteps(result) ? finish(result) : result;
  }

  rows(): string[] {
    this.state.mark();
    return TABLES.flatMap((table) =>
      Array.from(this.engine.scan(table), ([key, value]) =>
        [table, key.toString("hex"), value.toString("hex")].join(" "),
      ),
    );
  }
}

const range = (request: Parameters<typeof RangeRequest.fromPartial>[0] = {}) => ({
  requestRange: RangeRequest.fromPartial({ ...ALL, ...request }),
});
const remove = (prevKv: boolean) => ({
  requestDeleteRange: { key: Buffer.from("k0"), rangeEnd: Buffer.from("k03"), prevKv },
});
const MANY = [
  range(),
  { requestPut: { key: Buffer.from("k0000"), value: Buffer.from("1"), prevKv: true } },
  { requestTxn: { success: [range({ revision: 3 }), range()] } },
  { requestDeleteRange: { key: Buffer.from("k05"), rangeEnd: Buffer.from("k06"), prevKv: true } },
  range({ sortOrder: 2 as const }),
];

test("where nobody waits for a transaction its answer is left out, and its effect is the same", () => {
  const [here, there] = [new Machine(true), new Machine(false)];
  const [waited, unwaited] = [here.txn({ success: MANY }), there.txn({ success: MANY })];
  expect(TxnResponse.decode(bodyOf(waited.outcome)).responses).toHaveLength(5);
  expect(unwaited.outcome).toMatchObject({ error: undefined, revision: waited.outcome.revision });
  expect(bodyOf(unwaited.outcome)).toHaveLength(0);
  expect(there.rows()).toEqual(here.rows());
});

test.each([
  [
    "ranges",
    [range(), range(), { requestPut: { key: Buffer.from("k9"), value: Buffer.alloc(1) } }],
  ],
  ["nested ranges", [{ requestTxn: { success: [range(), range()] } }, remove(false)]],
  ["what was deleted", [remove(true)]],
])("an answer with too many %s fails, and what was to be done is done", (_name, success) => {
  const [bounded, free] = [new Machine(true, 30_000), new Machine()];
  expect(bounded.txn({ success }).outcome).toMatchObject({
    error: { code: "ResponseTooLarge" },
    revision: free.txn({ success }).outcome.revision,
  });
  expect(bounded.rows()).toEqual(free.rows());
  const small = bounded.txn({ success: [range({ limit: 10 })] });
  expect(TxnResponse.decode(bodyOf(small.outcome)).responses[0]?.responseRange?.kvs).toHaveLength(
    10,
  );
});

test("a deletion whose records are too many for an answer is done, and fails", () => {
  const machine = new Machine(true, 30_000);
  const request = DeleteRangeRequest.fromPartial({ ...ALL, prevKv: true });
  const bytes = DeleteRangeRequest.encode(request).finish();
  const { outcome } = machine.apply(InternalField.DELETE_RANGE, bytes);
  expect(outcome.error?.code).toBe("ResponseTooLarge");
  expect(machine.state.kv.keyCount).toBe(0);
});

test.each([
  {},
  { limit: 1 },
  { limit: 64 },
  { limit: 65 },
  { limit: 500 },
  { limit: 699 },
  { limit: 700 },
  { limit: Number.MAX_SAFE_INTEGER },
  { countOnly: true },
  { keysOnly: true },
  { keysOnly: true, sortOrder: 1, sortTarget: 4, limit: 20 },
  { sortOrder: 2 },
  { sortOrder: 2, limit: 9 },
  { sortOrder: 1, sortTarget: 4, limit: 150 },
  { sortOrder: 2, sortTarget: 3, limit: 3 },
  { sortTarget: 4, limit: 300 },
  { minModRevision: 3, maxModRevision: 6 },
  { maxCreateRevision: 3, limit: 70 },
  { minCreateRevision: 100 },
  { revision: 5 },
  { revision: 5, limit: 130 },
  { revision: 6, sortOrder: 2, sortTarget: 4, limit: 200 },
  { key: Buffer.from("k0001"), rangeEnd: Buffer.alloc(0) },
  { key: Buffer.from("k01"), rangeEnd: Buffer.alloc(1) },
  { key: Buffer.from("z") },
] as const)("a range read in pages is the range read at once: %j", (options) => {
  const { state } = new Machine();
  const writer = new KeyWriter(state);
  const request = RangeRequest.fromPartial({ ...ALL, ...options });
  const gathered = () =>
    Buffer.concat(finish(gatherRange(writer, request, new AnswerRoom())) ?? []);
  expect(gathered()).toEqual(answerRange(writer, request).bytes);
  writer.put({
    key: Buffer.from("k00005"),
    value: Buffer.from("new"),
    lease: 0n,
    prevKv: false,
    ignoreLease: false,
    ignoreValue: false,
  });
  finish(writer.deletingRange(Buffer.from("k02"), Buffer.from("k03")));
  expect(gathered()).toEqual(answerRange(writer, request).bytes);
});
