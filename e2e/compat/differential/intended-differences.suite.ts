import type { Make } from "../../harness/member-process.ts";
import {
  asksForNothing,
  DENIED,
  failure,
  failureOf,
  INVALID_TOKEN,
  isResponse,
  operationsOf,
  refusesCaller,
  requestOf,
  USER_EMPTY,
  without,
} from "./answers.ts";
import type { Difference } from "./difference.ts";
import { withoutOrderOfEquals } from "./equal-records.ts";
import { isRef, type Message, type Step } from "./step.ts";

// Where we answer otherwise than an etcd, on purpose. An entry speaks of as little as possible, and
// brings a history in which it shows: a test plays it, so that no entry outlives its difference.

export interface IntendedDifference {
  readonly reason: string;
  readonly makes: readonly Make[];
  readonly matches: (difference: Difference, steps: readonly Step[]) => boolean;
  /** Stores are not the same afterwards: what follows is compared without this step. */
  readonly ends?: true;
  /** Plays on an empty store. */
  readonly example: readonly Step[];
}

const BOTH: readonly Make[] = ["etcd-3.4", "etcd-3.5"];
const KEY = { key: Buffer.from("a") };
const OTHER = { key: Buffer.from("b") };
const FROM_KEY = { ...KEY, rangeEnd: Buffer.from([0]) };
const FROM_START = { key: Buffer.from([0]), rangeEnd: Buffer.from("z") };
const CORRUPT_ALARM = 2;
const SELF = { ref: "self", n: 0 } as const;

const call = (name: string, request: Message, as?: string): Step =>
  as === undefined ? { call: name, request } : { call: name, request, as };

/** Authentication is on; u may read and write the key alone, and w nothing. */
const SIGNED_IN: readonly Step[] = [
  call("KV/Put", KEY),
  call("Lease/LeaseGrant", { ID: 1n, TTL: 1_000 }),
  call("KV/Put", { ...OTHER, lease: 1n }),
  ...["root", "u"].map((name) => call("Auth/UserAdd", { name, password: "p" })),
  call("Auth/RoleAdd", { name: "r" }),
  call("Auth/RoleGrantPermission", { name: "r", perm: { permType: 2, ...KEY } }),
  call("Auth/RoleAdd", { name: "w" }),
  call("Auth/RoleGrantPermission", { name: "w", perm: { permType: 1, key: Buffer.from("w") } }),
  call("Auth/UserGrantRole", { user: "u", role: "r" }),
  call("Auth/UserGrantRole", { user: "u", role: "w" }),
  call("Auth/UserGrantRole", { user: "root", role: "root" }),
  call("Auth/AuthEnable", {}),
  ...["root", "u"].map((name) => call("Auth/Authenticate", { name, password: "p" })),
];

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    reason: "An unknown sort order is refused, as by etcd from 3.6 on, instead of being ignored.",
    makes: BOTH,
    matches: ({ step, ours }) =>
      requestOf(step, "KV/Range")?.["sortOrder"] === 7 &&
      ours === failure(3, "etcdserver: invalid sort option"),
    example: [call("KV/Range", { ...KEY, sortOrder: 7 })],
  },
  {
    reason: "A transaction that asks for an unknown sort order is refused for it.",
    makes: BOTH,
    matches: ({ step, ours }) =>
      [...operationsOf(requestOf(step, "KV/Txn"))].some(
        ({ requestRange }) => (requestRange as Message | undefined)?.["sortOrder"] === 7,
      ) && ours === failure(3, "etcdserver: invalid sort option"),
    ends: true,
    example: [call("KV/Txn", { success: [{ requestRange: { ...KEY, sortOrder: 7 } }] })],
  },
  {
    reason: "What a range sorts as equal stands in the order of its keys, however much it is.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      withoutOrderOfEquals(step, ours) === withoutOrderOfEquals(step, theirs),
    example: [
      ..."a b c d e f g h i j k l m m g e"
        .split(" ")
        .map((name) => call("KV/Put", { key: Buffer.from(name) })),
      call("KV/Range", { ...FROM_KEY, sortTarget: 1, sortOrder: 2, limit: 5n }),
    ],
  },
  {
    reason: "HashKV says of which revision its hash is, as from etcd 3.6 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/HashKV") !== undefined &&
      ours.replace(/"hashRevision":-?\d+/, '"hashRevision":0') === theirs,
    example: [call("Maintenance/HashKV", {})],
  },
  {
    reason: "Status tells its quota, storage version and downgrade, as from etcd 3.6 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) => {
      const fields = ["dbSizeQuota", "storageVersion", "downgradeInfo"];
      return (
        requestOf(step, "Maintenance/Status") !== undefined &&
        isResponse(ours) &&
        without(ours, fields) === without(theirs, fields)
      );
    },
    example: [call("Maintenance/Status", {})],
  },
  {
    reason: "MemberUpdate looks at its addresses first: one that cannot be read would end etcd.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Cluster/MemberUpdate") !== undefined &&
      ours === failure(3, "etcdserver: given member URLs are invalid") &&
      theirs === failure(5, "etcdserver: member not found"),
    example: [call("Cluster/MemberUpdate", { ID: 4711n, peerURLs: ["x"] })],
  },
  {
    reason: "etcd 3.4 answers about alarms without a header.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/Alarm") !== undefined && without(ours, ["header"]) === theirs,
    example: [call("Maintenance/Alarm", {})],
  },
  {
    reason: "etcd 3.4 does not hash the compacted revision itself, which can still be read.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/HashKV") !== undefined &&
      ours.includes('"hashRevision":') &&
      theirs === failure(11, "etcdserver: mvcc: required revision has been compacted"),
    example: [call("Maintenance/HashKV", { revision: { ref: "revision", n: 0 } })],
  },
  ...(["Auth/AuthStatus", "Maintenance/Downgrade"] as const).map(
    (name): IntendedDifference => ({
      reason: `etcd 3.4 does not know the call ${name}.`,
      makes: ["etcd-3.4"],
      matches: ({ step, theirs }) => {
        // Whatever we answer: also whom we refuse.
        const [service, method] = name.split("/");
        const text = `unknown method ${method} for service etcdserverpb.${service}`;
        return requestOf(step, name) !== undefined && theirs === failure(12, text);
      },
      example: [call(name, {})],
    }),
  ),
  ...(["Cluster/MemberList", "Maintenance/Status", "Lease/LeaseTimeToLive"] as const).map(
    (name): IntendedDifference => ({
      reason: `${name} is for users alone, as from etcd 3.5.32 on; before, strangers may ask.`,
      makes: BOTH,
      matches: (difference) =>
        refusesCaller(difference, name, [USER_EMPTY, INVALID_TOKEN]) &&
        isResponse(difference.theirs),
      example: [...SIGNED_IN, call(name, {})],
    }),
  ),
  {
    reason: "The keys on a lease are told to who may read them, as from etcd 3.4.26 and 3.5.9 on.",
    makes: ["etcd-3.4"],
    matches: (difference) =>
      refusesCaller(difference, "Lease/LeaseTimeToLive", [DENIED]) && isResponse(difference.theirs),
    example: [...SIGNED_IN, call("Lease/LeaseTimeToLive", { ID: 1n, keys: true }, "u")],
  },
  {
    reason: "Lists of leases are for who may read what is on them, as from etcd 3.5.28 on.",
    makes: BOTH,
    matches: (difference) =>
      refusesCaller(difference, "Lease/LeaseLeases", [USER_EMPTY, INVALID_TOKEN, DENIED]) &&
      isResponse(difference.theirs),
    example: [...SIGNED_IN, call("Lease/LeaseLeases", {}, "u")],
  },
  {
    reason: "Leases are renewed by who may write what is on them, as from etcd 3.5.28 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      step !== undefined &&
      "keepAlive" in step &&
      [USER_EMPTY, INVALID_TOKEN, DENIED].includes(ours) &&
      isResponse(theirs),
    example: [...SIGNED_IN, { keepAlive: 1n, as: "u" }],
  },
  {
    reason: "Leases are granted to users alone, as from etcd 3.5.28 on; before, also to strangers.",
    makes: BOTH,
    matches: (difference) => refusesCaller(difference, "Lease/LeaseGrant", [USER_EMPTY]),
    ends: true,
    example: [...SIGNED_IN, call("Lease/LeaseGrant", { ID: 2n, TTL: 1_000 })],
  },
  {
    reason: "Leases are revoked by users alone, as from etcd 3.5.28 on; before, also by strangers.",
    makes: BOTH,
    matches: (difference) => refusesCaller(difference, "Lease/LeaseRevoke", [USER_EMPTY]),
    ends: true,
    example: [...SIGNED_IN, call("Lease/LeaseRevoke", { ID: 2n })],
  },
  ...(
    [
      ["KV/Compact", { revision: { ref: "revision", n: 1 } }],
      ["Maintenance/Alarm", { action: 1, memberID: SELF, alarm: 1 }],
      ["Maintenance/MoveLeader", { targetID: SELF }],
      ["Maintenance/Downgrade", { action: 0, version: "3.5.0" }],
    ] as const
  ).map(
    ([name, request]): IntendedDifference => ({
      reason: `${name} is for root alone, as from etcd 3.5.28 on; before, it is for everybody.`,
      makes: name === "Maintenance/Downgrade" ? ["etcd-3.5"] : BOTH,
      matches: (difference) => refusesCaller(difference, name, [USER_EMPTY, INVALID_TOKEN, DENIED]),
      ends: true,
      example: [...SIGNED_IN, call(name, request, "u")],
    }),
  ),
  {
    reason: "What is nested in a transaction is judged, as from etcd 3.5.28 on.",
    makes: BOTH,
    matches: (difference) =>
      refusesCaller(difference, "KV/Txn", [USER_EMPTY, DENIED]) &&
      hasOperation(difference.step, ({ requestTxn }) => requestTxn !== undefined),
    ends: true,
    example: [
      ...SIGNED_IN,
      call("KV/Txn", { success: [{ requestTxn: { success: [{ requestPut: OTHER }] } }] }, "u"),
    ],
  },
  {
    reason: "Who asks a put in a transaction for what was there must be able to read it.",
    makes: BOTH,
    matches: (difference) =>
      refusesCaller(difference, "KV/Txn", [DENIED]) &&
      hasOperation(difference.step, ({ requestPut }) => isSet(requestPut, "prevKv")),
    ends: true,
    example: [
      ...SIGNED_IN,
      call("KV/Txn", { success: [{ requestPut: { key: Buffer.from("w"), prevKv: true } }] }, "u"),
    ],
  },
  {
    reason: "Who puts a key on a lease in a transaction must be able to write what else is on it.",
    makes: BOTH,
    matches: (difference) =>
      refusesCaller(difference, "KV/Txn", [DENIED]) &&
      hasOperation(difference.step, ({ requestPut }) => isSet(requestPut, "lease")),
    ends: true,
    example: [
      ...SIGNED_IN,
      call("KV/Txn", { success: [{ requestPut: { ...KEY, lease: 1n } }] }, "u"),
    ],
  },
  ...(["Hash", "HashKV", "Defragment", "Snapshot"] as const).map(
    (name): IntendedDifference => ({
      reason: `Who is refused ${name} is told why by its status, as from etcd 3.6 on.`,
      makes: BOTH,
      matches: ({ step, ours, theirs }) => {
        const [mine, real] = [failureOf(ours), failureOf(theirs)];
        return (
          requestOf(step, `Maintenance/${name}`) !== undefined &&
          [USER_EMPTY, INVALID_TOKEN, DENIED].includes(ours) &&
          real?.status === 2 &&
          real.text === mine?.text.replace("etcdserver:", "auth:")
        );
      },
      example: [...SIGNED_IN, call(`Maintenance/${name}`, {}, "u")],
    }),
  ),
  {
    reason: "A watch of all keys from one on is judged as that range, as from etcd 3.5.33 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      step !== undefined &&
      "watch" in step &&
      (step.create["rangeEnd"] as Buffer | undefined)?.equals(FROM_KEY.rangeEnd) === true &&
      ours.includes('"cancelReason":"rpc error: code = PermissionDenied') &&
      theirs.includes('"canceled":false') &&
      theirs.includes('"created":true'),
    example: [...SIGNED_IN, { watch: 0, create: FROM_KEY, as: "u" }],
  },
  {
    reason: "An alarm suspends no rights; while one stands, etcd before 3.6 asks nobody.",
    makes: BOTH,
    matches: ({ step, at, ours, theirs }, steps) =>
      step !== undefined &&
      [USER_EMPTY, INVALID_TOKEN, DENIED].includes(ours) &&
      ![USER_EMPTY, INVALID_TOKEN, DENIED].includes(theirs) &&
      steps.slice(0, at).some((each) => requestOf(each, "Maintenance/Alarm")?.["action"] === 1),
    ends: true,
    example: [
      ...SIGNED_IN,
      call("Maintenance/Alarm", { action: 1, memberID: SELF, alarm: 1 }, "root"),
      call("KV/DeleteRange", OTHER, "u"),
    ],
  },
  {
    reason: "Of two kinds of alarm disarming one leaves the other; etcd has forgotten the first.",
    makes: BOTH,
    matches: ({ at, ours, theirs }, steps) =>
      ours === failure(8, "etcdserver: mvcc: database space exceeded") &&
      isResponse(theirs) &&
      [1, CORRUPT_ALARM].every((kind) =>
        steps.slice(0, at).some((each) => {
          const request = requestOf(each, "Maintenance/Alarm");
          return request?.["action"] === 1 && request["alarm"] === kind;
        }),
      ),
    ends: true,
    example: [
      ...[1, CORRUPT_ALARM].map((alarm) =>
        call("Maintenance/Alarm", { action: 1, memberID: SELF, alarm }),
      ),
      call("Maintenance/Alarm", { action: 2, memberID: SELF, alarm: CORRUPT_ALARM }),
      call("KV/Put", KEY),
    ],
  },
  {
    reason: "An updated learner stays one; etcd lists it as a voter from then on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Cluster/MemberUpdate") !== undefined &&
      ours.replace('"isLearner":true', '"isLearner":false') === theirs,
    ends: true,
    example: [
      call("Cluster/MemberAdd", { isLearner: true, peerURLs: ["http://127.0.0.1:1"] }),
      call("Cluster/MemberUpdate", {
        ID: { ref: "member", n: 0 },
        peerURLs: ["http://127.0.0.1:2"],
      }),
    ],
  },
  {
    reason: "Names of users and roles have a limit; beyond one of its own, etcd ends.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      (requestOf(step, "Auth/UserAdd") ?? requestOf(step, "Auth/RoleAdd")) !== undefined &&
      ours === failure(3, "etcdserver: request is too large") &&
      isResponse(theirs),
    ends: true,
    example: [call("Auth/RoleAdd", { name: "r".repeat(2_000) })],
  },
  {
    reason: "The id of a watch that compaction has ended is free for another.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      step !== undefined &&
      "watch" in step &&
      isSet(step.create, "watchId") &&
      ours.includes('"canceled":false') &&
      theirs.includes('"cancelReason":"mvcc: duplicate watch ID provided on the WatchStream"'),
    example: [
      { watch: 0, create: { ...KEY, watchId: 7n, startRevision: { ref: "kept", n: -1 } } },
      { watch: 2, create: KEY },
      { cancel: 2 },
      { watch: 2, create: { ...KEY, watchId: 7n } },
    ],
  },
  {
    reason: "A watch from a negative revision never begins, as from etcd 3.5.24 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      step !== undefined &&
      "watch" in step &&
      isNegative(step.create["startRevision"]) &&
      ours.includes('required revision has been compacted","canceled":true') &&
      ours.includes('"created":true') &&
      theirs.includes('"created":true'),
    ends: true,
    example: [{ watch: 0, create: { ...KEY, startRevision: -1 } }],
  },
  {
    reason: "etcd 3.4 lets compaction take a deletion at the compacted revision itself.",
    makes: ["etcd-3.4"],
    matches: ({ step, at, ours }) =>
      at < 0 &&
      step !== undefined &&
      "watch" in step &&
      isKept(step.create["startRevision"]) &&
      ours.includes('"type":1'),
    example: [
      { watch: 0, create: { key: Buffer.from("\0\0"), startRevision: { ref: "kept", n: 0 } } },
    ],
  },
  {
    reason: "In etcd 3.4 an empty password that a user was given later is one to sign in with.",
    makes: ["etcd-3.4"],
    matches: ({ step, at, ours, theirs }, steps) => {
      const { name, password = "" } = requestOf(step, "Auth/Authenticate") ?? {};
      const isEmptied = steps.slice(0, at).some((each) => {
        const changed = requestOf(each, "Auth/UserChangePassword");
        return changed?.["name"] === name && (changed?.["password"] ?? "") === "";
      });
      const failed = "etcdserver: authentication failed, invalid user ID or password";
      return password === "" && isEmptied && ours === failure(3, failed) && isResponse(theirs);
    },
    ends: true,
    example: [
      ...SIGNED_IN,
      call("Auth/UserChangePassword", { name: "u" }, "root"),
      call("Auth/Authenticate", { name: "u" }),
    ],
  },
  {
    reason: "etcd 3.4 refuses tokens of nobody's also while authentication is off.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      step?.as?.startsWith("=") === true && !refusesToken(ours) && refusesToken(theirs),
    ends: true,
    example: [call("KV/Put", KEY, "=nobody's")],
  },
  {
    reason:
      "To etcd 3.4 no token is sent while authentication is off: who waits since then is nobody.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      (requestOf(step, "Lock/Lock") ?? requestOf(step, "Election/Campaign")) !== undefined &&
      step?.as !== undefined &&
      ours === `waits, then ${failure(2, "etcdserver: invalid auth token")}` &&
      theirs === `waits, then ${failure(2, "etcdserver: user name is empty")}`,
    example: [
      ...SIGNED_IN,
      call("Auth/AuthDisable", {}, "root"),
      call("Lease/LeaseGrant", { ID: 2n, TTL: 1_000 }),
      call("Lock/Lock", { name: KEY.key, lease: 1n }),
      call("Lock/Lock", { name: KEY.key, lease: 2n }, "u"),
      call("Auth/AuthEnable", {}),
      call("Auth/Authenticate", { name: "root", password: "p" }),
      call("Lock/Unlock", { key: Buffer.from("a/1") }, "root"),
    ],
  },
  {
    reason: "etcd 3.4 lets nobody sign in who brings a token that is not valid.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Auth/Authenticate") !== undefined &&
      step?.as !== undefined &&
      ours !== INVALID_TOKEN &&
      theirs === INVALID_TOKEN,
    ends: true,
    example: [...SIGNED_IN, call("Auth/Authenticate", { name: "u", password: "p" }, "nobody")],
  },
  {
    reason: "etcd 3.4 takes permissions for ranges that hold nothing.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Auth/RoleGrantPermission") !== undefined &&
      ours === failure(3, "etcdserver: invalid auth management") &&
      (isResponse(theirs) || theirs === failure(9, "etcdserver: role name not found")),
    ends: true,
    example: [
      call("Auth/RoleAdd", { name: "r" }),
      call("Auth/RoleGrantPermission", { name: "r", perm: { ...OTHER, rangeEnd: KEY.key } }),
    ],
  },
  {
    reason: "Without a permission etcd 3.4 looks for the role first, and ends if it is there.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) => {
      const request = requestOf(step, "Auth/RoleGrantPermission");
      return (
        request !== undefined &&
        request["perm"] === undefined &&
        ours === failure(3, "etcdserver: permission not given") &&
        theirs === failure(9, "etcdserver: role name not found")
      );
    },
    example: [call("Auth/RoleGrantPermission", { name: "absent" })],
  },
  {
    reason: "In etcd 3.4 who waits for a lock has it although his lease is gone by then.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Lock/Lock") !== undefined &&
      ours === `waits, then ${failure(2, "mutex: session is expired")}` &&
      theirs.startsWith('waits, then {"response"'),
    example: [
      ...[1n, 2n].map((ID) => call("Lease/LeaseGrant", { ID, TTL: 1_000 })),
      call("Lock/Lock", { name: KEY.key, lease: 1n }),
      call("Lock/Lock", { name: KEY.key, lease: 2n }),
      call("Lease/LeaseRevoke", { ID: 2n }),
      call("Lock/Unlock", { key: Buffer.from("a/1") }),
    ],
  },
  {
    reason:
      "Whether a range without keys is covered hangs on the shape of etcd's tree; here on its start.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      step?.as !== undefined &&
      asksForNothing("call" in step ? step.request : "watch" in step ? step.create : undefined) &&
      isDenial(ours) !== isDenial(theirs),
    ends: true,
    example: [
      ...SIGNED_IN,
      call("Auth/RoleAdd", { name: "s" }, "root"),
      call("Auth/RoleGrantPermission", { name: "s", perm: FROM_START }, "root"),
      call("Auth/UserGrantRole", { user: "u", role: "s" }, "root"),
      call("Auth/Authenticate", { name: "u", password: "p" }),
      call("KV/Range", { key: Buffer.from("a0"), rangeEnd: KEY.key }, "u"),
    ],
  },
  {
    reason: "Who may not add a member does not hear what is wrong with its addresses.",
    makes: BOTH,
    matches: (difference) =>
      refusesCaller(difference, "Cluster/MemberAdd", [USER_EMPTY, INVALID_TOKEN, DENIED]) &&
      difference.theirs === failure(3, "etcdserver: given member URLs are invalid"),
    example: [...SIGNED_IN, call("Cluster/MemberAdd", { peerURLs: ["x"], isLearner: true }, "u")],
  },
];

/** What waiters of etcd are told who watch in the name of another that is nobody by now. */
const REFUSED_AS_ANOTHER = [
  "rpc error: code = InvalidArgument desc = etcdserver: user name is empty",
  "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token",
].map((text) => failure(2, text));

/** What etcd does only sometimes, the same history given: no example can hold it. */
const UNSTEADY_DIFFERENCES: readonly Omit<IntendedDifference, "example">[] = [
  {
    reason:
      "Who waits watches in his own name; etcd's waiters share a watch, in the name of one of them.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      (requestOf(step, "Lock/Lock") ?? requestOf(step, "Election/Campaign")) !== undefined &&
      ours.startsWith("waits") &&
      REFUSED_AS_ANOTHER.some((refusal) => theirs.endsWith(refusal)),
    ends: true,
  },
];

/** The entry that a difference falls under. */
export function intendedDifference(
  difference: Difference,
  steps: readonly Step[],
): Omit<IntendedDifference, "example"> | undefined {
  return [...INTENDED_DIFFERENCES, ...UNSTEADY_DIFFERENCES].find(
    ({ makes, matches }) => makes.includes(difference.make) && matches(difference, steps),
  );
}

function hasOperation(step: Step | undefined, isWanted: (operation: Message) => boolean): boolean {
  return [...operationsOf(requestOf(step, "KV/Txn"))].some(isWanted);
}

/** Also in a watch's or a maintenance call's words. */
function refusesToken(answer: string): boolean {
  return answer.includes(": invalid auth token");
}

/** Also of a watch. */
function isDenial(answer: string): boolean {
  return answer === DENIED || answer.includes("code = PermissionDenied");
}

function isKept(value: unknown): boolean {
  return isRef(value) && value.ref === "kept" && value.n === 0;
}

function isNegative(value: unknown): boolean {
  return (typeof value === "number" || typeof value === "bigint") && value < 0;
}

/** A field of a message that has another value than none. */
function isSet(message: unknown, field: string): boolean {
  const value = (message as Message | undefined)?.[field];
  return value !== undefined && value !== false && value !== 0n;
}
