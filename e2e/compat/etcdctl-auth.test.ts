import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess, type CommandResult, etcdctl } from "../harness/member-process.ts";
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

/** What is not the member's: the client's own warnings, and ids. */
function shown(result: CommandResult): CommandResult {
  const calm = (text: string): string =>
    text
      .replace(/^\{"level":"warn".*\n/gm, "")
      .replace(/127\.0\.0\.1:\d+/g, "HOST")
      .replace(/"(cluster_id|member_id|raft_term)":\s*\d+/g, '"$1":0')
      .replace(/"(ClusterID|MemberID|RaftTerm)" : \d+/g, '"$1" : 0');
  return { code: result.code, stdout: calm(result.stdout), stderr: calm(result.stderr) };
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
  [ROOT, "role", "delete", "ra"],
  [ROOT, "user", "get", "alice"],
  [ALICE, "get", "/c"],
  [ROOT, "user", "delete", "alice"],
  [ALICE, "get", "/c"],
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

const SHORT: readonly (readonly string[])[] = [
  ["auth", "enable"],
  ["user", "add", "root:rpw"],
  ["user", "grant-role", "root", "root"],
  ["auth", "enable"],
  ["get", "x"],
  ["--user=root:wrong", "get", "x"],
  [ROOT, "put", "x", "1"],
  [ROOT, "get", "x"],
  [ROOT, "user", "list"],
  [ROOT, "auth", "disable"],
  ["get", "x"],
];

async function same(tools: EtcdTools, args: readonly string[]): Promise<void> {
  const run = (cluster: ClusterProcess) => etcdctl(tools, cluster.member(0).clientUrl, args);
  const [mine, real] = await Promise.all([run(ours), run(theirs)]);
  expect(shown(mine), args.join(" ")).toEqual(shown(real));
}

test("etcdctl 3.5 shows the same for every command on users, roles and what they may do", async () => {
  for (const args of [...BEFORE, ...BEHIND]) await same(ETCD_35, args);
});

test("etcdctl 3.4 turns auth on, signs in, is refused and turns it off, as with real etcd", async () => {
  for (const args of SHORT) await same(ETCD_34, args);
});
