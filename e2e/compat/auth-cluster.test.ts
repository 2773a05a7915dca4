import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AuthDefinition, KVDefinition } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess, etcdctl, MemberProcess } from "../harness/member-process.ts";
import { MixedCluster } from "../harness/mixed-cluster.ts";
import { freePorts } from "../harness/ports.ts";
import { RawCaller, type RawMethod } from "../harness/raw-caller.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Users, roles and tokens are the same on every member, of whichever make, and survive restarts and
// snapshots.

const run = promisify(execFile);
const ROOT = "--user=root:pw";
const ALICE = "--user=alice:pw";
const FLAGS = ["--bcrypt-cost=4"];
const running: { stop(): Promise<unknown> }[] = [];
const callers: RawCaller[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-auth-"));
});

afterEach(async () => {
  for (const caller of callers.splice(0)) caller.close();
  for (const each of running.splice(0)) await each.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Taken in turn by the members, so that each make's entries are applied by the other. */
const FURNISHING: readonly (readonly string[])[] = [
  ["user", "add", "root:pw"],
  ["user", "add", "alice:pw"],
  ["user", "add", "bob", "--no-password"],
  ["role", "add", "a-writer"],
  ["role", "grant-permission", "a-writer", "readwrite", "/a/", "/b"],
  ["role", "grant-permission", "a-writer", "read", "/shared"],
  ["user", "grant-role", "alice", "a-writer"],
  ["user", "grant-role", "root", "root"],
  ["put", "/secret", "1"],
  ["put", "/shared", "1"],
];

async function call(url: string, method: RawMethod, request: object, token?: string) {
  const caller = new RawCaller(url);
  callers.push(caller);
  const service = method.name === "Authenticate" ? AuthDefinition.fullName : KVDefinition.fullName;
  const outcome = await caller.grpc({ service, method, request, token, deadlineMs: 20_000 });
  return "text" in outcome ? outcome.text : (outcome.answer as { token?: string });
}

async function signIn(url: string, name: string): Promise<string> {
  const { authenticate } = AuthDefinition.methods;
  const answer = await call(url, authenticate, { name, password: "pw" });
  if (typeof answer === "string") throw new Error(answer);
  return answer.token ?? "";
}

/** The error's text; "" when the key may be read. */
async function reading(url: string, key: string, token: string): Promise<string> {
  const answer = await call(url, KVDefinition.methods.range, { key: Buffer.from(key) }, token);
  return typeof answer === "string" ? answer : "";
}

/** Real etcd on what its own tool makes of a snapshot. */
async function restored(file: string): Promise<MemberProcess> {
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const initialCluster = `m1=${peerUrl}`;
  const dataDir = join(folder, "restored");
  await run(ETCD_35.etcdutl, [
    "snapshot",
    "restore",
    file,
    "--name=m1",
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${initialCluster}`,
    `--data-dir=${dataDir}`,
  ]);
  const ports = { clientPort, peerPort };
  const options = { ...ports, name: "m1", dataDir, initialCluster, state: "new" } as const;
  const real = new MemberProcess({ ...options, make: "etcd-3.5" });
  running.unshift(real);
  real.start();
  await real.ready();
  return real;
}

test("auth means the same to members of both makes, through whichever it is changed", async () => {
  const cluster = new MixedCluster();
  running.push(cluster);
  const names = ["a", "t1", "t2"] as const;
  await cluster.found({ a: "etcd-3.5", t1: "quorate", t2: "quorate" });
  await cluster.lead("t1");
  for (const [at, args] of FURNISHING.entries()) await cluster.at(names[at % 3] ?? "a", args);
  await cluster.at("t2", ["auth", "enable"]);
  const urls = names.map((name) => cluster.member(name).clientUrl);
  for (const home of urls) {
    const token = await cluster.eventually(() => signIn(home, "alice"));
    for (const url of urls) {
      expect(await reading(url, "/shared", token), `${home} → ${url}`).toBe("");
      expect(await reading(url, "/secret", token)).toBe("etcdserver: permission denied");
    }
  }
  for (const name of names) {
    // Real etcd may miss a user until its next commit.
    await cluster.eventually(() => cluster.at(name, [ALICE, "put", "/a/1", name]));
    await expect(cluster.at(name, [ALICE, "put", "/shared", name])).rejects.toThrow("denied");
    await expect(cluster.at(name, ["put", "/a/1", name])).rejects.toThrow("user name is empty");
  }
  const everywhere = async (args: readonly string[]) =>
    new Set(await Promise.all(names.map((name) => cluster.at(name, [ROOT, ...args]))));
  for (const args of [
    ["user", "list"],
    ["user", "get", "alice", "--detail"],
    ["role", "get", "a-writer"],
    ["auth", "status"],
  ]) {
    expect((await everywhere(args)).size, args.join(" ")).toBe(1);
  }
  const old = await cluster.eventually(() => signIn(urls[0] ?? "", "alice"));
  await cluster.at("t1", [ROOT, "user", "delete", "alice"]);
  for (const url of urls) {
    await cluster.eventually(async () => {
      expect(await reading(url, "/shared", old)).toBe("etcdserver: invalid auth token");
    });
  }
  // Only a revocation in root's name passes etcd's judgement. The lease may end before it is used.
  await cluster.eventually(async () => {
    const granted = await cluster.at("a", [ROOT, "lease", "grant", "2"]);
    const lease = /lease ([0-9a-f]+) granted/.exec(granted)?.[1] ?? "";
    await cluster.at("a", [ROOT, "put", `--lease=${lease}`, "mortal", "x"]);
  });
  await cluster.eventually(async () => {
    expect(await cluster.at("a", [ROOT, "get", "mortal"])).toBe("");
  });
  await cluster.at("a", [ROOT, "auth", "disable"]);
  await cluster.agreement(names);
});

test("a learner is promoted through a follower by whoever may, and by nobody else", async () => {
  const cluster = new MixedCluster();
  running.push(cluster);
  await cluster.found({ t1: "quorate", t2: "quorate" });
  await cluster.grow("t3", "quorate", { isLearner: true });
  for (const args of FURNISHING) await cluster.at("t1", args);
  const id = await cluster.id("t3");
  const follower = (await cluster.leader()) === "t1" ? "t2" : "t1";
  await cluster.at("t1", ["auth", "enable"]);
  await expect(cluster.at(follower, ["member", "promote", id])).rejects.toThrow("is empty");
  await expect(cluster.at(follower, [ALICE, "member", "promote", id])).rejects.toThrow("denied");
  await cluster.eventually(async () => {
    const rows = (await cluster.at("t1", [ROOT, "member", "list"])).split("\n");
    // It may be promoted although no answer to that came.
    const isVoter = rows.some((row) => row.startsWith(id) && row.endsWith("false"));
    if (!isVoter) await cluster.at(follower, [ROOT, "member", "promote", id]);
  });
  const unsigned = await fetch(
    `${cluster.member("t1").peerUrl}/members/promote/${BigInt(`0x${id}`)}`,
    {
      method: "POST",
    },
  );
  expect(unsigned.ok).toBe(false);
});

test("a member that takes a snapshot knows all users, roles and rights", async () => {
  const cluster = new MixedCluster();
  running.push(cluster);
  const flags = ["--snapshot-count=50", "--experimental-snapshot-catchup-entries=10"];
  await cluster.grow("a", "etcd-3.5", { flags });
  for (const args of FURNISHING) await cluster.at("a", args);
  for (let i = 0; i < 80; i++) await cluster.at("a", ["put", `key ${i}`, "x"]);
  await cluster.grow("t", "quorate", { isLearner: true });
  await cluster.member("a").wrote(/sent database snapshot/);
  await cluster.promote("t");
  const alice = ["user", "get", "alice", "--detail"];
  const theirs = await cluster.at("a", alice);
  // It may hear later than the leader that it is no learner any more.
  expect(await cluster.eventually(() => cluster.at("t", alice))).toBe(theirs);
  await cluster.at("t", ["auth", "enable"]);
  await cluster.at("t", [ALICE, "put", "/a/1", "x"]);
  await expect(cluster.at("t", [ALICE, "get", "/secret"])).rejects.toThrow("permission denied");
});

/** Not UTF-8, the same but for one byte; half a pair stands for the byte. */
const BYTE_NAMES = ["p\udce4", "p\udce5"];
const BYTE_PASSWORD = "p\udce4ss";
const OTHER_PASSWORDS = ["p\udce5ss", "p\udcffss", "p\ufffdss"];

test("users and roles whose names are no UTF-8 pass through snapshots both ways", async () => {
  const cluster = new MixedCluster();
  running.push(cluster);
  const flags = [...FLAGS, "--snapshot-count=50", "--experimental-snapshot-catchup-entries=10"];
  await cluster.grow("a", "etcd-3.5", { flags });
  const asked = async (url: string, method: RawMethod, request: object, token?: string) => {
    const service = AuthDefinition.fullName;
    const caller = new RawCaller(url);
    callers.push(caller);
    const outcome = await caller.grpc({ service, method, request, token, deadlineMs: 20_000 });
    return "text" in outcome ? outcome.text : outcome.answer;
  };
  const { methods } = AuthDefinition;
  const etcd = cluster.member("a").clientUrl;
  const add = async (url: string, name: string, others: readonly string[]) => {
    await asked(url, methods.userAdd, { name, password: BYTE_PASSWORD });
    for (const role of others) await asked(url, methods.userGrantRole, { user: name, role });
  };
  for (const name of BYTE_NAMES) await asked(etcd, methods.roleAdd, { name });
  for (const name of BYTE_NAMES) await add(etcd, name, BYTE_NAMES);
  for (let i = 0; i < 80; i++) await cluster.at("a", ["put", `key ${i}`, "x"]);
  await cluster.grow("t", "quorate", { isLearner: true, flags: FLAGS });
  await cluster.member("a").wrote(/sent database snapshot/);
  await cluster.promote("t");
  const ours = cluster.member("t").clientUrl;
  // Told to both by the log.
  const last = "p\udce6";
  const names = [...BYTE_NAMES, last];
  await cluster.eventually(async () => {
    expect(await asked(ours, methods.roleAdd, { name: last })).toBeTypeOf("object");
  });
  await add(ours, last, names);
  for (const args of [
    ["user", "add", "root:pw"],
    ["user", "grant-role", "root", "root"],
    ["auth", "enable"],
  ]) {
    await cluster.eventually(() => cluster.at("t", args));
  }
  const check = async (url: string) => {
    const token = await cluster.eventually(() => signIn(url, "root"));
    const { userList, roleList, userGet, authenticate } = methods;
    expect(await asked(url, userList, {}, token)).toMatchObject({ users: [...names, "root"] });
    expect(await asked(url, roleList, {}, token)).toMatchObject({ roles: names });
    for (const name of names) {
      const roles = BYTE_NAMES.includes(name) ? BYTE_NAMES : names;
      expect(await asked(url, userGet, { name }, token)).toMatchObject({ roles });
      for (const password of OTHER_PASSWORDS) {
        expect(await asked(url, authenticate, { name, password })).toContain("failed");
      }
      const signedIn = await asked(url, authenticate, { name, password: BYTE_PASSWORD });
      const { token: own } = signedIn as { token: string };
      expect(await asked(url, userGet, { name }, own)).toMatchObject({ roles });
    }
  };
  await check(etcd);
  await check(ours);
  const file = join(folder, "ours.db");
  await cluster.at("t", [ROOT, "snapshot", "save", file]);
  await check((await restored(file)).clientUrl);
});

test("auth outlives a crash, and etcd restores our snapshot with it on", async () => {
  const cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags: FLAGS });
  running.push(cluster);
  const member = cluster.member(0);
  const ctl = async (url: string, args: readonly string[]) => {
    const { stdout, stderr } = await etcdctl(ETCD_35, url, args);
    return stdout + stderr.replace(/^\{.*\n/gm, "");
  };
  for (const args of FURNISHING) await ctl(member.clientUrl, args);
  await ctl(member.clientUrl, ["auth", "enable"]);
  const status = await ctl(member.clientUrl, [ROOT, "auth", "status"]);
  await member.stop("SIGKILL");
  member.start();
  await member.ready();
  expect(await ctl(member.clientUrl, [ROOT, "auth", "status"])).toBe(status);
  expect(await ctl(member.clientUrl, ["get", "/a/1"])).toContain("user name is empty");
  expect(await ctl(member.clientUrl, [ALICE, "put", "/a/1", "x"])).toBe("OK\n");
  const file = join(folder, "ours.db");
  await ctl(member.clientUrl, [ROOT, "snapshot", "save", file]);
  const real = await restored(file);
  expect(await ctl(real.clientUrl, [ROOT, "auth", "status"])).toBe(status);
  expect(await ctl(real.clientUrl, [ALICE, "get", "/a/1"])).toBe("/a/1\nx\n");
  expect(await ctl(real.clientUrl, [ALICE, "get", "/secret"])).toContain("permission denied");
  for (const args of [
    ["user", "get", "alice", "--detail"],
    ["user", "list"],
    ["role", "get", "a-writer"],
  ]) {
    const [mine, theirs] = await Promise.all(
      [member, real].map(({ clientUrl }) => ctl(clientUrl, [ROOT, ...args])),
    );
    expect(mine).toBe(theirs);
  }
});

test("no password and no token is written down, neither in the log nor on disk", async () => {
  const flags = [...FLAGS, "--log-level=debug"];
  const cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags });
  running.push(cluster);
  const member = cluster.member(0);
  const [first, second] = ["canary-of-the-first", "canary-of-the-second"];
  const root = `--user=root:${first}`;
  const at = async (...args: string[]) => etcdctl(ETCD_35, member.clientUrl, args);
  await at("user", "add", `root:${first}`);
  await at("user", "grant-role", "root", "root");
  await at("auth", "enable");
  expect(await at(root, "put", "k", "v")).toMatchObject({ code: 0 });
  const { authenticate, userChangePassword } = AuthDefinition.methods;
  const auth = { service: AuthDefinition.fullName, deadlineMs: 20_000 };
  const caller = new RawCaller(member.clientUrl);
  callers.push(caller);
  const sign = (password: string) =>
    caller.grpc({
      ...auth,
      method: authenticate,
      request: { name: "root", password },
      token: undefined,
    });
  const signed = await sign(first);
  if ("text" in signed) throw new Error(signed.text);
  const { token } = signed.answer as { token: string };
  const request = { name: "root", password: second };
  await caller.grpc({ ...auth, method: userChangePassword, request, token });
  expect(await sign(first)).toMatchObject({ text: expect.stringContaining("failed") });
  expect(await sign(second)).toHaveProperty("answer");
  const range = { key: Buffer.from("k") };
  expect(await reading(member.clientUrl, "k", token)).toBe("etcdserver: invalid auth token");
  expect(await call(member.clientUrl, KVDefinition.methods.range, range, "Bearer x.1")).toContain(
    "invalid auth token",
  );
  await member.stop();
  const log = member.output;
  expect(log).toContain("changed a password of a user");
  expect(log).toContain("token-fingerprint");
  const files = readdirSync(cluster.folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(cluster.folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path).toString("latin1"));
  expect(files.some((content) => content.includes("$2a$04$"))).toBe(true);
  for (const secret of [first, second, token.slice(0, 16)]) {
    expect(log).not.toContain(secret);
    // The log entry of a sign-in holds the token, which no restart keeps.
    if (secret !== token.slice(0, 16)) {
      expect(files.filter((content) => content.includes(secret))).toEqual([]);
    }
  }
});
