import { beforeEach, expect, test } from "vitest";
import type { Log } from "../base/log.ts";
import { SILENT_LOG } from "../base/log.ts";
import { additionOf } from "../membership/conf-changes.ts";
import { encodePublication } from "../membership/publication.ts";
import { encodeConfChange } from "../proto/conf-codec.ts";
import { ClusterMemberAttrSetRequest, ClusterVersionSetRequest } from "../proto/gen/internal.ts";
import { PutRequest, TxnRequest } from "../proto/gen/rpc.ts";
import { encodeInternal, encodeV2Put, InternalField } from "../proto/internal-codec.ts";
import { EntryType } from "../raft/entry.ts";
import type { Applier } from "./applier.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

// What peers forward for the log, before it is there.

const warnings: string[] = [];
let applier: Applier;
let state: ReplicatedState;

beforeEach(() => {
  warnings.length = 0;
  state = stateOn();
  const note = (message: string) => warnings.push(message);
  const log: Log = { ...SILENT_LOG, warn: note, error: note };
  applier = applierOf(state, { log });
});

const { NORMAL, CONF_CHANGE } = EntryType;
const put = PutRequest.encode(PutRequest.fromPartial({ key: Buffer.from("a") })).finish();
const internal = (request: Uint8Array, field: InternalField = InternalField.PUT) =>
  encodeInternal(field, request, 7n);
const member = { id: 2n, peerUrls: ["http://a:1"], isLearner: false, name: "", clientUrls: [] };

const versionSet = (ver: string) =>
  internal(ClusterVersionSetRequest.encode({ ver }).finish(), InternalField.CLUSTER_VERSION_SET);
const nobody = ClusterMemberAttrSetRequest.encode({ memberID: 2n, memberAttributes: undefined });
const NOTHING_TO_FOLLOW: readonly (readonly [string, Buffer])[] = [
  ["a member without attributes", internal(nobody.finish(), InternalField.CLUSTER_MEMBER_ATTR_SET)],
  ["a version beyond any", versionSet("9.9.0")],
  ["a version that is none", versionSet("x")],
  ["no version", versionSet("")],
  ["a version that is none, in the old form", encodeV2Put(7n, "/0/version", "x")],
];

function nested(levels: number): Buffer {
  let txn = TxnRequest.fromPartial({});
  for (let level = 0; level < levels; level++) {
    txn = TxnRequest.fromPartial({ success: [{ requestTxn: txn }] });
  }
  return Buffer.from(TxnRequest.encode(txn).finish());
}

test.each([
  ["a request", NORMAL, internal(put)],
  ["a request of a kind that a later version knows", NORMAL, internal(put, 9900 as InternalField)],
  ["transactions within each other", NORMAL, internal(nested(100), InternalField.TXN)],
  [
    "what a member says about itself",
    NORMAL,
    encodePublication({ kind: "version", version: "3.5.0" }, 5n, undefined),
  ],
  ["nothing, as leaders write it", NORMAL, Buffer.alloc(0)],
  ["a change of members", CONF_CHANGE, encodeConfChange(additionOf(member, 5n))],
])("%s is taken", (_name, type, data) => {
  expect(applier.canApply({ type, data })).toBe(true);
  expect(warnings).toEqual([]);
});

test.each([
  ["no request", NORMAL, Buffer.from([0x08, 1])],
  ["a broken envelope", NORMAL, Buffer.from([0xff, 0xff, 1, 2, 3])],
  ["half a request", NORMAL, internal(put).subarray(0, 3)],
  ["a broken request", NORMAL, internal(Buffer.from([0x0a, 0x7f, 1]))],
  ["a broken transaction", NORMAL, internal(Buffer.from([0x12, 3, 0xff]), InternalField.TXN)],
  ["a broken change of members", CONF_CHANGE, Buffer.from([0xff, 0xff, 1, 2, 3])],
  ["a change of members of no kind", CONF_CHANGE, Buffer.from([0x10, 77])],
])("%s is not, and said so", (_name, type, data) => {
  expect(applier.canApply({ type, data })).toBe(false);
  expect(warnings).toEqual(["refused an entry that cannot be read"]);
});

test.each([
  ...NOTHING_TO_FOLLOW.map(([name, data]) => [name, NORMAL, data] as const),
  ["a version older than all", NORMAL, versionSet("1.0.0")] as const,
  [
    "a member that nobody can reach",
    CONF_CHANGE,
    encodeConfChange(additionOf({ ...member, peerUrls: ["http://a:99999"] }, 5n)),
  ] as const,
])("%s does not get into the log", (_name, type, data) => {
  expect(applier.canApply({ type, data })).toBe(false);
  expect(warnings).toEqual(["refused an entry that no member could follow"]);
});

test.each(NOTHING_TO_FOLLOW)("%s in the log changes nothing and ends nobody", (_name, data) => {
  state.membership.apply(additionOf(member, 1n));
  state.membership.setClusterVersion("3.5.0", "3.5.16");
  const before = state.membership.v2Store();
  expect(applier.apply({ type: NORMAL, term: 1, index: 1, data })).toMatchObject({
    id: 7n,
    outcome: { error: { code: "UnknownMethod" } },
  });
  expect(state.membership.v2Store()).toEqual(before);
  expect(state.applied.index).toBe(1);
});

test("only members forward entries", () => {
  const entries = [{ type: NORMAL, term: 0, index: 0, data: internal(put) }];
  expect(applier.canPropose({ from: 2n, entries })).toBe(false);
  expect(warnings).toEqual(["refused entries from no member"]);
  state.membership.apply(additionOf({ ...member, isLearner: true }, 1n));
  expect(applier.canPropose({ from: 2n, entries })).toBe(true);
});
