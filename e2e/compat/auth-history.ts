import fc from "fast-check";
import { AuthDefinition, KVDefinition } from "../../server/proto/gen/rpc.ts";
import type { RawMethod } from "../harness/raw-caller.ts";

/** One call of a random history: what is asked, and as whom. */
export interface AuthStep {
  readonly service: string;
  readonly method: RawMethod;
  readonly request: object;
  /** Whose newest token is sent; undefined: none. */
  readonly caller: string | undefined;
}

const users = fc.constantFrom("root", "alice", "bob", "");
const others = fc.constantFrom("alice", "bob", "");
const roles = fc.constantFrom("root", "one", "two", "");
const passwords = fc.constantFrom("pw", "pw", "other", "");
const key = fc.constantFrom("a", "b", "bb", "c", "d").map((text) => Buffer.from(text));
const rangeEnd = fc.constantFrom("", "", "\0", "b", "c", "d").map((text) => Buffer.from(text));
/** A range that ends before it begins is refused by etcd or not as its tree happens to stand. */
const isRange = (wanted: { readonly key: Buffer; readonly rangeEnd: Buffer }) =>
  wanted.rangeEnd.length === 0 ||
  wanted.rangeEnd[0] === 0 ||
  Buffer.compare(wanted.key, wanted.rangeEnd) < 0;
const range = fc.record({ key, rangeEnd }).filter(isRange);
const prevKv = fc.boolean();
const caller = fc.oneof(
  { weight: 5, arbitrary: fc.constant<string | undefined>("root") },
  { weight: 3, arbitrary: fc.constantFrom<(string | undefined)[]>("alice", "bob") },
  { weight: 1, arbitrary: fc.constantFrom<(string | undefined)[]>(undefined, "nobody") },
);

const put = fc.record({ key, value: key, prevKv });
const deleteRange = fc.record({ key, rangeEnd, prevKv }).filter(isRange);
// Without what 3.5.16 forgets to judge in a transaction: prev_kv of puts, leases, nesting.
const operation = fc.oneof(
  fc.record({ requestRange: range }),
  fc.record({ requestPut: fc.record({ key, value: key }) }),
  fc.record({ requestDeleteRange: deleteRange }),
);
const txn = fc.record({
  compare: fc.array(fc.record({ key, version: fc.constantFrom(0n, 1n), target: fc.constant(0) }), {
    maxLength: 1,
  }),
  success: fc.array(operation, { maxLength: 2 }),
  failure: fc.array(operation, { maxLength: 2 }),
});
const perm = fc.record({ permType: fc.constantFrom(0, 1, 2), key, rangeEnd });

type Weighted = readonly [weight: number, method: RawMethod, request: fc.Arbitrary<object>];

const auth = AuthDefinition.methods;
const kv = KVDefinition.methods;
const EMPTY = fc.constant({});

const AUTH_STEPS: readonly Weighted[] = [
  [6, auth.authenticate, fc.record({ name: users, password: passwords })],
  [4, auth.authEnable, EMPTY],
  [1, auth.authDisable, EMPTY],
  [2, auth.authStatus, EMPTY],
  [4, auth.userAdd, fc.record({ name: users, password: passwords })],
  [1, auth.userAdd, fc.record({ name: users, options: fc.constant({ noPassword: true }) })],
  [1, auth.userDelete, fc.record({ name: users })],
  [2, auth.userGet, fc.record({ name: users })],
  [1, auth.userList, EMPTY],
  // Root keeps his, or the rest of the history would be locked out.
  [2, auth.userChangePassword, fc.record({ name: others, password: passwords })],
  [5, auth.userGrantRole, fc.record({ user: users, role: roles })],
  [1, auth.userRevokeRole, fc.record({ name: users, role: roles })],
  [3, auth.roleAdd, fc.record({ name: roles })],
  [1, auth.roleDelete, fc.record({ role: roles })],
  [2, auth.roleGet, fc.record({ role: roles })],
  [1, auth.roleList, EMPTY],
  [5, auth.roleGrantPermission, fc.record({ name: roles, perm: fc.option(perm, { freq: 20 }) })],
  [2, auth.roleRevokePermission, fc.record({ role: roles, key, rangeEnd })],
];

const KV_STEPS: readonly Weighted[] = [
  [6, kv.put, put],
  [6, kv.range, fc.record({ key, rangeEnd, serializable: fc.boolean() }).filter(isRange)],
  [3, kv.deleteRange, deleteRange],
  [6, kv.txn, txn],
];

function steps(service: string, weighted: readonly Weighted[]) {
  return weighted.map(([weight, method, request]) => ({
    weight,
    arbitrary: fc.record({
      service: fc.constant(service),
      method: fc.constant(method),
      request: request.map(given),
      caller,
    }),
  }));
}

/** Without fields that are null: they are not set. */
function given(request: object): object {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null));
}

const anyStep: fc.Arbitrary<AuthStep> = fc.oneof(
  ...steps(AuthDefinition.fullName, AUTH_STEPS),
  ...steps(KVDefinition.fullName, KV_STEPS),
);

const asRoot = (method: RawMethod, request: object): AuthStep => ({
  service: AuthDefinition.fullName,
  method,
  request,
  caller: "root",
});

/** Signs everybody in, whichever his password is now. */
const SIGN_IN = ["root", "alice", "bob"].flatMap((name) =>
  ["other", "pw"].map((password) => asRoot(auth.authenticate, { name, password })),
);

const OPENING: readonly AuthStep[] = [
  ...["root", "alice", "bob"].map((name) => asRoot(auth.userAdd, { name, password: "pw" })),
  asRoot(auth.userGrantRole, { user: "root", role: "root" }),
  ...["one", "two"].map((name) => asRoot(auth.roleAdd, { name })),
  asRoot(auth.userGrantRole, { user: "alice", role: "one" }),
  asRoot(auth.authEnable, {}),
];

/** A history that begins with auth on and everybody signed in again from time to time. */
export function authHistory(seed: number, length: number): AuthStep[] {
  const random = fc.sample(anyStep, { numRuns: length, seed });
  const chapters = random.flatMap((step, at) => (at % 25 === 0 ? [...SIGN_IN, step] : [step]));
  return [...OPENING, ...chapters];
}
