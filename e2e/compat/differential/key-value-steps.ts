import fc from "fast-check";
import type { Message, Ref, Step } from "./step.ts";

// Requests of KV. Few keys, few values and small revisions, so that requests meet each other; and
// among them the odd ones: empty, reversed and open ranges, the edges of 64 bits, values that no
// enum has.

export const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
export const INT64_MIN = -0x8000_0000_0000_0000n;

const NAMES = ["a", "a/", "a/b", "a/b/c", "a0", "b", "c", "c\0", "d/e", "d/f", "z", "\0", "\xff"];
const KEYS = [...NAMES, "\xff\xff\x01"].map((name) => Buffer.from(name, "latin1"));
const VALUES = ["v", "w", "", "\xff\0\xfe"].map((text) => Buffer.from(text, "latin1"));
const EMPTY = Buffer.alloc(0);
const OPEN = Buffer.from([0]);

export const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
export const sometimes = fc.boolean();

const bufferOf = (bytes: Uint8Array) => Buffer.from(bytes);

export const key = fc.oneof(
  { weight: 70, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 8, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }).map(bufferOf) },
  { weight: 1, arbitrary: fc.constant(Buffer.from("long/".repeat(300))) },
  { weight: 1, arbitrary: fc.constant(EMPTY) },
);

export const rangeEnd = fc.oneof(
  { weight: 10, arbitrary: fc.constant(EMPTY) },
  { weight: 8, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 4, arbitrary: fc.constant(OPEN) },
);

const value = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 40 }).map(bufferOf) },
  { weight: 1, arbitrary: fc.constant(Buffer.alloc(3_000, "long")) },
);

/** Ids that histories grant under; `lease` references are those that the server chose. */
export const LEASE_IDS = [1n, 2n, 77n, INT64_MAX, 9_007_199_254_740_993n, -1n, INT64_MIN];
const chosenLease = fc.integer({ min: 0, max: 2 }).map((n): Ref => ({ ref: "lease", n }));
export const leaseId = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...LEASE_IDS) },
  { weight: 3, arbitrary: chosenLease },
  { weight: 1, arbitrary: fc.constantFrom(5n, 0n) },
);
/** Rarely one that the server chose: from then on hashes of the stores say nothing. */
const leaseOrNone = fc.oneof(
  { weight: 240, arbitrary: fc.constant<bigint | Ref>(0n) },
  { weight: 80, arbitrary: fc.constantFrom<bigint | Ref>(...LEASE_IDS, 5n) },
  { weight: 1, arbitrary: chosenLease },
);

export const anyRevision: fc.Arbitrary<Ref | number | bigint> = fc.oneof(
  { weight: 10, arbitrary: revisionRef(-3, 60) },
  { weight: 6, arbitrary: revisionRef(0, 400) },
  { weight: 2, arbitrary: fc.constantFrom<number | bigint>(-1, 1, 2 ** 40, INT64_MAX, INT64_MIN) },
);
const revisionOrNow = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Ref | number | bigint>(0) },
  { weight: 8, arbitrary: anyRevision },
);
const bound = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Ref | number | bigint>(0) },
  { weight: 2, arbitrary: anyRevision },
);

export function revisionRef(min: number, max: number): fc.Arbitrary<Ref> {
  return fc.integer({ min, max }).map((n) => ({ ref: "revision", n }));
}

const put: fc.Arbitrary<Message> = fc
  .record({
    key,
    value,
    lease: leaseOrNone,
    prevKv: sometimes,
    ignoreValue: rarely,
    ignoreLease: rarely,
    isLawful: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ isLawful, ...fields }) => {
    // Most of the time what is ignored is not given as well, which etcd refuses at once.
    if (isLawful === 0) return fields;
    const { ignoreValue, ignoreLease } = fields;
    return {
      ...fields,
      ...(ignoreValue ? { value: EMPTY } : {}),
      ...(ignoreLease ? { lease: 0n } : {}),
    };
  });

const rangeFields = {
  key,
  rangeEnd,
  limit: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom<number | bigint>(0, 1, 2, 3, 5) },
    { weight: 1, arbitrary: fc.constantFrom<number | bigint>(-1, INT64_MAX, INT64_MIN) },
  ),
  revision: revisionOrNow,
  sortOrder: fc.constantFrom(0, 0, 0, 1, 2),
  // An unknown target ends real etcd before 3.6.
  sortTarget: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 3, 4),
  serializable: sometimes,
  keysOnly: rarely,
  countOnly: rarely,
  minModRevision: bound,
  maxModRevision: bound,
  minCreateRevision: bound,
  maxCreateRevision: bound,
};
const range: fc.Arbitrary<Message> = fc.record(rangeFields);
/** Refused by us: in a transaction it changes what is written. */
const unknownOrder: fc.Arbitrary<Message> = fc.record({
  ...rangeFields,
  sortOrder: fc.constant(7),
});

const deleteRange: fc.Arbitrary<Message> = fc.record({ key, rangeEnd, prevKv: sometimes });

/**
 * An open-ended delete hides from etcd's check for keys written twice; followed by a put with
 * ignore_lease on a key that it deleted, it panics real etcd 3.4 and 3.5.
 */
const boundedDelete = fc
  .record({ key, rangeEnd: rangeEnd.filter((end) => !OPEN.equals(end)), prevKv: sometimes })
  .map((fields): Message => fields);

const compared = fc.constantFrom(0n, 1n, 2n, 3n, 10n, -1n, INT64_MAX, INT64_MIN);
const union: fc.Arbitrary<Message> = fc.oneof(
  compared.map((version) => ({ version })),
  fc.oneof(compared, revisionRef(0, 60)).map((createRevision) => ({ createRevision })),
  fc.oneof(compared, revisionRef(0, 60)).map((modRevision) => ({ modRevision })),
  value.map((bytes) => ({ value: bytes })),
  leaseOrNone.map((lease) => ({ lease })),
);
const UNION_TARGETS = ["version", "createRevision", "modRevision", "value", "lease"];

const compare: fc.Arbitrary<Message> = fc
  .record({
    key,
    rangeEnd,
    result: fc.constantFrom(0, 0, 1, 1, 2, 2, 3, 3, 8),
    target: fc.constantFrom(0, 1, 2, 3, 4, 9),
    union,
    isMatched: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  })
  .map(({ union: fields, isMatched, target, ...rest }) => ({
    ...rest,
    target: isMatched ? UNION_TARGETS.indexOf(Object.keys(fields)[0] ?? "") : target,
    ...fields,
  }));

const { txn } = fc.letrec<{ txn: Message; op: Message }>((tie) => ({
  op: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 1_400, arbitrary: put.map((requestPut) => ({ requestPut })) },
    { weight: 1_120, arbitrary: range.map((requestRange) => ({ requestRange })) },
    { weight: 840, arbitrary: boundedDelete.map((requestDeleteRange) => ({ requestDeleteRange })) },
    { weight: 140, arbitrary: fc.constant({}) },
    { weight: 560, arbitrary: tie("txn").map((requestTxn) => ({ requestTxn })) },
    { weight: 1, arbitrary: unknownOrder.map((requestRange) => ({ requestRange })) },
  ),
  txn: fc.record({
    compare: fc.array(compare, { maxLength: 3 }),
    success: fc.array(tie("op"), { maxLength: 4 }),
    failure: fc.array(tie("op"), { maxLength: 3 }),
  }),
}));

/** Around etcd's limit of 128 operations. */
const longTxn = fc.integer({ min: 126, max: 130 }).map((length) => ({
  success: Array.from({ length }, (_, at) => ({
    requestPut: { key: Buffer.from(`long/${at}`), value: EMPTY },
  })),
}));

/** Beyond what one request may have. */
const longPut = fc.constant({ key: Buffer.from("long"), value: Buffer.alloc(1_700_000, "long") });

const compaction: fc.Arbitrary<Message> = fc.record({
  revision: fc.oneof(
    { weight: 8, arbitrary: revisionRef(-2, 150) },
    { weight: 1, arbitrary: anyRevision },
  ),
  // A hash taken behind it is another one while the compaction is still at work.
  physical: fc.constant(true),
});

export function steps(call: string, request: fc.Arbitrary<Message>): fc.Arbitrary<Step> {
  return request.map((fields) => ({ call, request: fields }));
}

/** Everything that changes the store's keys. */
const anyWrite: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: steps("KV/Put", put) },
  { weight: 8, arbitrary: steps("KV/DeleteRange", deleteRange) },
  { weight: 25, arbitrary: steps("KV/Txn", txn) },
  { weight: 1, arbitrary: steps("KV/Compact", compaction) },
);

export const anyKeyValueStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6_400, arbitrary: anyWrite },
  { weight: 2_600, arbitrary: steps("KV/Range", range) },
  { weight: 30, arbitrary: steps("KV/Range", unknownOrder) },
  { weight: 10, arbitrary: steps("KV/Txn", longTxn) },
  { weight: 1, arbitrary: steps("KV/Put", longPut) },
);
