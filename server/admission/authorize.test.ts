import fc from "fast-check";
import { expect, test } from "vitest";
import { Access } from "../auth/access.ts";
import { AuthStore } from "../auth/auth-store.ts";
import { Lessor } from "../lease/lessor.ts";
import {
  AuthRoleGrantPermissionRequest,
  AuthUserAddRequest,
  type RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { authorizeLease, authorizeLeaseKeys, authorizeRenewal, authorizeTxn } from "./authorize.ts";

// The user may read r and both, write w and both; lease 1 holds both, lease 2 holds w and r.

const READABLE = new Set(["r", "both"]);
const WRITABLE = new Set(["w", "both"]);
const LEASES: Readonly<Record<string, readonly string[]>> = {
  "0": [],
  "1": ["both"],
  "2": ["w", "r"],
};

function fixture() {
  const engine = new MemoryEngine();
  const store = AuthStore.open(engine);
  const lessor = Lessor.open(engine, 1);
  for (const name of ["root", "user"]) store.addUser(AuthUserAddRequest.fromPartial({ name }));
  store.grantRole("root", "root");
  store.addRole("role");
  store.grantRole("user", "role");
  for (const [key, permType] of [
    ["r", 0],
    ["w", 1],
    ["both", 2],
  ] as const) {
    const perm = { key: Buffer.from(key), permType };
    store.grantPermission(AuthRoleGrantPermissionRequest.fromPartial({ name: "role", perm }));
  }
  for (const [id, keys] of Object.entries(LEASES)) {
    if (id === "0") continue;
    lessor.grant(BigInt(id), 60, 0);
    for (const key of keys) lessor.attach(BigInt(id), Buffer.from(key));
  }
  store.enable();
  const as = (username: string) => new Access(store, { username, authRevision: store.revision });
  return { store, lessor, as };
}

const { lessor, as } = fixture();

const key = fc.constantFrom("r", "w", "both", "neither").map((name) => Buffer.from(name));
const lease = fc.constantFrom(0n, 1n, 2n, 9n);
const prevKv = fc.boolean();
const leaf = fc.oneof(
  fc.record({ requestRange: fc.record({ key }) }),
  fc.record({ requestPut: fc.record({ key, lease, prevKv }) }),
  fc.record({ requestDeleteRange: fc.record({ key, prevKv }) }),
);

interface Tree {
  readonly compare: readonly { readonly key: Buffer }[];
  readonly success: readonly object[];
  readonly failure: readonly object[];
}

const { tree } = fc.letrec<{ tree: Tree; operation: object }>((tie) => ({
  tree: fc.record({
    compare: fc.array(fc.record({ key }), { maxLength: 1 }),
    success: fc.array(tie("operation"), { maxLength: 2 }),
    failure: fc.array(tie("operation"), { maxLength: 2 }),
  }),
  operation: fc.oneof(
    { depthSize: "small", maxDepth: 8, withCrossShrink: true },
    leaf,
    fc.record({ requestTxn: tie("tree") }),
  ),
}));

/** Everything a transaction reads and writes, whichever branch will run. */
function demands(request: TxnRequest, isInner: boolean): { reads: string[]; writes: string[] } {
  const reads = request.compare.map((compare) => String(compare.key));
  const writes: string[] = [];
  const visit = ({ requestRange, requestPut, requestDeleteRange, requestTxn }: RequestOp) => {
    if (requestRange !== undefined && isInner) reads.push(String(requestRange.key));
    const write = requestPut ?? requestDeleteRange;
    if (write !== undefined) {
      writes.push(String(write.key));
      if (write.prevKv) reads.push(String(write.key));
    }
    writes.push(...(LEASES[String(requestPut?.lease ?? 0n)] ?? []));
    if (requestTxn === undefined) return;
    const nested = demands(requestTxn, true);
    reads.push(...nested.reads);
    writes.push(...nested.writes);
  };
  for (const each of [...request.success, ...request.failure]) visit(each);
  return { reads, writes };
}

test.each(["judged", "skipped"] as const)(
  "a transaction passes when all that any of its branches does is allowed (own ranges %s)",
  (ownRanges) => {
    let passed = 0;
    fc.assert(
      fc.property(tree, (drawn) => {
        const request = TxnRequest.fromPartial(
          drawn as Parameters<typeof TxnRequest.fromPartial>[0],
        );
        const { reads, writes } = demands(request, ownRanges === "judged");
        const isAllowed =
          reads.every((name) => READABLE.has(name)) && writes.every((name) => WRITABLE.has(name));
        const judge = () => authorizeTxn(as("user"), lessor, request, ownRanges);
        if (isAllowed) judge();
        else expect(judge).toThrow("permission denied");
        passed += Number(isAllowed);
        authorizeTxn(as("root"), lessor, request, ownRanges);
      }),
      { numRuns: 5000, seed: 7 },
    );
    expect(passed).toBeGreaterThan(300);
  },
);

test("a lease is for whoever may write all of its keys; one that is gone is for everybody", () => {
  authorizeLease(as("user"), lessor, 1n);
  authorizeRenewal(as("user"), lessor, 1n);
  expect(() => authorizeLease(as("user"), lessor, 2n)).toThrow("permission denied");
  expect(() => authorizeRenewal(as("user"), lessor, 2n)).toThrow("permission denied");
  authorizeLease(as("user"), lessor, 9n);
  authorizeLease(as("root"), lessor, 2n);
  authorizeLeaseKeys(as("user"), lessor, 1n);
  expect(() => authorizeLeaseKeys(as("user"), lessor, 2n)).toThrow("permission denied");
  authorizeLeaseKeys(as("root"), lessor, 2n);
});
