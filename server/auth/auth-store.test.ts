import { compareSync, hashSync } from "bcrypt";
import { beforeEach, describe, expect, test } from "vitest";
import { decodeText } from "../base/text.ts";
import {
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
} from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Access } from "./access.ts";
import { AuthStore } from "./auth-store.ts";
import { NOBODY } from "./identity.ts";

const HASH = Buffer.from("$2a$04$hash").toString("base64");

let engine: MemoryEngine;
let store: AuthStore;

beforeEach(() => {
  engine = new MemoryEngine();
  store = AuthStore.open(engine);
});

function addUser(name: string, rest: Partial<AuthUserAddRequest> = {}): void {
  store.addUser(AuthUserAddRequest.fromPartial({ name, hashedPassword: HASH, ...rest }));
}

function grant(role: string, permType: 0 | 1 | 2, key: string, rangeEnd = ""): void {
  const perm = { permType, key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd) };
  store.grantPermission(AuthRoleGrantPermissionRequest.fromPartial({ name: role, perm }));
}

function enable(): void {
  addUser("root");
  store.grantRole("root", "root");
  store.enable();
}

const rows = (of: MemoryEngine) =>
  (["auth", "authUsers", "authRoles"] as const).map((table) => [...of.scan(table)]);

test("a new store begins at revision 1, and every change but enabling is the next", () => {
  const steps: (() => void)[] = [
    () => addUser("root"),
    () => store.grantRole("root", "root"),
    () => store.addRole("r"),
    () => grant("r", 0, "k"),
    () => store.changePassword(AuthUserChangePasswordRequest.fromPartial({ name: "root" })),
    () => store.disable(),
    () => store.deleteRole("r"),
  ];
  expect(store.revision).toBe(1);
  for (const [at, step] of steps.entries()) {
    if (at === 5) store.enable();
    step();
    expect(store.revision).toBe(at + 2);
  }
  expect(store.grantRole("root", "root")).toBe(false);
  expect(store.revision).toBe(steps.length + 1);
});

test("what was changed is read again from the engine, and nothing else is in it", () => {
  enable();
  addUser("alice", { options: { noPassword: true } });
  store.addRole("reader");
  grant("reader", 0, "b", "c");
  grant("reader", 2, "a");
  store.grantRole("alice", "reader");
  const again = AuthStore.open(engine);
  expect(again.isEnabled).toBe(true);
  expect(again.revision).toBe(store.revision);
  expect(again.user("alice")).toEqual(store.user("alice"));
  expect(again.role("reader")?.keyPermission.map(({ key }) => String(key))).toEqual(["a", "b"]);
  expect(rows(engine)[1]?.map(([key]) => String(key))).toEqual(["alice", "root"]);
  // As etcd writes it: an empty message of options, no password.
  const alice = Buffer.from("0a05616c69636" + "51a0672656164657222020801", "hex");
  expect(rows(engine)[1]?.[0]?.[1]).toEqual(alice);
});

test("names come in byte order, also where JavaScript's differs", () => {
  for (const name of ["\u{1f600}", "\uffee", "b", "Z"]) store.addRole(name);
  expect(store.roleNames).toEqual(["Z", "b", "\uffee", "\u{1f600}"]);
});

test("names are bytes: such as are no UTF-8 stay apart, in the order of etcd's tables", () => {
  const bytes = ["70e4", "70e5", "70efbfbd", "e282", "ee8080", "f09f9880"];
  const names = bytes.map((name) => decodeText(Buffer.from(name, "hex")));
  for (const name of names.toReversed()) {
    addUser(name);
    store.addRole(name);
  }
  const [first = "", second = ""] = names;
  for (const name of names.toReversed()) store.grantRole(first, name);
  expect(store.userNames).toEqual(names);
  expect(store.roleNames).toEqual(names);
  for (const table of ["authUsers", "authRoles"] as const) {
    expect([...engine.scan(table)].map(([key]) => key.toString("hex"))).toEqual(bytes);
  }
  const again = AuthStore.open(engine);
  expect(again.userNames).toEqual(names);
  expect(again.user(first)?.roles).toEqual(names);
  expect(again.user(second)?.roles).toEqual([]);
  grant(first, 0, "k");
  store.deleteRole(second);
  expect(store.role(first)?.keyPermission).toHaveLength(1);
  expect(store.user(first)?.roles).not.toContain(second);
  store.deleteUser(second);
  expect(AuthStore.open(engine).userNames).toEqual(names.filter((name) => name !== second));
});

test("nothing changes where an operation is refused", () => {
  enable();
  store.addRole("r");
  // So many bytes, and three times as many were they replaced.
  store.addRole("\udcff".repeat(1978));
  const before = rows(engine);
  const long = "n".repeat(1979);
  for (const [attempt, text] of [
    [() => addUser(""), "user name is empty"],
    [() => addUser("root"), "user name already exists"],
    [() => addUser(long), "request is too large"],
    [() => addUser("x", { hashedPassword: "?" }), "password was given for no password user"],
    [() => store.deleteUser("root"), "invalid auth management"],
    [() => store.deleteUser("x"), "user name not found"],
    [() => store.revokeRole("root", "root"), "invalid auth management"],
    [() => store.revokeRole("root", "r"), "role is not granted"],
    [() => store.grantRole("root", "x"), "role name not found"],
    [() => store.grantRole("x", "r"), "user name not found"],
    [() => store.addRole(""), "role name is empty"],
    [() => store.addRole("r"), "role name already exists"],
    [() => store.addRole(long), "request is too large"],
    [() => store.deleteRole("root"), "invalid auth management"],
    [() => store.deleteRole("x"), "role name not found"],
    [() => grant("r", 0, ""), "invalid auth management"],
    [() => grant("r", 0, "b", "b"), "invalid auth management"],
    [() => grant("x", 0, "b"), "role name not found"],
    [
      () => store.grantPermission(AuthRoleGrantPermissionRequest.fromPartial({ name: "r" })),
      "permission not given",
    ],
    [
      () => store.revokePermission(AuthRoleRevokePermissionRequest.fromPartial({ role: "r" })),
      "permission is not granted",
    ],
  ] as const) {
    expect(attempt).toThrow(text);
  }
  expect(rows(engine)).toEqual(before);
});

test("a password that only etcd 3.4 leaves unhashed becomes the same hash on every member", () => {
  const request = AuthUserAddRequest.fromPartial({ name: "old", password: "secret" });
  const other = AuthStore.open(new MemoryEngine());
  store.addUser(request);
  other.addUser(request);
  const hash = String(store.user("old")?.password);
  expect(hash).toBe(String(other.user("old")?.password));
  expect(compareSync("secret", hash)).toBe(true);
  expect(hash).not.toBe(hashSync("secret", hash.slice(0, 20) + "/".repeat(9)));
  store.addUser({ ...request, name: "twin" });
  expect(String(store.user("twin")?.password)).not.toBe(hash);
});

test("so is one whose bytes are no UTF-8, and of which no other is right", () => {
  const text = (hex: string) => decodeText(Buffer.from(hex, "hex"));
  const hashes = ["70e4", "70e5"].map((name) => {
    store.addUser(AuthUserAddRequest.fromPartial({ name: text(name), password: text("e473") }));
    return String(store.user(text(name))?.password);
  });
  expect(hashes[0]).not.toBe(hashes[1]);
  for (const hash of hashes) {
    expect(compareSync(Buffer.from("e473", "hex"), hash)).toBe(true);
    expect(compareSync(Buffer.from("e573", "hex"), hash)).toBe(false);
    expect(compareSync("\ufffds", hash)).toBe(false);
  }
});

describe("access", () => {
  const as = (username: string, authRevision = store.revision) =>
    new Access(store, { username, authRevision });
  const key = Buffer.from("/a/1");

  test("everybody may do everything while auth is off", () => {
    const access = new Access(store, NOBODY);
    access.checkRoot();
    access.checkNamed();
    access.checkRead(key);
    expect(access.isRoot).toBe(true);
  });

  test("rights are those of all roles together, and are lost with them", () => {
    enable();
    addUser("alice");
    for (const [role, type, from, end] of [
      ["one", 0, "/a/", "/a5"],
      ["two", 2, "/a5", "/b"],
    ] as const) {
      store.addRole(role);
      grant(role, type, from, end);
      store.grantRole("alice", role);
    }
    as("alice").checkRead(Buffer.from("/a/"), Buffer.from("/b"));
    expect(() => as("alice").checkWrite(key)).toThrow("permission denied");
    as("alice").checkWrite(Buffer.from("/a6"));
    as("alice").checkReadPrefix(Buffer.from("/a/"));
    expect(() => as("alice").checkReadPrefix(Buffer.from("/"))).toThrow("permission denied");
    expect(() => as("alice").checkReadPrefix(Buffer.alloc(0))).toThrow("permission denied");
    store.deleteRole("two");
    expect(() => as("alice").checkRead(Buffer.from("/a6"))).toThrow("permission denied");
    as("alice").checkRead(key);
  });

  test("who is nobody, was recognised too early, or is gone is told so", () => {
    enable();
    expect(() => new Access(store, NOBODY).checkRead(key)).toThrow("user name is empty");
    expect(() => new Access(store, NOBODY).checkRoot()).toThrow("user name is empty");
    expect(() => as("root", 1).checkRead(key)).toThrow("revision of auth store is old");
    expect(() => as("root", 1).checkUnchanged()).toThrow("revision of auth store is old");
    expect(() => as("gone").checkRead(key)).toThrow("permission denied");
    expect(() => as("gone").checkRoot()).toThrow("user name not found");
    as("root").checkRead(key);
    as("root").checkUnchanged();
  });
});
