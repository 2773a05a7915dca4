import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterProcess, type Make } from "../harness/member-process.ts";
import { ETCD_34, ETCD_35, type EtcdTools } from "../harness/tools.ts";

// Every command of etcdctl in every output format, run against our member and against Debian's:
// the same bytes on the terminal, but for ids, ports, sizes and durations.

const FORMATS = ["simple", "json", "fields", "table", "protobuf"] as const;
type Format = (typeof FORMATS)[number];

const execute = promisify(execFile);
const LIMIT_MS = 60_000;
let ours: ClusterProcess;
let theirs: ClusterProcess;

beforeAll(async () => {
  const start = (make: Make) => ClusterProcess.start({ make, size: 1 });
  [ours, theirs] = await Promise.all([start("quorate"), start("etcd-3.5")]);
});

afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

interface Shown {
  readonly code: number;
  /** One character for each byte. */
  readonly stdout: string;
  readonly stderr: string;
}

async function run(tools: EtcdTools, endpoint: string, args: readonly string[]): Promise<Shown> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  const options = { env, timeout: LIMIT_MS, encoding: "latin1" as const };
  try {
    const all = [`--endpoints=${endpoint}`, ...args];
    return { code: 0, ...(await execute(tools.etcdctl, all, options)) };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as Partial<Shown>;
    return { code: code ?? -1, stdout, stderr };
  }
}

function masked(text: string): string {
  return (
    text
      .replace(/^\{"level":"warn".*\n/gm, "")
      .replace(/127\.0\.0\.1:\d+/g, "HOST")
      // Two characters stand for the µ: there is one for each byte.
      .replace(/[\d.]+(\u00c2\u00b5|[mn])?s\b/g, "TIME")
      .replace(/"(cluster_id|member_id|raft_term|leader|ID|raftIndex|raftTerm)":\s*\d+/g, '"$1":0')
      .replace(/"(raftAppliedIndex|dbSize|dbSizeInUse|hash)":\s*\d+/g, '"$1":0')
      .replace(/"(ClusterID|MemberID|RaftTerm|Leader|ID|RaftIndex)" ?: \d+/g, '"$1" : 0')
      .replace(/"(RaftAppliedIndex|DBSize|DBSizeInUse|Hash)" ?: [\w."]+/g, '"$1" : 0')
      .replace(/"took":"[^"]*"/g, '"took":"TIME"')
      .replace(/\b[0-9a-f]{13,16}\b/g, "ID")
      .replace(/\b[\d.]+ [kM]?B\b/g, "SIZE")
      // The columns of raft's term and indexes in the rows of `endpoint status`.
      .replace(/(true|false)([,| ]+)\d+([,| ]+)\d+([,| ]+)\d+/g, "$1$2N$3N$4N")
      .replace(/ {2,}|-{2,}/g, " ")
  );
}

/**
 * Without the response's header, and with ids (varints of eight bytes and more) blanked, together
 * with the two bytes before: they are the length of a message that begins with an id, and its tag.
 */
function maskedWire(bytes: string): string {
  const body = bytes.charCodeAt(0) === 0x0a ? bytes.slice(2 + bytes.charCodeAt(1)) : bytes;
  return body
    .replace(/(..)?[\x80-\xff]{7,9}[^\x80-\xff]/gs, "ID")
    .replace(/127\.0\.0\.1:\d+/g, "HOST");
}

function shown(format: Format, result: Shown): Shown {
  const stdout =
    format === "protobuf" && result.code === 0 ? maskedWire(result.stdout) : masked(result.stdout);
  // Some commands make etcdctl itself panic in some formats: its stack names memory addresses.
  const stderr = masked(result.stderr).replace(/^(panic: .*)[^]*/, "$1");
  return { code: result.code, stdout, stderr };
}

async function same(tools: EtcdTools, format: Format, args: readonly string[]): Promise<Shown> {
  const all = [...args, "-w", format];
  const mine = shown(format, await run(tools, ours.member(0).clientUrl, all));
  const real = shown(format, await run(tools, theirs.member(0).clientUrl, all));
  expect(mine, all.join(" ")).toEqual(real);
  return mine;
}

const KEYS: readonly (readonly string[])[] = [
  ["put", "k/a", "1"],
  ["put", "k/b", "2", "--prev-kv"],
  ["put", "k/b", "3", "--prev-kv"],
  ["put", "k/c", "é\u0001\t"],
  ["get", "k/a"],
  ["get", "k/", "--prefix"],
  ["get", "k/", "--prefix", "--keys-only"],
  ["get", "k/", "--prefix", "--limit=1"],
  ["get", "k/", "--prefix", "--count-only"],
  ["get", "k/a", "k/c", "--sort-by=MODIFY", "--order=DESCEND"],
  ["get", "k/", "--prefix", "--hex"],
  ["get", "missing"],
  ["get", "k/a", "--rev=1000000"],
  ["del", "k/a", "--prev-kv"],
  ["del", "missing"],
  ["del", "k/", "--prefix", "--prev-kv"],
  ["lease", "revoke", "1f"],
  ["lease", "timetolive", "1f"],
  ["lease", "list"],
  ["alarm", "list"],
  ["alarm", "disarm"],
  ["compaction", "1000000"],
  ["member", "list"],
  ["member", "remove", "1f"],
  ["member", "update", "1f", "--peer-urls=http://127.0.0.1:1"],
  ["member", "promote", "1f"],
  ["endpoint", "health"],
  ["endpoint", "status"],
  ["endpoint", "status", "--cluster"],
  ["move-leader", "1f"],
  ["defrag"],
  ["auth", "status"],
  ["version"],
  ["nonsense"],
];

describe.each([ETCD_34, ETCD_35])("etcdctl $version", (tools) => {
  test.each(FORMATS)("prints every command the same as %s", async (format) => {
    await same(tools, "simple", ["put", "reset", format]);
    for (const args of KEYS) {
      if (tools.version === "3.4" && args[0] === "auth") continue;
      await same(tools, format, args);
    }
    await same(tools, "simple", ["del", "--from-key", ""]);
  });

  test("prints a transaction the same in every format", async () => {
    const input = 'mod("t") = "0"\nver("t") < "1"\n\nput t 1\nget t\n\nget t\ndel t\n\n';
    for (const format of FORMATS) {
      for (const _branch of ["then", "else"]) {
        const [mine, real] = await Promise.all(
          [ours, theirs].map((cluster) => fed(tools, cluster, ["txn", "-w", format], input)),
        );
        expect(shown(format, mine as Shown), format).toEqual(shown(format, real as Shown));
      }
    }
  });
});

// Apart, because these leave the two members at different revisions.
describe.each([ETCD_34, ETCD_35])("etcdctl $version over our member", (tools) => {
  test("mirrors a prefix from our member to Debian's and back", async () => {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const source = from.member(0).clientUrl;
      const target = to.member(0).clientUrl;
      await run(tools, source, ["put", "mirror/a", "1"]);
      const child = execFile(tools.etcdctl, [
        `--endpoints=${source}`,
        "make-mirror",
        "--prefix=mirror/",
        "--dest-prefix=copy/",
        target,
      ]);
      await eventually(async () => {
        await run(tools, source, ["put", "mirror/b", "2"]);
        const copied = await run(tools, target, ["get", "--prefix", "copy/"]);
        return copied.stdout === "copy/a\n1\ncopy/b\n2\n";
      });
      child.kill("SIGKILL");
      for (const at of [source, target]) await run(tools, at, ["del", "--from-key", ""]);
    }
  });

  test("campaigns, and a follower of the election hears the leader", async () => {
    const at = ours.member(0).clientUrl;
    const leader = execFile(tools.etcdctl, [`--endpoints=${at}`, "elect", "office", "me"]);
    let listened = "";
    const listener = execFile(tools.etcdctl, [`--endpoints=${at}`, "elect", "-l", "office"]);
    listener.stdout?.on("data", (chunk: string) => {
      listened += chunk;
    });
    await eventually(async () => /^office\/[0-9a-f]+\nme\n/.test(listened));
    leader.kill("SIGKILL");
    listener.kill("SIGKILL");
    await run(tools, at, ["del", "--from-key", ""]);
  });
});

test("etcdctl check datascale finds the load small enough", async () => {
  const result = await run(ETCD_35, ours.member(0).clientUrl, ["check", "datascale", "--load=s"]);
  expect(result.stdout + result.stderr).toContain("PASS: Approximate system memory used");
}, 120_000);

function fed(tools: EtcdTools, cluster: ClusterProcess, args: readonly string[], input: string) {
  const endpoint = cluster.member(0).clientUrl;
  const running = execute(tools.etcdctl, [`--endpoints=${endpoint}`, ...args], {
    env: { ...process.env, ETCDCTL_API: "3" },
    encoding: "latin1",
    timeout: LIMIT_MS,
  });
  running.child.stdin?.end(input);
  return running.then(
    (result) => ({ code: 0, ...result }),
    ({ code, stdout, stderr }: Shown) => ({ code, stdout, stderr }),
  );
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 30_000 }).toBe(true);
}
