import fc from "fast-check";
import { expect, test } from "vitest";
import { Access } from "../auth/access.ts";
import { AuthStore } from "../auth/auth-store.ts";
import { finish } from "../base/steps.ts";
import { Lessor } from "../lease/lessor.ts";
import { AuthRoleGrantPermissionRequest, AuthUserAddRequest } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { authorizeLease, authorizeLeaseKeys } from "./authorize.ts";

const READWRITE = 2;

function fixture() {
  const engine = new MemoryEngine();
  const store = AuthStore.open(engine);
  const lessor = Lessor.open(engine, 1);
  for (const name of ["root", "a", "b"]) {
    store.addUser(AuthUserAddRequest.fromPartial({ name }));
    if (name === "root") store.grantRole(name, "root");
    else {
      store.addRole(name);
      store.grantRole(name, name);
    }
  }
  store.enable();
  const allow = (role: string, key: string) => {
    const perm = { key: Buffer.from(key), permType: READWRITE } as const;
    store.grantPermission(AuthRoleGrantPermissionRequest.fromPartial({ name: role, perm }));
  };
  return { store, lessor, allow };
}

type Step = (on: ReturnType<typeof fixture>) => void;

const key = fc.constantFrom("1", "2", "3", "4");
const lease = fc.constantFrom(1n, 2n);
const role = fc.constantFrom("a", "b");

const attachment = fc.tuple(lease, key).map(
  ([id, name]): Step =>
    ({ lessor }) => {
      lessor.attach(id, Buffer.from(name));
    },
);
const change: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: attachment, weight: 9 },
  key.map(
    (name): Step =>
      ({ lessor }) =>
        lessor.detach(Buffer.from(name)),
  ),
  lease.map(
    (id): Step =>
      ({ lessor }) => {
        if (lessor.has(id)) lessor.revoke(id);
        lessor.grant(id, 60, 0);
      },
  ),
  fc.tuple(role, key).map(
    ([name, wanted]): Step =>
      ({ allow }) =>
        allow(name, wanted),
  ),
  role.map(
    (name): Step =>
      ({ store }) => {
        if (store.user(name)?.roles.includes(name) === true) store.revokeRole(name, name);
        else store.grantRole(name, name);
      },
  ),
);
const username = fc.oneof({ arbitrary: fc.constant("a"), weight: 3 }, fc.constantFrom("b", "root"));
const late = fc.nat(9).map((drawn) => drawn === 0);
const question = fc.record({ username, late });

function verdict(judge: () => void): string {
  try {
    judge();
    return "";
  } catch (error) {
    return String(error);
  }
}

test("what is known of a holder's rights changes no judgement", () => {
  let granted = 0;
  const steps = fc.array(fc.tuple(fc.array(change, { maxLength: 3 }), question, lease), {
    minLength: 5,
    maxLength: 30,
  });
  fc.assert(
    fc.property(steps, (drawn) => {
      const on = fixture();
      const { store, lessor, allow } = on;
      for (const name of ["1", "2", "3"]) allow("a", name);
      for (const id of [1n, 2n]) lessor.grant(id, 60, 0);
      for (const [changes, { username, late }, id] of drawn) {
        for (const each of changes) each(on);
        const authRevision = store.revision - Number(late);
        const access = new Access(store, { username, authRevision });
        const keys = lessor.has(id) ? finish(lessor.keys(id)) : [];
        const written = access.isRoot ? [] : keys;
        const writing = verdict(() => written.forEach((one) => access.checkWrite(one)));
        const reading = verdict(() => keys.forEach((one) => access.checkRead(one)));
        expect(verdict(() => authorizeLease(access, lessor, id))).toBe(writing);
        expect(verdict(() => authorizeLeaseKeys(access, lessor, id))).toBe(reading);
        granted += Number(written.length > 0 && writing === "");
      }
    }),
    { numRuns: 300, seed: 7 },
  );
  expect(granted).toBeGreaterThan(500);
});

test("a lease of many keys is judged as a whole once, and then only by what is added", () => {
  const { store, lessor, allow } = fixture();
  lessor.grant(1n, 60, 0);
  for (let at = 0; at < 1000; at++) {
    allow("a", String(at));
    lessor.attach(1n, Buffer.from(String(at)));
  }
  allow("a", "new");
  let checks = 0;
  class CountedAccess extends Access {
    override checkWrite(wanted: Buffer): void {
      checks++;
      super.checkWrite(wanted);
    }
  }
  const access = new CountedAccess(store, { username: "a", authRevision: store.revision });
  authorizeLease(access, lessor, 1n);
  expect(checks).toBe(1000);
  checks = 0;
  for (let at = 0; at < 100; at++) authorizeLease(access, lessor, 1n);
  expect(checks).toBe(100);
  checks = 0;
  lessor.attach(1n, Buffer.from("0"));
  lessor.attach(1n, Buffer.from("new"));
  authorizeLease(access, lessor, 1n);
  expect(checks).toBe(2);
});
