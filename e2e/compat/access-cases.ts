import { Permission_Type as Permission } from "../../server/proto/gen/auth.ts";
import { TreeDefinition } from "../../server/proto/gen/children.ts";
import { ElectionDefinition } from "../../server/proto/gen/election.ts";
import { HealthDefinition } from "../../server/proto/gen/health.ts";
import { LockDefinition } from "../../server/proto/gen/lock.ts";
import {
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
  AuthDefinition,
  ClusterDefinition,
  DowngradeRequest_DowngradeAction as DowngradeAction,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from "../../server/proto/gen/rpc.ts";
import type { RawMethod } from "../harness/raw-caller.ts";
import type { Hole } from "./access-holes.ts";

// One request and more for every method of every service, on what a plain user may not touch and on
// what he may, and who may make it. A method without a case does not compile, and fails the matrix.

/** A key that only root may read or write, and the lease that it lies on. */
export const SECRET = Buffer.from("/secret");
export const SECRET_VALUE = "what nobody may know";
export const SECRET_LEASE = 77n;
/** The one user besides root, and what is his: to read and write, on a lease of his, … */
export const PLAIN = "plain";
export const PLAIN_ROLE = "plain-role";
export const PLAIN_KEY = Buffer.from("/plain/");
export const PLAIN_END = Buffer.from("/plain0");
export const PLAIN_LEASE = 78n;
export const PLAIN_ELECTION = Buffer.from("/plain/election");
/** … and to write alone. */
export const DROP = Buffer.from("/drop");

/** Who may: everybody, everybody without a bad token, any user, root alone. */
export type Need = "nobody" | "guest" | "user" | "root";

export interface AccessCase {
  readonly need: Need;
  readonly request: object;
  /** Which of etcd's holes it goes through. */
  readonly hole?: Hole;
  /** Whoever may do it would take from the other cases what they rest on. */
  readonly disturbs?: true;
}

type CasesOf<D extends { readonly methods: object }> = Readonly<
  Record<keyof D["methods"], readonly AccessCase[]>
>;

const root = (request: object): AccessCase => ({ need: "root", request });
const user = (request: object): AccessCase => ({ need: "user", request });
const guest = (request: object): AccessCase => ({ need: "guest", request });
const nobody = (request: object): AccessCase => ({ need: "nobody", request });
const disturbing = (request: object): AccessCase => ({ need: "root", request, disturbs: true });
const through = (hole: Hole, each: AccessCase): AccessCase => ({ ...each, hole });

const KEY_OF_ALL = Buffer.alloc(1);
const text = (value: string) => Buffer.from(value);
const own = { key: text("/plain/1") };
/** Root's, and missed by nobody. */
const outside = { key: text("/outside") };
const secretRange = { requestRange: { key: SECRET } };
const secretCompare = { key: SECRET, version: 1n };
const secretDelete = { key: SECRET, prevKv: true };
const secretPut = { requestPut: { key: SECRET, value: text("stolen") } };
const ownPut = { requestPut: { ...own, value: text("1") } };
const dropPut = { key: DROP, value: text("dropped"), prevKv: true };
const nested = (...success: object[]) => ({ requestTxn: { success } });
const candidate = { name: SECRET, key: SECRET, rev: 1, lease: SECRET_LEASE };
const noCandidate = { name: outside.key, key: text("/outside/none"), rev: 1, lease: SECRET_LEASE };
const ownCandidate = { name: own.key, key: text("/plain/none"), rev: 1, lease: PLAIN_LEASE };

const KV = {
  range: [
    root({ key: SECRET }),
    root({ key: SECRET, serializable: true }),
    root({ key: DROP }),
    root({ key: PLAIN_KEY, rangeEnd: KEY_OF_ALL, serializable: true }),
    root({ key: KEY_OF_ALL, rangeEnd: KEY_OF_ALL, countOnly: true }),
    user(own),
    user({ ...own, serializable: true }),
  ],
  put: [
    disturbing({ key: SECRET, value: text("stolen") }),
    disturbing({ ...own, lease: SECRET_LEASE }),
    root({ ...outside, value: text("1") }),
    root(dropPut),
    user({ ...own, value: text("1"), lease: PLAIN_LEASE }),
  ],
  deleteRange: [
    disturbing({ key: SECRET }),
    disturbing({ key: PLAIN_KEY, rangeEnd: KEY_OF_ALL, prevKv: true }),
    disturbing({ key: DROP, prevKv: true }),
    root(outside),
    user({ key: text("/plain/none"), prevKv: true }),
  ],
  txn: [
    root({ success: [secretRange] }),
    root({ failure: [secretRange, ownPut] }),
    root({ success: [ownPut], compare: [secretCompare] }),
    disturbing({ success: [ownPut, secretPut] }),
    through("nesting", disturbing({ success: [nested(nested(secretPut))] })),
    through("nesting", root({ success: [nested(nested(secretRange))] })),
    through("nesting", root({ success: [nested({ requestTxn: { compare: [secretCompare] } })] })),
    through("putting", disturbing({ success: [{ requestPut: { ...own, lease: SECRET_LEASE } }] })),
    through("nesting", disturbing({ success: [nested({ requestDeleteRange: secretDelete })] })),
    through("putting", root({ success: [{ requestPut: dropPut }] })),
    through("nesting", root({ failure: [nested({ requestPut: dropPut })] })),
    disturbing({ success: [{ requestDeleteRange: { key: DROP, prevKv: true } }] }),
    user({ success: [ownPut, nested({ requestRange: own })] }),
    user({ success: [{ requestRange: own }] }),
    guest({}),
  ],
  compact: [through("judgement", root({ revision: 2 ** 40 }))],
} satisfies CasesOf<typeof KVDefinition>;

const WATCH = {
  watch: [
    root({ createRequest: { key: SECRET } }),
    through("open end", root({ createRequest: { key: PLAIN_KEY, rangeEnd: KEY_OF_ALL } })),
    root({ createRequest: { rangeEnd: KEY_OF_ALL } }),
    root({ createRequest: { key: DROP, prevKv: true } }),
    user({ createRequest: own }),
  ],
} satisfies CasesOf<typeof WatchDefinition>;

const LEASE = {
  leaseGrant: [through("judgement", user({ ID: PLAIN_LEASE, TTL: 3600 }))],
  leaseRevoke: [disturbing({ ID: SECRET_LEASE }), through("judgement", user({ ID: 4_445n }))],
  leaseKeepAlive: [
    through("question", root({ ID: SECRET_LEASE })),
    through("question", user({ ID: 4_444n })),
    through("question", user({ ID: PLAIN_LEASE })),
  ],
  leaseTimeToLive: [
    through("lease's keys", root({ ID: SECRET_LEASE, keys: true })),
    through("question", user({ ID: SECRET_LEASE })),
    through("lease's keys", user({ ID: PLAIN_LEASE, keys: true })),
  ],
  leaseLeases: [through("question", root({}))],
} satisfies CasesOf<typeof LeaseDefinition>;

const CLUSTER = {
  memberAdd: [
    root({ peerURLs: ["nonsense"] }),
    disturbing({ peerURLs: ["http://127.0.0.1:1"], isLearner: true }),
  ],
  memberRemove: [root({ ID: 1n })],
  memberUpdate: [root({ ID: 1n, peerURLs: ["http://127.0.0.1:1"] })],
  memberList: [through("question", user({})), through("question", user({ linearizable: true }))],
  memberPromote: [root({ ID: 1n })],
} satisfies CasesOf<typeof ClusterDefinition>;

const corruption = { memberID: 9n, alarm: AlarmType.CORRUPT };

const MAINTENANCE = {
  alarm: [
    through("judgement", user({ action: AlarmAction.GET })),
    through("judgement", disturbing({ ...corruption, action: AlarmAction.ACTIVATE })),
    through("judgement", root({ ...corruption, action: AlarmAction.DEACTIVATE })),
  ],
  status: [through("question", user({}))],
  defragment: [root({})],
  hash: [root({})],
  hashKV: [root({})],
  snapshot: [root({})],
  moveLeader: [through("question", root({ targetID: 1n }))],
  downgrade: [
    through("downgrade", root({ action: DowngradeAction.VALIDATE, version: "3.1" })),
    through("downgrade", root({ action: DowngradeAction.CANCEL })),
  ],
} satisfies CasesOf<typeof MaintenanceDefinition>;

const AUTH = {
  authEnable: [root({})],
  authDisable: [disturbing({})],
  authStatus: [root({})],
  authenticate: [nobody({ name: PLAIN, password: "wrong" })],
  userAdd: [
    root({ name: "root", password: "x" }),
    disturbing({ name: "another", options: { noPassword: true } }),
  ],
  userGet: [root({ name: "root" }), user({ name: PLAIN })],
  userList: [root({})],
  userDelete: [disturbing({ name: PLAIN }), root({ name: "root" })],
  userChangePassword: [
    disturbing({ name: "root", password: "stolen" }),
    root({ name: "unknown", password: "x" }),
  ],
  userGrantRole: [
    disturbing({ user: PLAIN, role: "root" }),
    root({ user: "unknown", role: PLAIN_ROLE }),
  ],
  userRevokeRole: [
    disturbing({ name: PLAIN, role: PLAIN_ROLE }),
    root({ name: PLAIN, role: "unknown" }),
  ],
  roleAdd: [disturbing({ name: "another" }), root({ name: PLAIN_ROLE })],
  roleGet: [root({ role: "root" }), user({ role: PLAIN_ROLE })],
  roleList: [root({})],
  roleDelete: [disturbing({ role: PLAIN_ROLE }), root({ role: "root" })],
  roleGrantPermission: [
    disturbing({ name: PLAIN_ROLE, perm: { permType: Permission.READWRITE, key: SECRET } }),
    root({ name: "unknown", perm: { permType: Permission.READ, key: SECRET } }),
  ],
  roleRevokePermission: [
    disturbing({ role: PLAIN_ROLE, key: PLAIN_KEY, rangeEnd: PLAIN_END }),
    root({ role: PLAIN_ROLE, key: SECRET }),
  ],
} satisfies CasesOf<typeof AuthDefinition>;

const LOCK = {
  lock: [
    disturbing({ name: SECRET, lease: SECRET_LEASE }),
    root({ name: text("/outside-lock"), lease: SECRET_LEASE }),
    user({ name: text("/plain/lock"), lease: PLAIN_LEASE }),
  ],
  unlock: [disturbing({ key: SECRET }), root(outside), user({ key: text("/plain/none") })],
} satisfies CasesOf<typeof LockDefinition>;

const ELECTION = {
  campaign: [
    disturbing({ name: text("/contested"), lease: SECRET_LEASE, value: SECRET }),
    root({ name: SECRET, lease: SECRET_LEASE, value: text(SECRET_VALUE) }),
    user({ name: PLAIN_ELECTION, lease: PLAIN_LEASE, value: text("1") }),
  ],
  proclaim: [
    disturbing({ leader: candidate, value: text("stolen") }),
    root({ leader: noCandidate, value: text("1") }),
    user({ leader: ownCandidate, value: text("1") }),
  ],
  leader: [root({ name: SECRET }), user({ name: PLAIN_ELECTION })],
  observe: [root({ name: SECRET }), user({ name: PLAIN_ELECTION })],
  resign: [
    disturbing({ leader: candidate }),
    root({ leader: noCandidate }),
    user({ leader: ownCandidate }),
  ],
} satisfies CasesOf<typeof ElectionDefinition>;

const TREE = {
  children: [
    root({ prefix: text("/"), separator: text("/") }),
    root({ prefix: Buffer.alloc(0), separator: text("/"), serializable: true }),
    root({ prefix: DROP, separator: text("/") }),
    user({ prefix: PLAIN_KEY, separator: text("/") }),
  ],
} satisfies CasesOf<typeof TreeDefinition>;

const HEALTH = {
  check: [nobody({})],
  list: [nobody({})],
  watch: [nobody({})],
} satisfies CasesOf<typeof HealthDefinition>;

interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, RawMethod>>;
}

/** A method with its cases. */
export interface MethodCases {
  readonly service: string;
  readonly method: RawMethod;
  readonly cases: readonly AccessCase[];
}

function entries(
  { fullName, methods }: Service,
  cases: Readonly<Record<string, readonly AccessCase[]>>,
): (readonly [path: string, MethodCases])[] {
  return Object.entries(cases).map(([key, each]) => {
    const method = methods[key];
    if (method === undefined) throw new RangeError(`${fullName} has no method ${key}`);
    return [`/${fullName}/${method.name}`, { service: fullName, method, cases: each }];
  });
}

/** By the method's path. */
export const ACCESS_CASES: ReadonlyMap<string, MethodCases> = new Map([
  ...entries(KVDefinition, KV),
  ...entries(WatchDefinition, WATCH),
  ...entries(LeaseDefinition, LEASE),
  ...entries(ClusterDefinition, CLUSTER),
  ...entries(MaintenanceDefinition, MAINTENANCE),
  ...entries(AuthDefinition, AUTH),
  ...entries(LockDefinition, LOCK),
  ...entries(ElectionDefinition, ELECTION),
  ...entries(TreeDefinition, TREE),
  ...entries(HealthDefinition, HEALTH),
]);
