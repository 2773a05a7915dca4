import fc from "fast-check";
import { key, rangeEnd, steps } from "./key-value-steps.ts";
import type { Step } from "./step.ts";

// Users, roles and permissions while nobody is asked who he is. There is no user root, so that
// authentication cannot come on by chance and refuse all that follows.

const user = fc.constantFrom("u", "u", "v", "v", "w", "");
const role = fc.constantFrom("r", "r", "s", "s", "root", "");
const password = fc.constantFrom("p", "p", "q", "");
const oddPermission = fc.record({ permType: fc.constantFrom(0, 1, 2), key, rangeEnd });
/** etcd 3.4 also takes ranges that hold nothing. */
const permission = oddPermission.filter(
  (perm) => perm.key.length > 0 && isRange(perm.key, perm.rangeEnd),
);
const nothing = fc.constant({});

function isRange(first: Buffer, end: Buffer): boolean {
  const isOpen = end.length === 1 && end[0] === 0;
  return end.length === 0 || isOpen || Buffer.compare(first, end) < 0;
}

const common = [
  {
    weight: 4,
    arbitrary: steps(
      "Auth/UserAdd",
      fc.record({
        name: user,
        password,
        options: fc.constantFrom(undefined, { noPassword: true }, { noPassword: false }),
      }),
    ),
  },
  { weight: 2, arbitrary: steps("Auth/UserGet", fc.record({ name: user })) },
  { weight: 1, arbitrary: steps("Auth/UserDelete", fc.record({ name: user })) },
  { weight: 1, arbitrary: steps("Auth/UserChangePassword", fc.record({ name: user, password })) },
  { weight: 4, arbitrary: steps("Auth/UserGrantRole", fc.record({ user, role })) },
  { weight: 2, arbitrary: steps("Auth/UserRevokeRole", fc.record({ name: user, role })) },
  { weight: 1, arbitrary: steps("Auth/UserList", nothing) },
  { weight: 4, arbitrary: steps("Auth/RoleAdd", fc.record({ name: role })) },
  { weight: 3, arbitrary: steps("Auth/RoleGet", fc.record({ role })) },
  { weight: 1, arbitrary: steps("Auth/RoleDelete", fc.record({ role })) },
  { weight: 1, arbitrary: steps("Auth/RoleList", nothing) },
  {
    weight: 3,
    arbitrary: steps("Auth/RoleRevokePermission", fc.record({ role, key, rangeEnd })),
  },
  { weight: 1, arbitrary: steps("Auth/AuthStatus", nothing) },
  { weight: 1, arbitrary: steps("Auth/Authenticate", fc.record({ name: user, password })) },
  { weight: 1, arbitrary: steps("Auth/AuthEnable", nothing) },
  { weight: 1, arbitrary: steps("Auth/AuthDisable", nothing) },
];

function granting(perm: typeof permission) {
  const arbitrary = steps("Auth/RoleGrantPermission", fc.record({ name: role, perm }));
  return fc.oneof(...common, { weight: 6, arbitrary });
}

export const authSteps: fc.Arbitrary<Step> = granting(oddPermission);
export const authStepsFor34: fc.Arbitrary<Step> = granting(permission);
