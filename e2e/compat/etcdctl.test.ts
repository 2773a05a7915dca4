import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { masked, runEtcdctl, type Shown } from "../harness/etcdctl-terminal.ts";
import { CALM, ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { ETCD_34, ETCD_35, type EtcdTools } from "../harness/tools.ts";

// What an operator types, run against our three members and Debian's three: the terminal must show
// the same, down to the exit code.

let ours: ClusterProcess;
let theirs: ClusterProcess;

beforeAll(async () => {
  ours = await ClusterProcess.start({ make: "quorate", size: 3, flags: CALM });
  theirs = await ClusterProcess.start({ make: "etcd-3.5", size: 3, flags: CALM });
});

afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

function shown(result: Shown): Shown {
  return { ...result, stdout: masked(result.stdout), stderr: masked(result.stderr) };
}

async function both(tools: EtcdTools, args: readonly string[]): Promise<void> {
  // Only the leader can be asked to hand over, and it is another member in each of the clusters.
  const endpointsOf = (cluster: ClusterProcess) =>
    args[0] === "move-leader" ? cluster.endpoints : cluster.member(0).clientUrl;
  const [mine, real] = [
    await runEtcdctl(tools, endpointsOf(ours), args),
    await runEtcdctl(tools, endpointsOf(theirs), args),
  ];
  expect(shown(mine), args.join(" ")).toEqual(shown(real));
}

const COMMANDS: readonly (readonly string[])[] = [
  ["put", "foo", "bar"],
  ["put", "foo1", "bar1"],
  ["put", "foo2", "bar2"],
  ["put", "--prev-kv", "foo", "baz"],
  ["put", "--ignore-value", "foo"],
  ["put", "--ignore-value", "missing"],
  ["put", "--lease=1234", "foo", "x"],
  ["get", "foo"],
  ["get", "foo", "--hex"],
  ["get", "foo", "--print-value-only"],
  ["get", "foo", "--consistency=s"],
  ["get", "--prefix", "foo"],
  ["get", "--prefix", "foo", "--limit=2"],
  ["get", "--prefix", "foo", "--keys-only"],
  ["get", "--prefix", "foo", "--order=DESCEND"],
  ["get", "--prefix", "foo", "--sort-by=MODIFY", "--order=DESCEND"],
  ["get", "--prefix", "foo", "--sort-by=VALUE"],
  ["get", "--from-key", "foo1"],
  ["get", "foo", "foo2"],
  ["get", "foo", "--rev=3"],
  ["get", "foo", "--rev=999"],
  ["get", "foo", "-w", "json"],
  ["get", "foo", "-w", "fields"],
  ["get", "--prefix", "foo", "-w", "json"],
  ["del", "foo1", "--prev-kv"],
  ["del", "nothing"],
  ["del", "--prefix", "fo"],
  ["put", "a", "1"],
  ["put", "b", "2"],
  ["lease", "grant", "600"],
  ["lease", "revoke", "77"],
  ["compaction", "3"],
  ["compaction", "3"],
  ["compaction", "4", "--physical"],
  ["get", "a", "--rev=2"],
  ["alarm", "list"],
  ["alarm", "disarm"],
  ["member", "remove", "1234"],
  ["member", "add", "bad", "--peer-urls=nonsense"],
  ["defrag"],
  ["endpoint", "health"],
  ["move-leader", "1234"],
];

describe.each([ETCD_34, ETCD_35])("etcdctl $version beside real etcd", (tools) => {
  test("shows the same for every command on keys, leases, compaction, members", async () => {
    await both(tools, ["del", "--from-key", ""]);
    for (const args of COMMANDS) await both(tools, args);
  });

  test("runs a transaction from standard input, then-branch and else-branch", async () => {
    const input = 'mod("a") > "0"\n\nput a txn\nget a\ndel b\n\nput failed 1\n\n';
    for (const text of [input, input.replace("> ", "= ")]) {
      const typing = { input: text };
      const mine = await runEtcdctl(tools, ours.member(1).clientUrl, ["txn"], typing);
      const real = await runEtcdctl(tools, theirs.member(1).clientUrl, ["txn"], typing);
      expect(shown(mine)).toEqual(shown(real));
    }
  });

  test("watches a prefix from an old revision", async () => {
    const watched = async (cluster: ClusterProcess): Promise<string> => {
      const at = cluster.member(2).clientUrl;
      const before = await etcdctl(tools, at, ["put", "w/0", "zero", "-w", "json"]);
      const { revision } = (JSON.parse(before.stdout) as { header: { revision: number } }).header;
      await etcdctl(tools, at, ["put", "w/1", "one"]);
      await etcdctl(tools, at, ["del", "w/0"]);
      const history = ["watch", "--prefix", "w/", `--rev=${revision}`, "--prev-kv"];
      const heard = runEtcdctl(tools, at, history, { until: /live/ });
      await etcdctl(tools, at, ["put", "w/2", "live"]);
      return (await heard).stdout;
    };
    expect(await watched(ours)).toBe(await watched(theirs));
  });
});

describe.each([ETCD_34, ETCD_35])("etcdctl $version over our members", (tools) => {
  test("grants, lists, keeps alive and revokes a lease that holds a key", async () => {
    const at = ours.member(1).clientUrl;
    const granted = await etcdctl(tools, at, ["lease", "grant", "100"]);
    const id = /lease ([0-9a-f]{16}) granted with TTL\(100s\)/.exec(granted.stdout)?.[1] ?? "";
    expect(id, granted.stderr).not.toBe("");
    expect((await etcdctl(tools, at, ["put", "leased", "x", `--lease=${id}`])).stdout).toBe("OK\n");
    const left = await etcdctl(tools, at, ["lease", "timetolive", id, "--keys"]);
    expect(left.stdout).toMatch(
      /granted with TTL\(100s\), remaining\(\d+s\), attached keys\(\[leased\]\)/,
    );
    const alive = await etcdctl(tools, at, ["lease", "keep-alive", "--once", id]);
    expect(alive.stdout).toContain(`lease ${id} keepalived with TTL(100)`);
    expect((await etcdctl(tools, at, ["lease", "list"])).stdout).toContain(id);
    expect((await etcdctl(tools, at, ["lease", "revoke", id])).stdout).toBe(
      `lease ${id} revoked\n`,
    );
    expect((await etcdctl(tools, at, ["get", "leased"])).stdout).toBe("");
  });

  test("holds a lock while a command runs, and a second one waits", async () => {
    const at = ours.member(0).clientUrl;
    const end = join(ours.folder, `end-${tools.version}`);
    const over = join(ours.folder, `over-${tools.version}`);
    const untilEnd = `echo held; while [ ! -e ${end} ]; do sleep 0.02; done; touch ${over}`;
    const locked = (script: string) =>
      runEtcdctl(tools, at, ["lock", "mutex", "--", "sh", "-c", script]);
    const queued = async () => {
      const keys = await etcdctl(tools, at, ["get", "--prefix", "mutex/", "--keys-only"]);
      return keys.stdout.match(/^mutex/gm)?.length;
    };
    const results = [locked(untilEnd)];
    try {
      await expect.poll(queued).toBe(1);
      results.push(locked(`[ -e ${over} ] && echo again`));
      await expect.poll(queued).toBe(2);
    } finally {
      writeFileSync(end, "");
    }
    expect(await Promise.all(results)).toMatchObject([
      { code: 0, stdout: "held\n" },
      { code: 0, stdout: "again\n" },
    ]);
  });

  test("shows members and the status of every endpoint", async () => {
    const members = await etcdctl(tools, ours.endpoints, ["member", "list"]);
    expect(members.stdout.trim().split("\n")).toHaveLength(3);
    expect(members.stdout).toMatch(/^[0-9a-f]+, started, m\d, http:\/\/127\.0\.0\.1:\d+, http/m);
    const status = await etcdctl(tools, ours.endpoints, ["endpoint", "status", "-w", "json"]);
    const rows = JSON.parse(status.stdout) as { Status: { version: string; dbSize: number } }[];
    expect(rows.map((row) => row.Status.version)).toEqual(["3.5.16", "3.5.16", "3.5.16"]);
    expect(rows.every((row) => row.Status.dbSize > 0)).toBe(true);
    const read = await etcdctl(tools, ours.endpoints, ["get", "foo", "-w", "json"]);
    const { revision } = (JSON.parse(read.stdout) as { header: { revision: number } }).header;
    // Who has not heard of a write yet waits with what must know of all of them.
    for (const { clientUrl } of ours.members) await etcdctl(tools, clientUrl, ["get", "foo"]);
    const asking = ["endpoint", "hashkv", `--rev=${revision}`, "-w", "json"];
    const hashes = await etcdctl(tools, ours.endpoints, asking);
    const values = (JSON.parse(hashes.stdout) as { HashKV: { hash: number } }[]).map(
      (row) => row.HashKV.hash,
    );
    expect(new Set(values).size).toBe(1);
  });

  test("moves the leader to the member that was asked for", async () => {
    const status = await etcdctl(tools, ours.endpoints, ["endpoint", "status", "-w", "json"]);
    const rows = JSON.parse(status.stdout.replace(/:(\d{16,})/g, ':"$1"')) as {
      Endpoint: string;
      Status: { leader: string; header: { member_id: string } };
    }[];
    const leader = rows.find((row) => row.Status.header.member_id === row.Status.leader);
    const other = rows.find((row) => row.Status.header.member_id !== row.Status.leader);
    const target = BigInt(other?.Status.header.member_id ?? 0).toString(16);
    const moved = await etcdctl(tools, leader?.Endpoint ?? "", ["move-leader", target]);
    expect(moved.stdout, moved.stderr).toContain("Leadership transferred from");
  });
});
