import { TreeDefinition } from "../../server/proto/gen/children.ts";
import { ElectionDefinition } from "../../server/proto/gen/election.ts";
import { HealthDefinition } from "../../server/proto/gen/health.ts";
import { LockDefinition } from "../../server/proto/gen/lock.ts";
import {
  AlarmRequest_AlarmAction as AlarmAction,
  AuthDefinition,
  ClusterDefinition,
  DowngradeRequest_DowngradeAction as DowngradeAction,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from "../../server/proto/gen/rpc.ts";
import type { RawMethod } from "../harness/raw-caller.ts";

// One request and more for every method of every service, each on what a plain user may not touch,
// and who may make it all the same. A method without a case does not compile.

/** A key that only root may read or write, and the lease that it lies on. */
export const SECRET = Buffer.from("/secret");
export const SECRET_LEASE = 77n;
/** The one user besides root, and what is his. */
export const PLAIN = "plain";
export const PLAIN_ROLE = "plain-role";
export const PLAIN_KEY = Buffer.from("/plain/");
export const PLAIN_END = Buffer.from("/plain0");

/** Who may: everybody, any user, root alone. */
export type Need = "nobody" | "user" | "root";

export interface AccessCase {
  readonly need: Need;
  readonly request: object;
  /** What it does for root would disturb the other cases. */
  readonly disturbs?: true;
}

type CasesOf<D extends { readonly methods: object }> = Readonly<
  Record<keyof D["methods"], readonly AccessCase[]>
>;

const root = (request: object): AccessCase => ({ need: "root", request });
const user = (request: object): AccessCase => ({ need: "user", request });
const nobody = (request: object): AccessCase => ({ need: "nobody", request });
const disturbing = (request: object): AccessCase => ({ need: "root", request, disturbs: true });

const KEY_OF_ALL = Buffer.alloc(1);
const own = { key: Buffer.from("/plain/1") };
const secretRange = { requestRange: { key: SECRET } };
const secretPut = { requestPut: { key: SECRET, value: Buffer.from("stolen") } };
const ownPut = { requestPut: { ...own, value: Buffer.from("1") } };
const nested = (...success: object[]) => ({ requestTxn: { success } });
const candidate = { name: SECRET, key: SECRET, rev: 1, lease: SECRET_LEASE };

const KV = {
  range: [
    root({ key: SECRET }),
    root({ key: SECRET, serializable: true }),
    root({ key: PLAIN_KEY, rangeEnd: KEY_OF_ALL, serializable: true }),
    root({ key: KEY_OF_ALL, rangeEnd: KEY_OF_ALL, countOnly: true }),
    user(own),
  ],
  put: [
    disturbing({ key: SECRET, value: Buffer.from("stolen") }),
    disturbing({ ...own, lease: SECRET_LEASE }),
  ],
  deleteRange: [
    disturbing({ key: SECRET }),
    disturbing({ key: PLAIN_KEY, rangeEnd: KEY_OF_ALL, prevKv: true }),
  ],
  txn: [
    root({ success: [secretRange] }),
    root({ failure: [secretRange, ownPut] }),
    root({ success: [ownPut], compare: [{ key: SECRET, version: 1n }] }),
    disturbing({ success: [ownPut, secretPut] }),
    disturbing({ success: [nested(nested(secretPut))] }),
    root({ success: [nested(nested(secretRange))] }),
    disturbing({ success: [{ requestPut: { ...own, lease: SECRET_LEASE } }] }),
    disturbing({ success: [nested({ requestDeleteRange: { key: SECRET, prevKv: true } })] }),
  ],
  compact: [root({ revision: 2 ** 40 })],
} satisfies CasesOf<typeof KVDefinition>;

const WATCH = {
  watch: [
    root({ createRequest: { key: SECRET } }),
    root({ createRequest: { key: PLAIN_KEY, rangeEnd: KEY_OF_ALL, startRevision: 1 } }),
    root({ createRequest: { rangeEnd: KEY_OF_ALL } }),
    user({ createRequest: own }),
  ],
} satisfies CasesOf<typeof WatchDefinition>;

const LEASE = {
  leaseGrant: [user({ ID: 555n, TTL: 3600 })],
  leaseRevoke: [disturbing({ ID: SECRET_LEASE })],
  leaseKeepAlive: [root({ ID: SECRET_LEASE }), user({ ID: 4_444n })],
  leaseTimeToLive: [root({ ID: SECRET_LEASE, keys: true }), user({ ID: SECRET_LEASE })],
  leaseLeases: [root({})],
} satisfies CasesOf<typeof LeaseDefinition>;

const CLUSTER = {
  memberAdd: [root({ peerURLs: ["nonsense"] })],
  memberRemove: [root({ ID: 1n })],
  memberUpdate: [root({ ID: 1n, peerURLs: ["http://127.0.0.1:1"] })],
  memberList: [user({}), user({ linearizable: true })],
  memberPromote: [root({ ID: 1n })],
} satisfies CasesOf<typeof ClusterDefinition>;

const MAINTENANCE = {
  alarm: [
    user({ action: AlarmAction.GET }),
    disturbing({ action: AlarmAction.ACTIVATE, memberID: 9n, alarm: 2 }),
    disturbing({ action: AlarmAction.DEACTIVATE, memberID: 9n, alarm: 1 }),
  ],
  status: [user({})],
  defragment: [root({})],
  hash: [root({})],
  hashKV: [root({})],
  snapshot: [root({})],
  moveLeader: [root({ targetID: 1n })],
  downgrade: [
    root({ action: DowngradeAction.VALIDATE, version: "3.1" }),
    root({ action: DowngradeAction.CANCEL }),
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
  userChangePassword: [disturbing({ name: "root", password: "stolen" })],
  userGrantRole: [disturbing({ user: PLAIN, role: "root" })],
  userRevokeRole: [disturbing({ name: PLAIN, role: PLAIN_ROLE })],
  roleAdd: [disturbing({ name: "another" })],
  roleGet: [root({ role: "root" }), user({ role: PLAIN_ROLE })],
  roleList: [root({})],
  roleDelete: [disturbing({ role: PLAIN_ROLE })],
  roleGrantPermission: [disturbing({ name: PLAIN_ROLE, perm: { permType: 2, key: SECRET } })],
  roleRevokePermission: [disturbing({ role: PLAIN_ROLE, key: PLAIN_KEY, rangeEnd: PLAIN_END })],
} satisfies CasesOf<typeof AuthDefinition>;

const LOCK = {
  lock: [disturbing({ name: SECRET, lease: SECRET_LEASE })],
  unlock: [disturbing({ key: SECRET })],
} satisfies CasesOf<typeof LockDefinition>;

const ELECTION = {
  campaign: [disturbing({ name: SECRET, lease: SECRET_LEASE, value: SECRET })],
  proclaim: [disturbing({ leader: candidate, value: Buffer.from("stolen") })],
  leader: [root({ name: SECRET })],
  observe: [disturbing({ name: SECRET })],
  resign: [disturbing({ leader: candidate })],
} satisfies CasesOf<typeof ElectionDefinition>;

const TREE = {
  children: [
    root({ prefix: Buffer.from("/"), separator: Buffer.from("/") }),
    root({ prefix: Buffer.alloc(0), separator: Buffer.from("/"), serializable: true }),
    user({ prefix: PLAIN_KEY, separator: Buffer.from("/") }),
  ],
} satisfies CasesOf<typeof TreeDefinition>;

const HEALTH = {
  check: [nobody({})],
  watch: [nobody({})],
} satisfies CasesOf<typeof HealthDefinition>;

export interface Probe extends AccessCase {
  readonly service: string;
  readonly method: RawMethod;
}

interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, unknown>>;
}

function probes(
  { fullName, methods }: Service,
  cases: Readonly<Record<string, readonly AccessCase[]>>,
): Probe[] {
  return Object.entries(methods).flatMap(([key, method]) =>
    (cases[key] ?? []).map((each) => ({
      ...each,
      service: fullName,
      method: method as RawMethod,
    })),
  );
}

export const PROBES: readonly Probe[] = [
  ...probes(KVDefinition, KV),
  ...probes(WatchDefinition, WATCH),
  ...probes(LeaseDefinition, LEASE),
  ...probes(ClusterDefinition, CLUSTER),
  ...probes(MaintenanceDefinition, MAINTENANCE),
  ...probes(AuthDefinition, AUTH),
  ...probes(LockDefinition, LOCK),
  ...probes(ElectionDefinition, ELECTION),
  ...probes(TreeDefinition, TREE),
  ...probes(HealthDefinition, HEALTH),
];
