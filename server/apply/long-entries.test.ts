import { expect, test } from "vitest";
import { finish, isSteps, type Steps } from "../base/steps.ts";
import type { Change } from "../mvcc/change.ts";
import { TXN_SLICE_KEYS } from "../mvcc/write-txn.ts";
import {
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { type Entry, EntryType } from "../raft/entry.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { TABLES } from "../storage/tables.ts";
import type { Applied, Applier } from "./applier.ts";
import { bodyOf } from "./outcome.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

const KEYS = 5_000;
const OPS_PER_TXN = 500;
const name = (i: number) => Buffer.from(`/k/${i % 10}/${String(i).padStart(6, "0")}`);
const ALL = { key: Buffer.from("/"), rangeEnd: Buffer.from("0") };
const everything = DeleteRangeRequest.fromPartial(ALL);

class Machine {
  readonly engine: MemoryEngine;
  readonly state: ReplicatedState;
  readonly applier: Applier;
  readonly published: (readonly [revision: number, changes: readonly Change[]])[] = [];
  #index: number;

  constructor(engine = new MemoryEngine()) {
    this.engine = engine;
    this.state = stateOn(engine);
    this.#index = this.state.applied.index;
    this.applier = applierOf(this.state, {
      onChanges: (...news) => {
        this.published.push(news);
        return undefined;
      },
    });
  }

  /** All keys, each with a value of its own. */
  load(): void {
    for (let from = 0; from < KEYS; from += OPS_PER_TXN) {
      const success = Array.from({ length: OPS_PER_TXN }, (_, i) =>
        RequestOp.fromPartial({ requestPut: { key: name(from + i), value: name(i) } }),
      );
      this.apply(
        InternalField.TXN,
        TxnRequest.encode(TxnRequest.fromPartial({ success })).finish(),
      );
    }
  }

  begin(field: InternalField, bytes: Uint8Array): Applied | Steps<Applied> | undefined {
    const data = encodeInternal(field, bytes, 7n);
    const entry: Entry = { type: EntryType.NORMAL, term: 1, index: ++this.#index, data };
    return this.applier.apply(entry);
  }

  apply(field: InternalField, bytes: Uint8Array): Applied {
    const result = this.begin(field, bytes);
    if (result === undefined) throw new Error("an entry that holds a request has an outcome");
    return isSteps(result) ? finish(result) : result;
  }

  /** An entry that takes more than one turn. */
  steps(field: InternalField, bytes: Uint8Array): Steps<Applied> {
    const result = this.begin(field, bytes);
    if (!isSteps(result)) throw new Error("it was done at once");
    return result;
  }

  /** What any reader of now is shown of everything. */
  view() {
    const { kv } = this.state;
    const query = { ...ALL, revision: 0, limit: 3 };
    const { records, count } = kv.range(query);
    const cursor = kv.openRange({ ...query, limit: 0 });
    const keysRead = cursor.next(KEYS * 2, 1 << 30).length;
    cursor.close();
    const children = kv.children({
      prefix: Buffer.from("/k/"),
      separator: Buffer.from("/"),
      revision: 0,
      limit: 100,
      after: Buffer.alloc(0),
      from: Buffer.alloc(0),
    });
    return {
      revision: kv.revision,
      count,
      keysRead,
      first: records.map(({ key }) => String(key)),
      folders: children.children.map(({ key, count: keys }) => `${String(key)} ${keys}`),
      one: kv.get(name(7))?.modRevision,
      applied: this.state.applied.index,
    };
  }

  /** Every row of every table. */
  rows(): string[] {
    return TABLES.flatMap((table) =>
      Array.from(this.engine.scan(table), ([key, value]) =>
        [table, key.toString("hex"), value.toString("hex")].join(" "),
      ),
    );
  }
}

function loaded(): Machine {
  const machine = new Machine();
  machine.load();
  return machine;
}

test("a long deletion does a bounded piece a turn, and nobody sees it before its end", () => {
  const machine = loaded();
  const before = machine.view();
  expect(before).toMatchObject({ count: KEYS, keysRead: KEYS, revision: 11 });
  machine.published.length = 0;
  let written = machine.engine.pendingCount;
  const steps = machine.steps(
    InternalField.DELETE_RANGE,
    DeleteRangeRequest.encode(everything).finish(),
  );
  let turns = 0;
  for (;;) {
    expect(machine.engine.pendingCount - written).toBeLessThanOrEqual(TXN_SLICE_KEYS);
    written = machine.engine.pendingCount;
    expect(machine.view()).toEqual(before);
    expect(machine.published).toEqual([]);
    const step = steps.next();
    turns++;
    if (step.done !== true) continue;
    expect(DeleteRangeResponse.decode(bodyOf(step.value.outcome)).deleted).toBe(KEYS);
    break;
  }
  expect(turns).toBeGreaterThan(KEYS / TXN_SLICE_KEYS);
  expect(machine.view()).toMatchObject({ revision: 12, count: 0, keysRead: 0, folders: [] });
  expect(machine.published.map(([revision, changes]) => [revision, changes.length])).toEqual([
    [12, KEYS],
  ]);
});

test("a crash in the middle leaves nothing of it, and afterwards it is applied as anywhere", async () => {
  const machine = loaded();
  machine.state.mark();
  await machine.engine.commit();
  const before = machine.view();
  const request = DeleteRangeRequest.encode(everything).finish();
  const steps = machine.steps(InternalField.DELETE_RANGE, request);
  machine.state.mark();
  void machine.engine.commit();
  for (let i = 0; i < 5; i++) steps.next();
  await new Promise((resolve) => setImmediate(resolve));
  const restarted = new Machine(machine.engine.crash());
  expect(restarted.view()).toEqual(before);
  restarted.apply(InternalField.DELETE_RANGE, request);
  restarted.state.mark();
  finish(steps);
  expect(restarted.rows()).toEqual(machine.rows());
  expect(restarted.view()).toEqual(machine.view());
});

test("a commit that was asked for in the middle holds the whole entry, and says so", async () => {
  const machine = loaded();
  const request = DeleteRangeRequest.encode(everything).finish();
  const steps = machine.steps(InternalField.DELETE_RANGE, request);
  machine.state.mark();
  const committed = machine.engine.commit();
  finish(steps);
  machine.apply(
    InternalField.PUT,
    PutRequest.encode(PutRequest.fromPartial({ key: name(1) })).finish(),
  );
  await committed;
  const restarted = new Machine(machine.engine.crash());
  expect(restarted.view()).toMatchObject({ revision: 12, count: 0, applied: 11 });
});

test("a transaction of many long operations pauses within and between them", () => {
  const machine = loaded();
  const remove = (folder: number) =>
    RequestOp.fromPartial({
      requestDeleteRange: {
        key: Buffer.from(`/k/${folder}/`),
        rangeEnd: Buffer.from(`/k/${folder}0`),
        prevKv: folder === 3,
      },
    });
  const request = TxnRequest.fromPartial({
    success: [
      remove(1),
      { requestPut: { key: name(1), value: name(9) } },
      { requestRange: RangeRequest.fromPartial(ALL) },
      remove(3),
      { requestTxn: { success: [remove(4), { requestRange: RangeRequest.fromPartial(ALL) }] } },
    ],
  });
  const before = machine.view();
  const steps = machine.steps(InternalField.TXN, TxnRequest.encode(request).finish());
  let turns = 0;
  for (;;) {
    expect(machine.view()).toEqual(before);
    const step = steps.next();
    turns++;
    if (step.done !== true) continue;
    const { responses } = TxnResponse.decode(bodyOf(step.value.outcome));
    expect(responses[0]?.responseDeleteRange?.deleted).toBe(500);
    expect(responses[2]?.responseRange?.kvs.length).toBe(4501);
    expect(responses[3]?.responseDeleteRange?.prevKvs.length).toBe(500);
    expect(responses[4]?.responseTxn?.responses[1]?.responseRange?.count).toBe(3501);
    break;
  }
  expect(turns).toBeGreaterThan(15);
  expect(machine.view()).toMatchObject({ revision: 12, count: 3501 });
});
