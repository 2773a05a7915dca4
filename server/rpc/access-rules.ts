// What each call needs of its caller. A service that is not listed is not served, and a method of a
// listed one without a rule does not compile: nobody can forget to decide.
import { assert } from "../base/assert.ts";
import { TreeDefinition } from "../proto/gen/children.ts";
import { ElectionDefinition } from "../proto/gen/election.ts";
import { HealthDefinition } from "../proto/gen/health.ts";
import { LockDefinition } from "../proto/gen/lock.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AuthDefinition,
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from "../proto/gen/rpc.ts";
import { decodeRequest } from "./call-errors.ts";

/**
 * - `root`, `user`: the root role, any user; judged before the handler is called
 * - `entry`: the caller's name goes into the log, and whoever applies the entry judges
 * - `keys`: the handler judges, by the keys that the request names
 * - `parts`: made of other calls, each judged as the caller's own
 * - `nobody`: open to everybody
 *
 * Where a password is hashed `root` is judged before, lest strangers keep the hashing busy; the log
 * judges once more. Of leases with keys handler or log judge more than `user`, by those keys.
 */
export type AccessRule = "root" | "user" | "entry" | "keys" | "parts" | "nobody";

/** A rule, or how it follows from the request. */
type Decision = AccessRule | ((request: Buffer) => AccessRule);

const SERVICES = {
  [KVDefinition.fullName]: {
    range: "keys",
    put: "entry",
    deleteRange: "entry",
    txn: "keys",
    compact: "root",
  } satisfies RulesOf<typeof KVDefinition>,
  [WatchDefinition.fullName]: { watch: "keys" } satisfies RulesOf<typeof WatchDefinition>,
  [LeaseDefinition.fullName]: {
    leaseGrant: "user",
    leaseRevoke: "user",
    leaseKeepAlive: "keys",
    leaseTimeToLive: "user",
    leaseLeases: "user",
  } satisfies RulesOf<typeof LeaseDefinition>,
  [ClusterDefinition.fullName]: {
    memberAdd: "root",
    memberRemove: "root",
    memberUpdate: "root",
    memberList: "user",
    memberPromote: "root",
  } satisfies RulesOf<typeof ClusterDefinition>,
  [MaintenanceDefinition.fullName]: {
    alarm: (request) => (isAlarmQuestion(request) ? "user" : "root"),
    status: "user",
    defragment: "root",
    hash: "root",
    hashKV: "root",
    snapshot: "root",
    moveLeader: "root",
    downgrade: "root",
  } satisfies RulesOf<typeof MaintenanceDefinition>,
  [AuthDefinition.fullName]: {
    authEnable: "entry",
    authDisable: "entry",
    authStatus: "entry",
    authenticate: "nobody",
    userAdd: "root",
    userGet: "entry",
    userList: "entry",
    userDelete: "entry",
    userChangePassword: "root",
    userGrantRole: "entry",
    userRevokeRole: "entry",
    roleAdd: "entry",
    roleGet: "entry",
    roleList: "entry",
    roleDelete: "entry",
    roleGrantPermission: "entry",
    roleRevokePermission: "entry",
  } satisfies RulesOf<typeof AuthDefinition>,
  [LockDefinition.fullName]: {
    lock: "parts",
    unlock: "parts",
  } satisfies RulesOf<typeof LockDefinition>,
  [ElectionDefinition.fullName]: {
    campaign: "parts",
    proclaim: "parts",
    leader: "parts",
    observe: "parts",
    resign: "parts",
  } satisfies RulesOf<typeof ElectionDefinition>,
  [TreeDefinition.fullName]: { children: "keys" } satisfies RulesOf<typeof TreeDefinition>,
  [HealthDefinition.fullName]: {
    check: "nobody",
    list: "nobody",
    watch: "nobody",
  } satisfies RulesOf<typeof HealthDefinition>,
} as const;

type RulesOf<D extends { readonly methods: object }> = Readonly<
  Record<keyof D["methods"], Decision>
>;

const BY_SERVICE: Readonly<Record<string, Readonly<Record<string, Decision>>>> = SERVICES;

/** @param key of the method in its generated definition */
export function ruleOf(service: string, key: string): (request: Buffer) => AccessRule {
  const decision = BY_SERVICE[service]?.[key];
  assert(decision !== undefined, `who may call ${service}.${key} is not decided`);
  return typeof decision === "function" ? decision : () => decision;
}

function isAlarmQuestion(request: Buffer): boolean {
  return decodeRequest(AlarmRequest, request).action === AlarmRequest_AlarmAction.GET;
}
