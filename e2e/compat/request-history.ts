import fc from "fast-check";
import {
  CompactionRequest,
  type Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  type TxnRequest,
} from "../../server/proto/gen/rpc.ts";

/** One request of a history; `compact` counts back from the newest revision. */
export type Request =
  | { readonly kind: "put"; readonly request: PutRequest }
  | { readonly kind: "range"; readonly request: RangeRequest }
  | { readonly kind: "deleteRange"; readonly request: DeleteRangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest }
  | { readonly kind: "compact"; readonly request: CompactionRequest }
  | { readonly kind: "leaseGrant"; readonly request: LeaseGrantRequest }
  | { readonly kind: "leaseRevoke"; readonly request: LeaseRevokeRequest }
  | { readonly kind: "leaseTimeToLive"; readonly request: LeaseTimeToLiveRequest }
  | { readonly kind: "leaseLeases" };

const KEYS = ["a", "a/", "a/b", "a/b/c", "a0", "b", "c", "c\0", "d/e", "d/f", "z"].map((text) =>
  Buffer.from(text),
);
KEYS.push(Buffer.from([0]), Buffer.from([0xff]), Buffer.from([0xff, 0xff, 1]));
const LEASES = [1n, 2n, 77n, 0x7fff_ffff_ffff_ffffn, 9_007_199_254_740_993n];

const key = fc.constantFrom(...KEYS);
const anyKey = fc.oneof(
  { weight: 60, arbitrary: key },
  { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
);
const rangeEnd = fc.oneof(
  { weight: 5, arbitrary: fc.constant(Buffer.alloc(0)) },
  { weight: 3, arbitrary: key },
  { weight: 2, arbitrary: fc.constant(Buffer.from([0])) },
);
const value = fc.oneof(
  fc.constantFrom(
    Buffer.from("v"),
    Buffer.from("w"),
    Buffer.alloc(0),
    Buffer.from([0xff, 0, 0xfe]),
  ),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);
const lease = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0n) },
  { weight: 2, arbitrary: fc.constantFrom(...LEASES) },
);
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
const sometimes = fc.boolean();
/** Small revisions meet compacted, present and future ones as a history grows. */
const revision = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 400 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 100_000, Number.MAX_SAFE_INTEGER) },
);

const put = fc
  .record({
    key: anyKey,
    value,
    lease,
    prevKv: sometimes,
    ignoreValue: rarely,
    ignoreLease: rarely,
  })
  .map((fields) => PutRequest.fromPartial(fields));

const range = fc
  .record({
    key: anyKey,
    rangeEnd,
    limit: fc.constantFrom(0, 0, 0, 1, 2, 3, -1),
    revision,
    // Sorting by value or version leaves ties in no defined order: only total orders are compared.
    sortOrder: fc.constantFrom(0, 0, 1, 2),
    sortTarget: fc.constantFrom(0, 0, 0, 3),
    serializable: sometimes,
    keysOnly: rarely,
    countOnly: rarely,
    minModRevision: fc.constantFrom(0, 0, 0, 0, 5, 50),
    maxModRevision: fc.constantFrom(0, 0, 0, 0, 20, 200),
    minCreateRevision: fc.constantFrom(0, 0, 0, 0, 5, 50),
    maxCreateRevision: fc.constantFrom(0, 0, 0, 0, 20, 200),
  })
  .filter(({ sortTarget, sortOrder }) => sortTarget === 0 || sortOrder !== 0)
  .map((fields) => RangeRequest.fromPartial(fields as Partial<RangeRequest>));

const deleteRange = fc
  .record({ key: anyKey, rangeEnd, prevKv: sometimes })
  .map((fields) => DeleteRangeRequest.fromPartial(fields));

/**
 * An open-ended delete hides from etcd's check for keys written twice; followed by a put with
 * ignore_lease on a key that it deleted, it panics real etcd 3.4 and 3.5.
 */
const boundedDelete = deleteRange.filter(({ rangeEnd: end }) => end.length !== 1 || end[0] !== 0);

const compare = fc
  .record({
    result: fc.constantFrom(...Object.values(Compare_CompareResult)),
    target: fc.constantFrom(...Object.values(Compare_CompareTarget)),
    key: anyKey,
    rangeEnd,
    number: fc.constantFrom(0n, 1n, 2n, 3n, 10n, -1n, 0x7fff_ffff_ffff_ffffn),
    value,
  })
  .map(({ result, target, number, ...rest }): Compare => {
    const base = { result, target, key: rest.key, rangeEnd: rest.rangeEnd };
    if (target === Compare_CompareTarget.VALUE) return { ...base, value: rest.value };
    if (target === Compare_CompareTarget.VERSION) return { ...base, version: number };
    if (target === Compare_CompareTarget.CREATE) return { ...base, createRevision: number };
    if (target === Compare_CompareTarget.MOD) return { ...base, modRevision: number };
    return { ...base, lease: number };
  });

const { txn } = fc.letrec<{ txn: TxnRequest; op: RequestOp }>((tie) => ({
  op: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 5, arbitrary: put.map((requestPut) => ({ requestPut })) },
    { weight: 4, arbitrary: range.map((requestRange) => ({ requestRange })) },
    { weight: 3, arbitrary: boundedDelete.map((requestDeleteRange) => ({ requestDeleteRange })) },
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: tie("txn").map((requestTxn) => ({ requestTxn })) },
  ),
  txn: fc.record({
    compare: fc.array(compare, { maxLength: 2 }),
    success: fc.array(tie("op"), { maxLength: 3 }),
    failure: fc.array(tie("op"), { maxLength: 2 }),
  }),
}));

const leaseGrant = fc
  .record({
    ID: fc.constantFrom(...LEASES),
    TTL: fc.constantFrom(1000, 5000, 9_000_000_000, 9_000_000_001),
  })
  .map((fields) => LeaseGrantRequest.fromPartial(fields));

const leaseId = fc.constantFrom(...LEASES, 5n);

export const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  { weight: 30, arbitrary: put.map((request) => ({ kind: "put" as const, request })) },
  { weight: 25, arbitrary: range.map((request) => ({ kind: "range" as const, request })) },
  {
    weight: 8,
    arbitrary: deleteRange.map((request) => ({ kind: "deleteRange" as const, request })),
  },
  { weight: 25, arbitrary: txn.map((request) => ({ kind: "txn" as const, request })) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: -30, max: 400 }).map((at) => ({
      kind: "compact" as const,
      request: CompactionRequest.fromPartial({ revision: at }),
    })),
  },
  { weight: 4, arbitrary: leaseGrant.map((request) => ({ kind: "leaseGrant" as const, request })) },
  {
    weight: 2,
    arbitrary: leaseId.map((ID) => ({
      kind: "leaseRevoke" as const,
      request: LeaseRevokeRequest.fromPartial({ ID }),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ ID: leaseId, keys: sometimes }).map((fields) => ({
      kind: "leaseTimeToLive" as const,
      request: LeaseTimeToLiveRequest.fromPartial(fields),
    })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "leaseLeases" as const }) },
);
