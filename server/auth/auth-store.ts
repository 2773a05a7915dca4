// Users, roles and whether they count: what etcd keeps in the buckets auth, authUsers and authRoles,
// row for row, so that either can go on from the other's snapshot. All of it is in memory as well;
// there are few users, and every request asks.
//
//   revision   1 in a new store, one more with each change. Whoever was recognised at an earlier
//              revision is refused: he may have been somebody else, with other rights, since then.
//
// Invariant: what a method changed is in the engine when it returns, and when it throws nothing was
// changed.
import { compareBytes, decodeUint64, encodeUint64 } from "../base/bytes.ts";
import { decodeText, encodeText } from "../base/text.ts";
import { EtcdError } from "../errors.ts";
import { type Permission, Role, User } from "../proto/gen/auth.ts";
import type {
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
} from "../proto/gen/rpc.ts";
import { ENGINE_KEY_BYTES_MAX, type Engine } from "../storage/engine.ts";
import { ROOT } from "./identity.ts";
import { isOpenEnd } from "./key-intervals.ts";
import { storedHash } from "./password-field.ts";
import { type Rights, rightsOf } from "./rights.ts";

const ENABLED_KEY = Buffer.from("authEnabled");
const REVISION_KEY = Buffer.from("authRevision");
const ON = Buffer.of(1);
const OFF = Buffer.of(0);
const FIRST_REVISION = 1;

export class AuthStore {
  readonly #engine: Engine;
  readonly #users = new Map<string, User>();
  readonly #roles = new Map<string, Role>();
  /** Made when first asked for, dropped with every change. */
  readonly #rights = new Map<string, Rights>();
  #isEnabled: boolean;
  #revision: number;

  private constructor(engine: Engine) {
    this.#engine = engine;
    const flag = engine.get("auth", ENABLED_KEY);
    this.#isEnabled = flag !== undefined && flag.equals(ON);
    const revision = engine.get("auth", REVISION_KEY);
    this.#revision = revision === undefined ? 0 : Number(decodeUint64(revision));
  }

  /** Reads the tables; a new engine is given its first revision. */
  static open(engine: Engine): AuthStore {
    const store = new AuthStore(engine);
    for (const [, bytes] of engine.scan("authUsers")) {
      const user = User.decode(bytes);
      store.#users.set(decodeText(user.name), user);
    }
    for (const [, bytes] of engine.scan("authRoles")) {
      const role = Role.decode(bytes);
      store.#roles.set(decodeText(role.name), role);
    }
    if (store.#revision < FIRST_REVISION) store.#changed();
    return store;
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  get revision(): number {
    return this.#revision;
  }

  user(name: string): User | undefined {
    return this.#users.get(name);
  }

  role(name: string): Role | undefined {
    return this.#roles.get(name);
  }

  /** In byte order, as all lists here. */
  get userNames(): string[] {
    return sorted(this.#users.keys());
  }

  get roleNames(): string[] {
    return sorted(this.#roles.keys());
  }

  /** What a user may do; undefined when there is none of that name. */
  rights(name: string): Rights | undefined {
    const known = this.#rights.get(name);
    if (known !== undefined) return known;
    const user = this.#users.get(name);
    if (user === undefined) return undefined;
    const roles = user.roles.flatMap((role) => this.#roles.get(role) ?? []);
    const rights = rightsOf(user.roles.includes(ROOT), roles);
    this.#rights.set(name, rights);
    return rights;
  }

  /**
   * The revision stays: whoever was recognised while all this did not count was nobody.
   * @returns whether auth was off
   * @throws EtcdError RootUserNotExist, RootRoleNotExist
   */
  enable(): boolean {
    if (this.#isEnabled) return false;
    const root = this.#users.get(ROOT);
    if (root === undefined) throw new EtcdError("RootUserNotExist");
    if (!root.roles.includes(ROOT)) throw new EtcdError("RootRoleNotExist");
    this.#engine.put("auth", ENABLED_KEY, ON);
    this.#isEnabled = true;
    return true;
  }

  /** @returns whether auth was on */
  disable(): boolean {
    if (!this.#isEnabled) return false;
    this.#engine.put("auth", ENABLED_KEY, OFF);
    this.#isEnabled = false;
    this.#changed();
    return true;
  }

  /** @throws EtcdError UserEmpty, UserAlreadyExist, NoPasswordUser (an unreadable hash) */
  addUser({ options, ...field }: AuthUserAddRequest): void {
    const { name } = field;
    if (name === "") throw new EtcdError("UserEmpty");
    if (this.#users.has(name)) throw new EtcdError("UserAlreadyExist");
    const noPassword = options?.noPassword ?? false;
    const password = noPassword ? Buffer.alloc(0) : storedHash(field);
    this.#putUser({ name: nameBytes(name), password, roles: [], options: { noPassword } });
    this.#changed();
  }

  /** @throws EtcdError InvalidAuthMgmt, UserNotFound */
  deleteUser(name: string): void {
    if (this.#isEnabled && name === ROOT) throw new EtcdError("InvalidAuthMgmt");
    const user = this.#knownUser(name);
    this.#users.delete(name);
    this.#engine.delete("authUsers", user.name);
    this.#changed();
  }

  /** @throws EtcdError UserNotFound, NoPasswordUser (an unreadable hash) */
  changePassword(request: AuthUserChangePasswordRequest): void {
    const user = this.#knownUser(request.name);
    const hasPassword = user.options?.noPassword !== true;
    const password = hasPassword ? storedHash(request) : Buffer.alloc(0);
    this.#putUser({ ...user, password });
    this.#changed();
  }

  /** @returns whether it was new @throws EtcdError UserNotFound, RoleNotFound */
  grantRole(userName: string, roleName: string): boolean {
    const user = this.#knownUser(userName);
    if (roleName !== ROOT) this.#knownRole(roleName);
    if (user.roles.includes(roleName)) return false;
    this.#putUser({ ...user, roles: sorted([...user.roles, roleName]) });
    this.#changed();
    return true;
  }

  /** @throws EtcdError InvalidAuthMgmt, UserNotFound, RoleNotGranted */
  revokeRole(userName: string, roleName: string): void {
    if (this.#isEnabled && userName === ROOT && roleName === ROOT) {
      throw new EtcdError("InvalidAuthMgmt");
    }
    const user = this.#knownUser(userName);
    if (!user.roles.includes(roleName)) throw new EtcdError("RoleNotGranted");
    this.#putUser({ ...user, roles: user.roles.filter((name) => name !== roleName) });
    this.#changed();
  }

  /** @throws EtcdError RoleEmpty, RoleAlreadyExist */
  addRole(name: string): void {
    if (name === "") throw new EtcdError("RoleEmpty");
    if (this.#roles.has(name)) throw new EtcdError("RoleAlreadyExist");
    this.#putRole({ name: nameBytes(name), keyPermission: [] });
    this.#changed();
  }

  /** Takes it from every user, too. @throws EtcdError InvalidAuthMgmt, RoleNotFound */
  deleteRole(name: string): void {
    if (this.#isEnabled && name === ROOT) throw new EtcdError("InvalidAuthMgmt");
    const role = this.#knownRole(name);
    this.#roles.delete(name);
    this.#engine.delete("authRoles", role.name);
    for (const user of this.#users.values()) {
      if (!user.roles.includes(name)) continue;
      this.#putUser({ ...user, roles: user.roles.filter((each) => each !== name) });
    }
    this.#changed();
  }

  /**
   * A permission on the same range is replaced.
   * @throws EtcdError PermissionNotGiven, InvalidAuthMgmt (an impossible range), RoleNotFound
   */
  grantPermission({ name, perm }: AuthRoleGrantPermissionRequest): void {
    if (perm === undefined) throw new EtcdError("PermissionNotGiven");
    if (!isPossibleRange(perm)) throw new EtcdError("InvalidAuthMgmt");
    const role = this.#knownRole(name);
    // Of several ranges on one key only the first can be replaced: so does etcd, and its members
    // must find the same.
    const first = role.keyPermission.findIndex(({ key }) => compareBytes(key, perm.key) >= 0);
    const held = role.keyPermission[first];
    const isHeld = held?.key.equals(perm.key) === true && held.rangeEnd.equals(perm.rangeEnd);
    const keyPermission = isHeld
      ? role.keyPermission.with(first, perm)
      : [...role.keyPermission, perm].sort((a, b) => compareBytes(a.key, b.key));
    this.#putRole({ ...role, keyPermission });
    this.#changed();
  }

  /** @throws EtcdError RoleNotFound, PermissionNotGranted */
  revokePermission({ role: name, key, rangeEnd }: AuthRoleRevokePermissionRequest): void {
    const role = this.#knownRole(name);
    const kept = role.keyPermission.filter(
      (perm) => !perm.key.equals(key) || !perm.rangeEnd.equals(rangeEnd),
    );
    if (kept.length === role.keyPermission.length) throw new EtcdError("PermissionNotGranted");
    this.#putRole({ ...role, keyPermission: kept });
    this.#changed();
  }

  #knownUser(name: string): User {
    const user = this.#users.get(name);
    if (user === undefined) throw new EtcdError("UserNotFound");
    return user;
  }

  #knownRole(name: string): Role {
    const role = this.#roles.get(name);
    if (role === undefined) throw new EtcdError("RoleNotFound");
    return role;
  }

  #putUser(user: User): void {
    this.#users.set(decodeText(user.name), user);
    this.#engine.put("authUsers", user.name, Buffer.from(User.encode(user).finish()));
  }

  #putRole(role: Role): void {
    this.#roles.set(decodeText(role.name), role);
    this.#engine.put("authRoles", role.name, Buffer.from(Role.encode(role).finish()));
  }

  #changed(): void {
    this.#rights.clear();
    this.#revision++;
    this.#engine.put("auth", REVISION_KEY, encodeUint64(BigInt(this.#revision)));
  }
}

/** @throws EtcdError RequestTooLarge for a name that no table can hold */
function nameBytes(name: string): Buffer {
  const bytes = encodeText(name);
  if (bytes.length > ENGINE_KEY_BYTES_MAX) throw new EtcdError("RequestTooLarge");
  return bytes;
}

function isPossibleRange({ key, rangeEnd }: Permission): boolean {
  if (key.length === 0) return false;
  return rangeEnd.length === 0 || isOpenEnd(rangeEnd) || compareBytes(key, rangeEnd) < 0;
}

/** In byte order, which differs from that of strings behind U+D7FF. */
function sorted(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => compareBytes(encodeText(a), encodeText(b)));
}
