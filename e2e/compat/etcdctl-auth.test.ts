import { afterAll, beforeAll, expect, test } from "vitest";
import { masked, runEtcdctl, type Shown } from "../harness/etcdctl-terminal.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { ETCD_34, ETCD_35, type EtcdTools } from "../harness/tools.ts";

// Users and roles as an operator sees them: every command at our member and at Debian's, in one
// order, and the terminals must show the same.

let ours: ClusterProcess;
let theirs: ClusterProcess;

const FLAGS = ["--bcrypt-cost=4"];
/** Etcd looks users up in what it has committed: else it now and then misses one. */
const COMMITS_AT_ONCE = "--backend-batch-limit=1";

beforeAll(async () => {
  [ours, theirs] = await Promise.all([
    ClusterProcess.start({ make: "quorate", size: 1, flags: FLAGS }),
    ClusterProcess.start({ make: "etcd-3.5", size: 1, flags: [...FLAGS, COMMITS_AT_ONCE] }),
  ]);
});

afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

function shown(result: Shown): Shown {
  return { ...result, stdout: masked(result.stdout), stderr: masked(result.stderr) };
}

const ROOT = "--user=root:rpw";
const ALICE = "--user=alice:apw";

const BEFORE: readonly (readonly string[])[] = [
  ["auth", "status"],
  ["auth", "disable"],
  ["user", "add", "root:rpw"],
  ["user", "add", "root:again"],
  ["user", "add", "alice:apw"],
  ["user", "add", "bob", "--no-password"],
  ["user", "add", ":nameless"],
  ["user", "add", `long:${"p".repeat(73)}`],
  ["role", "add", "ra"],
  ["role", "add", "ra"],
  ["role", "add", "rest"],
  ["role", "add", "Zebra"],
  ["role", "add", "ärger"],
  ["role", "grant-permission", "ra", "readwrite", "/a/", "/b"],
  ["role", "grant-permission", "ra", "read", "/c"],
  ["role", "grant-permission", "ra", "write", "/c"],
  ["role", "grant-permission", "ra", "read", "/b", "/bb"],
  ["role", "grant-permission", "ra", "read", "/b", "/bc"],
  ["role", "grant-permission", "ra", "write", "/z", "/a"],
  ["role", "grant-permission", "ra", "readwrite", "--prefix=true", "/p/"],
  ["role", "grant-permission", "rest", "read", "--from-key=true", "/q"],
  ["role", "grant-permission", "rest", "read", "--prefix=true", ""],
  ["role", "grant-permission", "nobody's", "write", "/b"],
  ["role", "get", "ra"],
  ["role", "get", "rest"],
  ["role", "get", "ra", "-w", "json"],
  ["role", "get", "missing"],
  ["role", "list"],
  ["role", "revoke-permission", "ra", "/zz"],
  ["role", "revoke-permission", "ra", "/b", "/bc"],
  ["role", "revoke-permission", "rest", "--prefix=true", ""],
  ["user", "grant-role", "alice", "rest"],
  ["user", "grant-role", "alice", "ra"],
  ["user", "grant-role", "alice", "ra"],
  ["user", "grant-role", "alice", "missing"],
  ["user", "grant-role", "missing", "ra"],
  ["user", "get", "alice"],
  ["user", "get", "alice", "--detail"],
  ["user", "get", "alice", "-w", "json"],
  ["user", "get", "missing"],
  ["user", "list"],
  ["user", "revoke-role", "alice", "Zebra"],
  ["user", "delete", "missing"],
  ["auth", "status", "-w", "json"],
  ["user", "grant-role", "root", "root"],
  ["auth", "enable"],
];

const BEHIND: readonly (readonly string[])[] = [
  ["get", "/a/x"],
  ["put", "/a/x", "1"],
  ["user", "list"],
  ["auth", "status"],
  [ROOT, "auth", "status"],
  ["--user=root:wrong", "get", "x"],
  ["--user=missing:x", "get", "x"],
  ["--user=bob:x", "get", "x"],
  [ROOT, "auth", "enable"],
  [ALICE, "put", "/a/1", "v"],
  [ALICE, "put", "/b", "v"],
  [ALICE, "put", "/c", "v"],
  [ALICE, "get", "/c"],
  [ALICE, "get", "/a/", "/bb"],
  [ALICE, "get", "/a/", "/bc"],
  [ALICE, "get", "--prefix", "/p/"],
  [ALICE, "get", "--prefix", "/"],
  [ALICE, "get", "--from-key", "/q"],
  [ALICE, "get", "--from-key", "/p/"],
  [ALICE, "del", "/a/1", "--prev-kv"],
  [ALICE, "del", "--prefix", "/p/"],
  [ALICE, "del", "--from-key", "/q"],
  [ALICE, "put", "/c", "w", "--prev-kv"],
  [ALICE, "user", "get", "alice"],
  [ALICE, "user", "get", "root"],
  [ALICE, "user", "list"],
  [ALICE, "user", "add", "carl:x"],
  [ALICE, "user", "passwd", "alice", "--interactive=false"],
  [ALICE, "role", "get", "ra"],
  [ALICE, "role", "get", "Zebra"],
  [ALICE, "role", "list"],
  [ALICE, "auth", "disable"],
  [ALICE, "member", "add", "m9", "--peer-urls=http://127.0.0.1:1"],
  [ALICE, "lease", "revoke", "77"],
  [ROOT, "user", "delete", "root"],
  [ROOT, "role", "delete", "root"],
  [ROOT, "user", "revoke-role", "root", "root"],
  [ROOT, "role", "add", "root"],
  [ROOT, "role", "get", "root"],
  [ROOT, "user", "revoke-role", "alice", "rest"],
  [ALICE, "get", "--from-key", "/q"],
  [ROOT, "user", "passwd", "missing", "--interactive=false"],
  [ROOT, "user", "passwd", "alice", "--interactive=false"],
  [ALICE, "get", "/c"],
  ["--user=alice:new", "get", "/c"],
  [ROOT, "role", "delete", "ra"],
  [ROOT, "user", "get", "alice"],
  ["--user=alice:new", "get", "/c"],
  [ROOT, "user", "delete", "alice"],
  ["--user=alice:new", "get", "/c"],
  [ROOT, "user", "list", "-w", "fields"],
  [ROOT, "user", "delete", "bob"],
  [ROOT, "role", "delete", "rest"],
  [ROOT, "role", "delete", "Zebra"],
  [ROOT, "role", "delete", "ärger"],
  [ROOT, "auth", "status", "-w", "json"],
  [ROOT, "auth", "disable"],
  ["get", "/c"],
  ["role", "delete", "root"],
  ["user", "delete", "root"],
  ["auth", "enable"],
  ["del", "--from-key", ""],
];

/** What is typed when a command asks for a password: the new one. */
const NEW_PASSWORD = "new\n";

async function same(tools: EtcdTools, args: readonly string[]): Promise<void> {
  const input = args.includes("--interactive=false") ? NEW_PASSWORD : "";
  const run = (cluster: ClusterProcess) =>
    runEtcdctl(tools, cluster.member(0).clientUrl, args, { input });
  const [mine, real] = await Promise.all([run(ours), run(theirs)]);
  expect(shown(mine), args.join(" ")).toEqual(shown(real));
}

test.each([ETCD_34, ETCD_35])(
  "etcdctl $version shows the same for every command on users, roles and what they may do",
  async (tools) => {
    for (const args of [...BEFORE, ...BEHIND]) await same(tools, args);
  },
);
