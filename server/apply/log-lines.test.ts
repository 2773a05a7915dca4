import { expect, test } from "vitest";
import { Access } from "../auth/access.ts";
import { ROOT } from "../auth/identity.ts";
import { SystemClock } from "../base/clock.ts";
import { type Log, type LogFields, SILENT_LOG } from "../base/log.ts";
import { NoTokens } from "../credentials/tokens.ts";
import { Permission_Type } from "../proto/gen/auth.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  AuthRoleAddRequest,
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGrantRoleRequest,
  AuthUserRevokeRoleRequest,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { authOperations } from "./auth-operations.ts";
import { applyPublication, clusterOperations } from "./cluster-operations.ts";
import { ReplicatedState } from "./replicated-state.ts";

const MEMBER = 0xabcdn;
const CLUSTER = { "cluster-id": "1", "local-member-id": "abcd" };

type Line = readonly [message: string, fields?: LogFields];

function machine() {
  const state = new ReplicatedState({
    engine: new MemoryEngine(),
    membership: { memberId: MEMBER, clusterId: 1n },
    leaseTtlMinSeconds: 2,
    clock: new SystemClock(),
    serverVersion: "3.5.16",
  });
  const lines: Line[] = [];
  const note = (message: string, fields?: LogFields): void => {
    lines.push(fields === undefined ? [message] : [message, fields]);
  };
  const log: Log = { ...SILENT_LOG, info: note, warn: note };
  const operations = [
    ...authOperations(state, new NoTokens(), log),
    ...clusterOperations(state, log),
  ];
  const access = new Access(state.auth, { username: ROOT, authRevision: 0 });
  const run = (field: InternalField, request: Uint8Array): Line | undefined => {
    const operation = operations.find((each) => each.field === field);
    operation?.run(operation.decode(Buffer.from(request)), { index: 1, access, isAwaited: true });
    return lines.at(-1);
  };
  return { state, lines, log, run };
}

test("what is done to users and roles is logged in etcd's fields", () => {
  const { run } = machine();
  const added = AuthUserAddRequest.fromPartial({ name: "u", hashedPassword: "eA==" });
  run(InternalField.AUTH_USER_ADD, AuthUserAddRequest.encode(added).finish());
  for (const name of ["r", "s"]) {
    run(InternalField.AUTH_ROLE_ADD, AuthRoleAddRequest.encode({ name }).finish());
  }
  const grant = AuthUserGrantRoleRequest.encode({ user: "u", role: "s" }).finish();
  const [user, s] = [{ "user-name": "u" }, ["s"]];
  expect(run(InternalField.AUTH_USER_GRANT_ROLE, grant)).toEqual([
    "granted a role to a user",
    { ...user, "user-roles": s, "added-role-name": "s" },
  ]);
  expect(run(InternalField.AUTH_USER_GRANT_ROLE, grant)).toEqual([
    "ignored grant role request to a user",
    { ...user, "user-roles": s, "duplicate-role-name": "s" },
  ]);
  const password = AuthUserChangePasswordRequest.fromPartial({ name: "u", hashedPassword: "eA==" });
  const changed = AuthUserChangePasswordRequest.encode(password).finish();
  expect(run(InternalField.AUTH_USER_CHANGE_PASSWORD, changed)).toEqual([
    "changed a password of a user",
    { ...user, "user-roles": s },
  ]);
  const revoke = AuthUserRevokeRoleRequest.encode({ name: "u", role: "s" }).finish();
  expect(run(InternalField.AUTH_USER_REVOKE_ROLE, revoke)).toEqual([
    "revoked a role from a user",
    { ...user, "old-user-roles": s, "new-user-roles": [], "revoked-role-name": "s" },
  ]);
  const deletion = AuthUserDeleteRequest.encode({ name: "u" }).finish();
  expect(run(InternalField.AUTH_USER_DELETE, deletion)).toEqual([
    "deleted a user",
    { ...user, "user-roles": [] },
  ]);
  const [key, rangeEnd] = [Buffer.from("a"), Buffer.from("b")];
  const perm = { permType: Permission_Type.READWRITE, key, rangeEnd };
  const permission = AuthRoleGrantPermissionRequest.encode({ name: "r", perm }).finish();
  expect(run(InternalField.AUTH_ROLE_GRANT_PERMISSION, permission)).toEqual([
    "granted/updated a permission to a user",
    { "user-name": "r", "permission-name": "READWRITE" },
  ]);
  const range = AuthRoleRevokePermissionRequest.encode({ role: "r", key, rangeEnd }).finish();
  expect(run(InternalField.AUTH_ROLE_REVOKE_PERMISSION, range)).toEqual([
    "revoked a permission on range",
    { "role-name": "r", key: "a", "range-end": "b" },
  ]);
});

test("an alarm is logged with its name and the member that raised it", () => {
  const { run } = machine();
  const { ACTIVATE, DEACTIVATE } = AlarmRequest_AlarmAction;
  const fields = { alarm: "NOSPACE", from: "abcd" };
  for (const [action, message] of [
    [ACTIVATE, "alarm raised"],
    [DEACTIVATE, "alarm disarmed"],
  ] as const) {
    const request = AlarmRequest.encode({ action, memberID: MEMBER, alarm: AlarmType.NOSPACE });
    expect(run(InternalField.ALARM, request.finish())).toEqual([message, fields]);
  }
});

test("a version of the cluster is logged without its patch, the first one and a later one", () => {
  const { state, log, lines } = machine();
  applyPublication(state, log, { kind: "version", version: "3.4.0" });
  applyPublication(state, log, { kind: "version", version: "3.5.0" });
  expect(lines).toEqual([
    ["set initial cluster version", { ...CLUSTER, "cluster-version": "3.4" }],
    ["enabled capabilities for version", { "cluster-version": "3.4" }],
    ["updated cluster version", { ...CLUSTER, from: "3.4", to: "3.5" }],
    ["enabled capabilities for version", { "cluster-version": "3.5" }],
  ]);
});

test("an action on alarms that no version knows changes nothing", () => {
  const { state, run } = machine();
  const alarm = { memberID: 5n, alarm: AlarmType.NOSPACE };
  const request = (action: number) =>
    AlarmRequest.encode({ ...alarm, action: action as AlarmRequest_AlarmAction }).finish();
  run(InternalField.ALARM, request(AlarmRequest_AlarmAction.ACTIVATE));
  for (const action of [3, 99, -1]) run(InternalField.ALARM, request(action));
  expect(state.alarms.list(AlarmType.NONE)).toEqual([alarm]);
  run(InternalField.ALARM, request(AlarmRequest_AlarmAction.DEACTIVATE));
  expect(state.alarms.list(AlarmType.NONE)).toEqual([]);
});
