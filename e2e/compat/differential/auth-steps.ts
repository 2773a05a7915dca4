import fc from "fast-check";
import { key, rangeEnd, steps } from "./key-value-steps.ts";
import type { Message, Step } from "./step.ts";

/** The user, and the role, without which nobody can turn authentication on or off. */
export const ROOT = "root";
/** All that a user can sign in with; nobody can with an empty one that he was given later. */
export const PASSWORDS = ["p", "q", ""];

const password = fc.constantFrom("p", "p", "q", "");
const nothing = fc.constant({});

/** Whose rights change, and to what. */
interface Cast {
  readonly users: readonly string[];
  readonly roles: readonly string[];
}

/** There is no user root, so that authentication cannot come on and refuse all that follows. */
const UNASKED: Cast = {
  users: ["u", "u", "v", "v", "w", ""],
  roles: ["r", "r", "s", "s", ROOT, ""],
};
export const SIGNED_IN: Cast = {
  users: [ROOT, "alice", "alice", "bob", "bob", ""],
  roles: ["one", "one", "two", "two", ROOT, ""],
};

const anyPermission = fc.record({ permType: fc.constantFrom(0, 1, 2), key, rangeEnd });
/** Etcd 3.4 also takes ranges that hold nothing, and then its roles are others. */
export const permission = fc.oneof(
  {
    weight: 60,
    arbitrary: anyPermission.filter((perm) => perm.key.length > 0 && isRange(perm)),
  },
  { weight: 1, arbitrary: anyPermission },
);

function isRange({ key: first, rangeEnd: end }: { key: Buffer; rangeEnd: Buffer }): boolean {
  const isOpen = end.length === 1 && end[0] === 0;
  return end.length === 0 || isOpen || Buffer.compare(first, end) < 0;
}

/** As whom root can always sign in again. */
const isKept = ({ name, password: given, options }: Message) =>
  name !== ROOT || (given !== "" && options === undefined);

function authSteps({ users, roles }: Cast): fc.Arbitrary<Step> {
  const user = fc.constantFrom(...users);
  const role = fc.constantFrom(...roles);
  const options = fc.constantFrom(undefined, { noPassword: true }, { noPassword: false });
  const added = fc.record({ name: user, password, options }).filter(isKept);
  const changed = fc.record({ name: user, password }).filter(isKept);
  const revoked = fc.record({ role, key, rangeEnd });
  const granted: fc.Arbitrary<Message> = fc.oneof(
    { weight: 30, arbitrary: fc.record({ name: role, perm: permission }) },
    // Of a role that is there, etcd 3.4 would end.
    { weight: 1, arbitrary: fc.constant({ name: "absent" }) },
  );
  const weighted: readonly (readonly [number, string, fc.Arbitrary<Message>])[] = [
    [4, "UserAdd", added.map(given)],
    [2, "UserGet", fc.record({ name: user })],
    [1, "UserDelete", fc.record({ name: user })],
    [2, "UserChangePassword", changed],
    [5, "UserGrantRole", fc.record({ user, role })],
    [2, "UserRevokeRole", fc.record({ name: user, role })],
    [1, "UserList", nothing],
    [4, "RoleAdd", fc.record({ name: role })],
    [3, "RoleGet", fc.record({ role })],
    [1, "RoleDelete", fc.record({ role })],
    [1, "RoleList", nothing],
    [3, "RoleRevokePermission", revoked],
    [6, "RoleGrantPermission", granted],
    [1, "AuthStatus", nothing],
    [2, "Authenticate", fc.record({ name: user, password })],
    [2, "AuthEnable", nothing],
    [1, "AuthDisable", nothing],
  ];
  return fc.oneof(
    ...weighted.map(([weight, name, request]) => ({
      weight,
      arbitrary: steps(`Auth/${name}`, request),
    })),
  );
}

/** Without fields that are undefined. */
function given(fields: Message): Message {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** While nobody is asked who he is. */
export const unaskedAuthSteps = authSteps(UNASKED);
export const signedInAuthSteps = authSteps(SIGNED_IN);
