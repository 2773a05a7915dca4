import type { Access } from "../auth/access.ts";
import type { TokenEvents } from "../auth/token-events.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import { InternalAuthenticateRequest } from "../proto/gen/internal.ts";
import {
  AuthenticateResponse,
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionRequest,
  AuthRoleListResponse,
  AuthRoleRevokePermissionRequest,
  AuthStatusResponse,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserGrantRoleRequest,
  AuthUserListResponse,
  AuthUserRevokeRoleRequest,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { AnyOperation, EntryContext } from "./operation.ts";
import { NO_COST, NOT_JUDGED } from "./operation.ts";
import { succeeded } from "./outcome.ts";
import type { ReplicatedState } from "./replicated-state.ts";

/** By the number of a type. */
const PERMISSION_NAMES: readonly string[] = ["READ", "WRITE", "READWRITE"];

interface Codec<Request> {
  decode(bytes: Buffer): Request;
}

type Run<Request> = (request: Request, entry: EntryContext) => Uint8Array | undefined;
type Authorize<Request> = (request: Request, access: Access) => void;

const EMPTY_REQUEST: Codec<undefined> = { decode: () => undefined };
const ONLY_ROOT = (_request: unknown, access: Access): void => access.checkRoot();

/** All of etcd's Auth service: one entry per call, reading ones included. */
export function authOperations(
  state: ReplicatedState,
  tokens: TokenEvents,
  log: Log,
): AnyOperation[] {
  const operation = <Request>(
    field: InternalField,
    codec: Codec<Request>,
    authorize: Authorize<Request>,
    run: Run<Request>,
  ): AnyOperation => ({
    field,
    needsIntactState: false,
    decode: (bytes) => codec.decode(bytes),
    cost: NO_COST,
    authorize: (request, access) => authorize(request as Request, access),
    run: (request, entry) => {
      const body = run(request as Request, entry);
      return succeeded(state.kv.revision, body === undefined ? EMPTY_BYTES : Buffer.from(body));
    },
  });
  return [
    ...switchOperations(state, tokens, log, operation),
    ...userOperations(state, tokens, log, operation),
    ...roleOperations(state, log, operation),
  ];
}

type Define = <Request>(
  field: InternalField,
  codec: Codec<Request>,
  authorize: Authorize<Request>,
  run: Run<Request>,
) => AnyOperation;

function switchOperations(
  state: ReplicatedState,
  tokens: TokenEvents,
  log: Log,
  operation: Define,
): AnyOperation[] {
  return [
    operation(InternalField.AUTH_ENABLE, EMPTY_REQUEST, ONLY_ROOT, () => {
      const isNew = state.auth.enable();
      log.info(
        isNew
          ? "enabled authentication"
          : "authentication is already enabled; ignored auth enable request",
      );
      return undefined;
    }),
    operation(InternalField.AUTH_DISABLE, EMPTY_REQUEST, ONLY_ROOT, () => {
      if (!state.auth.disable()) return undefined;
      tokens.disabled();
      log.info("disabled authentication");
      return undefined;
    }),
    operation(InternalField.AUTH_STATUS, EMPTY_REQUEST, ONLY_ROOT, () => {
      const { isEnabled: enabled, revision: authRevision } = state.auth;
      return AuthStatusResponse.encode({ header: undefined, enabled, authRevision }).finish();
    }),
    operation(
      InternalField.AUTHENTICATE,
      InternalAuthenticateRequest,
      NOT_JUDGED,
      ({ name, simpleToken }, { index }) => {
        const { auth } = state;
        if (!auth.isEnabled) throw new EtcdError("AuthNotEnabled");
        const user = auth.user(name);
        if (user === undefined || user.options?.noPassword === true) {
          throw new EtcdError("AuthFailed");
        }
        if (simpleToken === "") return undefined;
        // etcd names the entry before: tokens must be the same on all members.
        const token = `${simpleToken}.${index - 1}`;
        tokens.assigned(name, token);
        return AuthenticateResponse.encode({ header: undefined, token }).finish();
      },
    ),
  ];
}

function userOperations(
  state: ReplicatedState,
  tokens: TokenEvents,
  log: Log,
  operation: Define,
): AnyOperation[] {
  return [
    operation(InternalField.AUTH_USER_ADD, AuthUserAddRequest, ONLY_ROOT, (request) => {
      state.auth.addUser(request);
      log.info("added a user", { "user-name": request.name });
      return undefined;
    }),
    operation(InternalField.AUTH_USER_DELETE, AuthUserDeleteRequest, ONLY_ROOT, ({ name }) => {
      const roles = rolesOf(state, name);
      state.auth.deleteUser(name);
      tokens.userChanged(name);
      log.info("deleted a user", { "user-name": name, "user-roles": roles });
      return undefined;
    }),
    operation(
      InternalField.AUTH_USER_CHANGE_PASSWORD,
      AuthUserChangePasswordRequest,
      ONLY_ROOT,
      (request) => {
        state.auth.changePassword(request);
        tokens.userChanged(request.name);
        log.info("changed a password of a user", {
          "user-name": request.name,
          "user-roles": rolesOf(state, request.name),
        });
        return undefined;
      },
    ),
    operation(
      InternalField.AUTH_USER_GRANT_ROLE,
      AuthUserGrantRoleRequest,
      ONLY_ROOT,
      ({ user, role }) => {
        const isNew = state.auth.grantRole(user, role);
        const fields = { "user-name": user, "user-roles": rolesOf(state, user) };
        if (isNew) log.info("granted a role to a user", { ...fields, "added-role-name": role });
        else {
          const ignored = { ...fields, "duplicate-role-name": role };
          log.warn("ignored grant role request to a user", ignored);
        }
        return undefined;
      },
    ),
    operation(
      InternalField.AUTH_USER_REVOKE_ROLE,
      AuthUserRevokeRoleRequest,
      ONLY_ROOT,
      ({ name, role }) => {
        const before = rolesOf(state, name);
        state.auth.revokeRole(name, role);
        log.info("revoked a role from a user", {
          "user-name": name,
          "old-user-roles": before,
          "new-user-roles": rolesOf(state, name),
          "revoked-role-name": role,
        });
        return undefined;
      },
    ),
    operation(InternalField.AUTH_USER_GET, AuthUserGetRequest, ownUser, ({ name }) => {
      const user = state.auth.user(name);
      if (user === undefined) throw new EtcdError("UserNotFound");
      return AuthUserGetResponse.encode({ header: undefined, roles: user.roles }).finish();
    }),
    operation(InternalField.AUTH_USER_LIST, EMPTY_REQUEST, ONLY_ROOT, () =>
      AuthUserListResponse.encode({ header: undefined, users: state.auth.userNames }).finish(),
    ),
  ];
}

function roleOperations(state: ReplicatedState, log: Log, operation: Define): AnyOperation[] {
  return [
    operation(InternalField.AUTH_ROLE_ADD, AuthRoleAddRequest, ONLY_ROOT, ({ name }) => {
      state.auth.addRole(name);
      log.info("created a role", { "role-name": name });
      return undefined;
    }),
    operation(InternalField.AUTH_ROLE_DELETE, AuthRoleDeleteRequest, ONLY_ROOT, ({ role }) => {
      state.auth.deleteRole(role);
      log.info("deleted a role", { "role-name": role });
      return undefined;
    }),
    operation(
      InternalField.AUTH_ROLE_GRANT_PERMISSION,
      AuthRoleGrantPermissionRequest,
      ONLY_ROOT,
      (request) => {
        state.auth.grantPermission(request);
        // etcd's words: it names the role where it says user.
        log.info("granted/updated a permission to a user", {
          "user-name": request.name,
          "permission-name": permissionName(request),
        });
        return undefined;
      },
    ),
    operation(
      InternalField.AUTH_ROLE_REVOKE_PERMISSION,
      AuthRoleRevokePermissionRequest,
      ONLY_ROOT,
      (request) => {
        state.auth.revokePermission(request);
        log.info("revoked a permission on range", {
          "role-name": request.role,
          key: request.key.toString(),
          "range-end": request.rangeEnd.toString(),
        });
        return undefined;
      },
    ),
    operation(InternalField.AUTH_ROLE_GET, AuthRoleGetRequest, ownRole, ({ role: name }) => {
      const role = state.auth.role(name);
      if (role === undefined) throw new EtcdError("RoleNotFound");
      return AuthRoleGetResponse.encode({ header: undefined, perm: role.keyPermission }).finish();
    }),
    operation(InternalField.AUTH_ROLE_LIST, EMPTY_REQUEST, ONLY_ROOT, () =>
      AuthRoleListResponse.encode({ header: undefined, roles: state.auth.roleNames }).finish(),
    ),
  ];
}

/** As they stand; none where there is no such user. */
function rolesOf({ auth }: ReplicatedState, name: string): readonly string[] {
  return auth.user(name)?.roles ?? [];
}

/** As etcd prints a type of permission, which is empty where there is no such type. */
function permissionName({ perm }: AuthRoleGrantPermissionRequest): string {
  return PERMISSION_NAMES[perm?.permType ?? 0] ?? "";
}

/** Everybody may look at himself. */
function ownUser({ name }: AuthUserGetRequest, access: Access): void {
  if (name !== access.identity.username) access.checkRoot();
}

/** And at the roles he holds. */
function ownRole({ role }: AuthRoleGetRequest, access: Access): void {
  if (!access.holdsRole(role)) access.checkRoot();
}
