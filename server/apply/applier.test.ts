import { beforeEach, describe, expect, test } from "vitest";
import { hexId } from "../base/bytes.ts";
import { finish, isSteps } from "../base/steps.ts";
import { additionOf } from "../membership/conf-changes.ts";
import { encodePublication } from "../membership/publication.ts";
import { encodeConfChange } from "../proto/conf-codec.ts";
import {
  AlarmRequest,
  AlarmType,
  CompactionRequest,
  Compare,
  type Compare_CompareTarget,
  DeleteRangeRequest,
  DeleteRangeResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseRevokeRequest,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { type Entry, EntryType } from "../raft/entry.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import type { Applied, Applier } from "./applier.ts";
import { bodyOf, type Outcome } from "./outcome.ts";
import { Quota } from "./quota.ts";
import { answerRange } from "./range.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

const MEMBER = 0xabcdn;
const text = (value: string) => Buffer.from(value);

class Machine {
  readonly engine: MemoryEngine;
  readonly state: ReplicatedState;
  readonly applier: Applier;
  readonly published: string[] = [];
  spaceExceeded = 0;
  compactions = 0;
  #index: number;

  constructor(engine = new MemoryEngine(), quotaBytes = Infinity) {
    this.engine = engine;
    this.state = stateOn(engine, MEMBER);
    this.#index = this.state.applied.index;
    this.applier = applierOf(this.state, {
      quota: new Quota(quotaBytes, () => 0),
      onChanges: (revision, changes) => {
        const keys = changes.map((change) => `${change.isDelete ? "-" : "+"}${String(change.key)}`);
        this.published.push(`${revision}:${keys.join(",")}`);
        return undefined;
      },
      onCompacted: () => this.compactions++,
      onSpaceExceeded: () => this.spaceExceeded++,
    });
  }

  entry(data: Buffer, type: Entry["type"] = EntryType.NORMAL): Entry {
    return { type, term: 1, index: ++this.#index, data };
  }

  apply(field: InternalField, bytes: Uint8Array): Outcome {
    const applied = this.applied(this.entry(encodeInternal(field, bytes, 7n)));
    if (applied?.id !== 7n) throw new Error("the entry's id was lost");
    return applied.outcome;
  }

  /** To the end, however many steps it takes. */
  applied(entry: Entry): Applied | undefined {
    const result = this.applier.apply(entry);
    return isSteps(result) ? finish(result) : result;
  }

  put(request: Parameters<typeof PutRequest.fromPartial>[0]): Outcome {
    return this.apply(
      InternalField.PUT,
      PutRequest.encode(PutRequest.fromPartial(request)).finish(),
    );
  }

  txn(request: Parameters<typeof TxnRequest.fromPartial>[0]): Outcome {
    return this.apply(
      InternalField.TXN,
      TxnRequest.encode(TxnRequest.fromPartial(request)).finish(),
    );
  }

  grant(id: bigint, TTL = 60): Outcome {
    const request = LeaseGrantRequest.encode({ ID: id, TTL }).finish();
    return this.apply(InternalField.LEASE_GRANT, request);
  }

  alarm(type: AlarmType, action: 1 | 2): Outcome {
    const request = AlarmRequest.encode({ action, memberID: MEMBER, alarm: type }).finish();
    return this.apply(InternalField.ALARM, request);
  }

  get(request: Parameters<typeof RangeRequest.fromPartial>[0]): RangeResponse {
    const range = RangeRequest.fromPartial(request);
    return RangeResponse.decode(answerRange(this.state.kv, range).bytes);
  }

  value(key: string): string | undefined {
    return this.get({ key: text(key) }).kvs[0]?.value.toString();
  }

  get keys(): string[] {
    return this.get({ key: text("\0"), rangeEnd: text("\0") }).kvs.map((kv) => kv.key.toString());
  }
}

const put = (key: string, value = "v", more = {}) =>
  RequestOp.fromPartial({
    requestPut: PutRequest.fromPartial({ key: text(key), value: text(value), ...more }),
  });
const get = (key: string, revision = 0) =>
  RequestOp.fromPartial({
    requestRange: RangeRequest.fromPartial({ key: text(key), revision }),
  });
const del = (key: string, end = "") =>
  RequestOp.fromPartial({
    requestDeleteRange: { key: text(key), rangeEnd: text(end), prevKv: true },
  });
const nest = (request: Parameters<typeof TxnRequest.fromPartial>[0]) =>
  RequestOp.fromPartial({ requestTxn: TxnRequest.fromPartial(request) });

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});

describe("keys", () => {
  test("a put makes a revision, and its answer is encoded as the generated code would", () => {
    const first = machine.put({ key: text("a"), value: text("1") });
    expect(first).toEqual({ error: undefined, revision: 2, chunks: [Buffer.alloc(0)] });
    const second = machine.put({ key: text("a"), value: text("2"), prevKv: true });
    const response = PutResponse.decode(bodyOf(second));
    expect(second.revision).toBe(3);
    expect(response.prevKv).toMatchObject({ createRevision: 2, modRevision: 2, version: 1 });
    expect(Buffer.from(PutResponse.encode(response).finish())).toEqual(bodyOf(second));
    expect(machine.published).toEqual(["2:+a", "3:+a"]);
  });

  test("a put can keep the value or the lease of a key, but only of one that exists", () => {
    machine.grant(5n);
    machine.put({ key: text("a"), value: text("1"), lease: 5n });
    machine.put({ key: text("a"), ignoreValue: true });
    expect(machine.get({ key: text("a") }).kvs[0]).toMatchObject({ value: text("1"), lease: 0n });
    machine.put({ key: text("a"), value: text("2"), lease: 5n });
    machine.put({ key: text("a"), value: text("3"), ignoreLease: true });
    expect(machine.get({ key: text("a") }).kvs[0]).toMatchObject({ value: text("3"), lease: 5n });
    expect(machine.put({ key: text("b"), ignoreValue: true }).error?.code).toBe("KeyNotFound");
    expect(machine.put({ key: text("b"), lease: 9n }).error?.code).toBe("LeaseNotFound");
    expect(machine.keys).toEqual(["a"]);
  });

  test("a delete of nothing makes no revision, one of three keys makes one", () => {
    for (const key of ["a", "b", "c"]) machine.put({ key: text(key) });
    const erase = (key: string, end: string) =>
      machine.apply(
        InternalField.DELETE_RANGE,
        DeleteRangeRequest.encode({ key: text(key), rangeEnd: text(end), prevKv: true }).finish(),
      );
    expect(erase("x", "").revision).toBe(4);
    const outcome = erase("a", "d");
    const response = DeleteRangeResponse.decode(bodyOf(outcome));
    expect([outcome.revision, response.deleted]).toEqual([5, 3]);
    expect(response.prevKvs.map((kv) => kv.key.toString())).toEqual(["a", "b", "c"]);
    expect(machine.published.at(-1)).toBe("5:-a,-b,-c");
  });

  test("ranges are limited, filtered, sorted and counted as etcd does it", () => {
    for (const [key, value] of ["a3", "b1", "c2", "d0"].map((pair) => pair.split(""))) {
      machine.put({ key: text(key ?? ""), value: text(value ?? "") });
    }
    const all = { key: text("a"), rangeEnd: text("e") };
    const show = (request: Parameters<typeof RangeRequest.fromPartial>[0]) => {
      const { kvs, more, count } = machine.get({ ...all, ...request });
      return `${kvs.map((kv) => `${kv.key.toString()}${kv.value.toString()}`).join(" ")} ${more} ${count}`;
    };
    expect(show({})).toBe("a3 b1 c2 d0 false 4");
    expect(show({ limit: 2 })).toBe("a3 b1 true 4");
    expect(show({ limit: 4 })).toBe("a3 b1 c2 d0 false 4");
    expect(show({ sortTarget: 4, sortOrder: 1 })).toBe("d0 b1 c2 a3 false 4");
    expect(show({ sortTarget: 4, sortOrder: 2, limit: 1 })).toBe("a3 true 4");
    expect(show({ sortTarget: 4, limit: 2 })).toBe("b1 c2 true 4");
    expect(show({ sortTarget: 0, sortOrder: 2, keysOnly: true })).toBe("d c b a false 4");
    expect(show({ minModRevision: 3, maxModRevision: 4 })).toBe("b1 c2 false 4");
    expect(show({ maxCreateRevision: 2, limit: 1 })).toBe("a3 false 4");
    expect(show({ countOnly: true, limit: 1 })).toBe(" false 4");
    expect(show({ sortTarget: 3, sortOrder: 2, keysOnly: true })).toBe("d c b a false 4");
  });
});

describe("transactions", () => {
  const compare = (key: string, target: Compare_CompareTarget, rest: Partial<Compare>) =>
    Compare.fromPartial({ key: text(key), target, ...rest });

  test("all writes of a transaction share a revision, and later ranges see earlier writes", () => {
    const outcome = machine.txn({
      success: [put("a", "1"), get("a"), del("a"), put("b"), get("a")],
    });
    const response = TxnResponse.decode(bodyOf(outcome));
    expect(outcome.revision).toBe(2);
    expect(response.succeeded).toBe(true);
    expect(response.responses[1]?.responseRange?.kvs[0]?.value.toString()).toBe("1");
    expect(response.responses[2]?.responseDeleteRange?.deleted).toBe(1);
    expect(response.responses[4]?.responseRange?.count).toBe(0);
    expect(machine.published).toEqual(["2:+a,-a,+b"]);
    expect(Buffer.from(TxnResponse.encode(response).finish())).toEqual(bodyOf(outcome));
  });

  test("inner headers hold only the revision, those of nested transactions nothing", () => {
    const success = [get("a"), put("a"), nest({ success: [get("a")] })];
    const { responses } = TxnResponse.decode(bodyOf(machine.txn({ success })));
    const empty = { clusterId: 0n, memberId: 0n, raftTerm: 0, revision: 0 };
    expect(responses[0]?.responseRange?.header).toEqual({ ...empty, revision: 1 });
    expect(responses[1]?.responsePut?.header).toEqual({ ...empty, revision: 2 });
    expect(responses[2]?.responseTxn?.header).toEqual(empty);
  });

  test("every compare, nested ones too, looks at the state before the transaction", () => {
    const isNew = [compare("a", 0, { result: 0, version: 0n })];
    const outcome = machine.txn({
      compare: isNew,
      success: [put("a"), nest({ compare: isNew, success: [put("inner")], failure: [put("no")] })],
    });
    expect(TxnResponse.decode(bodyOf(outcome)).succeeded).toBe(true);
    expect(machine.keys).toEqual(["a", "inner"]);
  });

  test.each([
    ["a missing key's value is equal to nothing", compare("x", 3, { value: text("") }), false],
    ["nor unequal", compare("x", 3, { result: 3, value: text("a") }), false],
    ["a missing key counts as 0", compare("x", 2, { modRevision: 0n }), true],
    ["and as less than 1", compare("x", 1, { result: 2, createRevision: 1n }), true],
    ["values compare as bytes", compare("k", 3, { result: 1, value: text("U") }), true],
    ["an unset number is 0", compare("k", 0, { result: 1 }), true],
    ["a lease compares by id", compare("k", 4, { lease: 0n }), true],
    [
      "every key of a range must pass",
      compare("a", 0, { rangeEnd: text("z"), version: 1n }),
      false,
    ],
    ["a range that passes", compare("a", 0, { rangeEnd: text("z"), result: 1, version: 0n }), true],
  ])("%s", (_name, condition, holds) => {
    machine.put({ key: text("k"), value: text("V") });
    machine.put({ key: text("l"), value: text("V") });
    machine.put({ key: text("l"), value: text("V") });
    const outcome = machine.txn({ compare: [condition] });
    expect(TxnResponse.decode(bodyOf(outcome)).succeeded).toBe(holds);
  });

  test("whatever depth etcd lets into the log can be applied", () => {
    let deepest = put("deep");
    for (let depth = 1; depth < 128; depth++) deepest = nest({ success: [deepest] });
    const outcome = machine.txn({ success: [deepest] });
    expect(outcome.error).toBeUndefined();
    expect(machine.keys).toEqual(["deep"]);
  });

  test("a put that cannot be voids the whole transaction", () => {
    const outcome = machine.txn({ success: [put("a"), put("b", "v", { lease: 99n })] });
    expect(outcome.error?.code).toBe("LeaseNotFound");
    expect([outcome.revision, machine.keys]).toEqual([1, []]);
    const nested = machine.txn({ success: [put("a"), nest({ success: [get("a", 50)] })] });
    expect(nested.error?.code).toBe("FutureRev");
    expect(machine.keys).toEqual([]);
  });

  test("an own range that cannot be read is told, but every member keeps the writes", () => {
    const outcome = machine.txn({ success: [put("a"), get("a", 50)] });
    expect(outcome.error?.code).toBe("FutureRev");
    expect([outcome.revision, machine.keys]).toEqual([2, ["a"]]);
  });
});

describe("leases", () => {
  test("a lease gets at least the minimum, and once", () => {
    const outcome = machine.grant(5n, 1);
    expect(LeaseGrantResponse.decode(bodyOf(outcome))).toMatchObject({ ID: 5n, TTL: 2 });
    expect(machine.grant(5n).error?.code).toBe("LeaseExist");
  });

  test("revoking deletes the keys in byte order as one revision, or makes none", () => {
    machine.grant(5n);
    for (const key of ["b", "a", "c"]) machine.put({ key: text(key), lease: 5n });
    machine.put({ key: text("c") });
    const revoke = (ID: bigint) =>
      machine.apply(InternalField.LEASE_REVOKE, LeaseRevokeRequest.encode({ ID }).finish());
    expect(revoke(5n).revision).toBe(6);
    expect(machine.published.at(-1)).toBe("6:-a,-b");
    expect(revoke(5n).error?.code).toBe("LeaseNotFound");
    machine.grant(6n);
    expect(revoke(6n).revision).toBe(6);
  });
});

describe("alarms and the quota", () => {
  test("without space only what grows the database is refused", () => {
    machine.put({ key: text("a") });
    machine.alarm(AlarmType.NOSPACE, 1);
    expect(machine.put({ key: text("b") }).error?.code).toBe("NoSpace");
    expect(machine.grant(5n).error?.code).toBe("NoSpace");
    expect(machine.txn({ failure: [put("b")] }).error?.code).toBe("NoSpace");
    expect(machine.txn({ success: [del("a")] }).error).toBeUndefined();
    const compact = CompactionRequest.encode({ revision: 2, physical: false }).finish();
    expect(machine.apply(InternalField.COMPACTION, compact).error).toBeUndefined();
    machine.alarm(AlarmType.NOSPACE, 2);
    expect(machine.put({ key: text("b") }).error).toBeUndefined();
  });

  test("a corrupt cluster takes no writes, whatever else is alarmed", () => {
    machine.alarm(AlarmType.NOSPACE, 1);
    machine.alarm(AlarmType.CORRUPT, 1);
    expect(machine.put({ key: text("b") }).error?.code).toBe("Corrupt");
    expect(machine.txn({ success: [del("a")] }).error?.code).toBe("Corrupt");
    machine.alarm(AlarmType.CORRUPT, 2);
    expect(machine.put({ key: text("b") }).error?.code).toBe("NoSpace");
  });

  test("what exceeds this member's quota is applied as on every other member, and told", () => {
    const full = new Machine(new MemoryEngine(), 200);
    const outcome = full.put({ key: text("a"), value: text("1") });
    expect(outcome.error?.code).toBe("NoSpace");
    expect([full.value("a"), full.spaceExceeded]).toEqual(["1", 1]);
  });

  test("a negative quota is none", () => {
    const free = new Machine(new MemoryEngine(), -7);
    expect(free.put({ key: text("a"), value: text("1") }).error).toBeUndefined();
    expect(free.spaceExceeded).toBe(0);
  });
});

describe("the cluster", () => {
  const member = {
    id: MEMBER,
    peerUrls: ["http://a:1"],
    isLearner: false,
    name: "",
    clientUrls: [],
  };

  test("a conf change is applied once; the same again is refused and raft told of nobody", () => {
    const data = encodeConfChange(additionOf(member, 9n));
    const first = machine.applier.applyConfChange(machine.entry(data, EntryType.CONF_CHANGE));
    expect([first.id, first.change.kind, first.change.change.nodeId]).toEqual([
      9n,
      "added",
      MEMBER,
    ]);
    expect(machine.state.applied.confState).toEqual({ voters: [MEMBER], learners: [] });
    const again = machine.applier.applyConfChange(machine.entry(data, EntryType.CONF_CHANGE));
    expect(again.outcome.error?.code).toBe("MemberExist");
    expect(again.change.change.nodeId).toBe(0n);
  });

  test.each([undefined, "3.5.0"])("names and versions are read in both forms (%s)", (version) => {
    const data = encodeConfChange(additionOf(member, 9n));
    machine.applier.applyConfChange(machine.entry(data, EntryType.CONF_CHANGE));
    const attributes = { name: "m1", clientUrls: ["http://c:2"] };
    const publish = (publication: Parameters<typeof encodePublication>[0]) =>
      machine.applied(machine.entry(encodePublication(publication, 4n, version)));
    expect(publish({ kind: "attributes", memberId: MEMBER, attributes })?.id).toBe(4n);
    publish({ kind: "version", version: "3.5.0" });
    expect(machine.state.membership.local).toMatchObject(attributes);
    expect(machine.state.membership.clusterVersion).toBe("3.5.0");
  });

  test.each([undefined, "3.5.0"])("a name is kept as JSON can say it (%s)", (version) => {
    const data = encodeConfChange(additionOf(member, 9n));
    machine.applier.applyConfChange(machine.entry(data, EntryType.CONF_CHANGE));
    const attributes = { name: "m\udce4", clientUrls: ["http://c\udce5:2"] };
    const publication = { kind: "attributes", memberId: MEMBER, attributes } as const;
    machine.applied(machine.entry(encodePublication(publication, 4n, version)));
    const kept = { name: "m\ufffd", clientUrls: ["http://c\ufffd:2"] };
    expect(machine.state.membership.local).toMatchObject(kept);
  });

  test("a request of an unknown kind is refused alike everywhere and changes nothing", () => {
    const outcome = machine.apply(9900 as InternalField, Buffer.alloc(0));
    expect(outcome.error?.code).toBe("UnknownMethod");
  });
});

test("a restarted member goes on behind the last commit, exactly once", async () => {
  const confState = { voters: [MEMBER], learners: [] };
  machine.state.setConfState(confState);
  machine.grant(5n);
  machine.put({ key: text("a"), value: text("1"), lease: 5n });
  machine.state.mark();
  await machine.engine.commit();
  machine.put({ key: text("lost"), value: text("2") });
  const restarted = new Machine(machine.engine.crash());
  expect(restarted.state.applied).toEqual({ index: 2, term: 1, confState });
  expect(restarted.keys).toEqual(["a"]);
  expect(finish(restarted.state.lessor.sortedKeys(5n)).map(String)).toEqual(["a"]);
  expect(restarted.put({ key: text("lost"), value: text("2") }).revision).toBe(3);
  const gap = { ...restarted.entry(Buffer.alloc(0)), index: 9 };
  expect(() => restarted.applier.apply(gap)).toThrow("in order");
  expect(hexId(MEMBER)).toBe("abcd");
});
