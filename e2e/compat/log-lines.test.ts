// Lines of the log that operators' tools look for: one member of each make is made to write them,
// and they say the same under the same names.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ClusterProcess,
  etcdctl,
  type Make,
  MemberProcess,
  runToEnd,
} from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { fillDisk, MAY_MOUNT, onSmallDisk } from "../harness/small-disk.ts";
import { ETCD_35 } from "../harness/tools.ts";

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const LINE_LIMIT_MS = 10_000;
/** The log takes its first 64 MiB before anything is written. */
const SMALL_DISK_MEBIBYTES = 160;
const FLAGS = [
  "--quota-backend-bytes=8589934593",
  "--max-request-bytes=10485761",
  "--experimental-watch-progress-notify-interval=1ms",
  "--enable-pprof",
  // etcd has members to recover only from a snapshot.
  "--snapshot-count=10",
  "--backend-batch-interval=50ms",
  "--backend-batch-limit=77",
  // Nobody reads them, for no URL is https.
  "--cert-file=/no/such/file",
  "--key-file=/no/such/file",
];

/** Ports that the system picks. */
const FREE = [
  "--listen-peer-urls=http://127.0.0.1:0",
  "--listen-client-urls=http://127.0.0.1:0",
  "--advertise-client-urls=http://127.0.0.1:0",
];

let members: readonly ClusterProcess[];

beforeAll(async () => {
  members = await Promise.all(
    MAKES.map((make) => ClusterProcess.start({ make, size: 1, flags: FLAGS })),
  );
});
afterAll(() => Promise.all(members.map((member) => member.stop())));

type Line = Readonly<Record<string, unknown>>;

/** All that a member has written, without when and where it wrote it. */
function linesOf({ output }: MemberProcess): readonly Line[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ ts: _ts, caller: _caller, ...line }) => line);
}

async function firstLine(member: ClusterProcess, message: string): Promise<Line> {
  for (const deadline = performance.now() + LINE_LIMIT_MS; performance.now() < deadline; ) {
    const line = linesOf(member.member(0)).find(({ msg }) => msg === message);
    if (line !== undefined) return line;
    await delay(50);
  }
  throw new Error(`nobody wrote ${message}:\n${member.member(0).output}`);
}

test.each([
  "setting backend batch limit",
  "starting with client TLS",
  "setting backend batch interval",
  "quota exceeds the maximum value",
  "enabled backend quota",
  "exceeded recommended request limit",
  "adjusting watch progress notify interval to minimum period",
])("at the start: %s", async (message) => {
  const [etcds, ours] = await Promise.all(members.map((member) => firstLine(member, message)));
  expect(ours).toEqual(etcds);
});

test("when a compaction is done", async () => {
  const message = "finished scheduled compaction";
  const [etcds, ours] = await Promise.all(
    members.map(async (member) => {
      for (const value of ["1", "2", "3"]) {
        await etcdctl(ETCD_35, member.endpoints, ["put", "key", value]);
      }
      await etcdctl(ETCD_35, member.endpoints, ["compaction", "3", "--physical"]);
      return firstLine(member, message);
    }),
  );
  // How long it took and how large a database is differ; what is hashed does not.
  const known = ({ msg, level, hash, "compact-revision": revision }: Line) => [
    msg,
    level,
    hash,
    revision,
  ];
  expect(known(ours ?? {})).toEqual(known(etcds ?? {}));
  expect(Object.keys(ours ?? {})).toEqual(Object.keys(etcds ?? {}));
  expect(ours?.["current-db-size"]).toMatch(/^\d+ kB$/);
});

test("a start that fails in an empty folder is told twice, at warn level first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-log-lines-"));
  try {
    const ends = await Promise.all(
      MAKES.map(async (make) => {
        const flags = ["--name=x", "--initial-cluster=y=http://127.0.0.1:1", ...FREE];
        const { output } = await runToEnd(make, [...flags, `--data-dir=${join(folder, make)}`]);
        return output
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line) as Line)
          .filter(({ level }) => level === "warn" || level === "fatal")
          .slice(-2)
          .map(({ level, msg, error }) => [level, msg, error]);
      }),
    );
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[1]?.map(([, message]) => message)).toEqual([
      "failed to start etcd",
      "discovery failed",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("listeners say what they serve, where HTTP and metrics have URLs of their own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-log-lines-"));
  const served = async (make: Make) => {
    const ports = await freePorts(4);
    const [clientPort = 0, peerPort = 0, httpPort = 0, metricsPort = 0] = ports;
    const member = new MemberProcess({
      make,
      name: "m",
      clientPort,
      peerPort,
      dataDir: join(folder, make),
      initialCluster: `m=http://127.0.0.1:${peerPort}`,
      state: "new",
      flags: [
        `--listen-client-http-urls=http://127.0.0.1:${httpPort}`,
        `--listen-metrics-urls=http://127.0.0.1:${metricsPort}`,
      ],
    });
    member.start();
    try {
      const shown = [/"traffic":"grpc"/, /"traffic":"http"/, /"serving metrics"/];
      await Promise.all(shown.map((pattern) => member.wrote(pattern)));
      const lines = linesOf(member).filter(({ msg }) =>
        /^serving (client traffic|metrics)/.test(String(msg)),
      );
      return lines
        .map((line) => JSON.stringify(line))
        .map((line) => line.replace(/:(\d{2,5})"/, (_, port) => `:${ports.indexOf(Number(port))}"`))
        .sort();
    } finally {
      await member.stop("SIGKILL");
    }
  };
  try {
    const [etcds, ours] = await Promise.all(MAKES.map(served));
    expect(ours).toEqual(etcds);
    expect(ours).toHaveLength(3);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each<[string, (dataDir: string) => void]>([
  ["a file", (dataDir) => writeFileSync(dataDir, "")],
  [
    "open to others, with strangers in it",
    (dataDir) => {
      mkdirSync(dataDir, { mode: 0o755 });
      writeFileSync(join(dataDir, "z"), "");
      writeFileSync(join(dataDir, "a"), "");
    },
  ],
  [
    "a member's and a proxy's",
    (dataDir) => {
      for (const name of ["member", "proxy"]) mkdirSync(join(dataDir, name), { recursive: true });
    },
  ],
])("a data folder that is %s is told of in etcd's lines", async (_, prepare) => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-log-lines-"));
  const dataDir = join(folder, "data");
  const cluster = ["--name=x", "--initial-cluster=y=http://127.0.0.1:1"];
  try {
    const told = [];
    for (const make of MAKES) {
      prepare(dataDir);
      const { code, output } = await runToEnd(make, [`--data-dir=${dataDir}`, ...cluster, ...FREE]);
      const lines = output
        .split("\n")
        .filter((line) => /^.{1,20}(warn|fatal)/.test(line) && !line.includes("on single port"))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .map(({ ts: _ts, caller: _caller, stacktrace: _stack, ...line }) => line);
      told.push({ code, lines });
      rmSync(dataDir, { recursive: true });
    }
    expect(told[1]).toEqual(told[0]);
    expect(told[1]?.code).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.skipIf(!MAY_MOUNT)("a member whose disk is full says so in a line of its own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-log-lines-"));
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const member = new MemberProcess({
    make: "quorate",
    name: "m",
    clientPort,
    peerPort,
    dataDir: join(folder, "data"),
    initialCluster: `m=http://127.0.0.1:${peerPort}`,
    state: "new",
    runner: onSmallDisk(folder, SMALL_DISK_MEBIBYTES),
  });
  member.start();
  try {
    await member.ready();
    const ended = member.ended();
    fillDisk(member.pid, folder);
    await etcdctl(ETCD_35, member.clientUrl, ["put", "a", "x".repeat(100_000)]);
    expect(await ended).toBe(1);
    const plain = member.output.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    expect(plain).toEqual([expect.stringMatching(/^Write error: No space left on device [^{]*$/)]);
    expect(linesOf(member).at(-1)).toMatchObject({
      level: "fatal",
      msg: "the member cannot go on",
      error: expect.stringContaining("No space left on device"),
    });
  } finally {
    await member.stop("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

/** What etcd writes in this life and this server does not, and why. */
const UNWRITTEN: Readonly<Record<string, string>> = {
  "cmux::serve": "there is no cmux",
  "started to purge file": "the log and the state remove by themselves what they need no more",
  purged: "as above",
  "triggering snapshot": "there are no snapshot files: a commit of the state takes their place",
  "saved snapshot": "as above",
  "compacted Raft logs": "as above",
  "recovered v2 store from snapshot": "as above",
  "recovered v3 backend from snapshot": "as above",
  "notifying init daemon": "nobody waits for it here, and where somebody does it cannot be done",
  "successfully notified init daemon": "as above",
  "ID became follower at term 0": "a new member begins with its first entries, in term 1",
  "stopping insecure grpc server due to error": "a port that is closed on purpose is no error",
  "stopped insecure grpc server due to error": "as above",
};

/** What this server writes in it and etcd does not, and why. */
const OWN: Readonly<Record<string, string>> = {
  "read the key index": "how much of it had to be read one by one decides how long a start takes",
  "could not open the stream of a peer": "etcd says it at debug level",
  "starting initial election tick advance": "etcd knows only the members of its last snapshot then",
};

/** Fields in which the makes differ, by the message. */
const OTHER_FIELDS: Readonly<Record<string, readonly string[]>> = {
  // Where in Go.
  "Health check error": ["stacktrace"],
  "starting an etcd server": [
    "git-sha",
    "go-version",
    "go-os",
    "go-arch",
    "max-cpu-set",
    "max-wals",
    "max-snapshots",
    "node-version",
    "node-os",
    "node-arch",
  ],
};

/** What depends on how quick the machine is, or on the moment at which somebody looks. */
const OCCASIONAL = new RegExp(
  "took too long|overloaded likely|request stats|^failed to revoke lease|rate limit on stream|" +
    "^failed to get version|^failed to reach the peer URL|^failed to publish local member|" +
    "^slow fdatasync|^serving /health false; no leader",
);

/** Without what differs from run to run: ids, ports, indexes of the log. */
function generalized(message: string): string {
  return message
    .replace(/\b[0-9a-f]{13,16}\b/g, "ID")
    .replace(/\b(logterm|index): \d+/g, "$1: N")
    .replace(/^newRaft ID .*/, "newRaft ID")
    .replace(/voters=\([^)]*\)/, "voters=()");
}

/** The level and the fields of every message, in the order of the first of each. */
type Vocabulary = ReadonlyMap<string, readonly string[]>;

function vocabulary(member: ClusterProcess): Vocabulary {
  const found = new Map<string, readonly string[]>();
  for (const text of member.member(0).output.split("\n")) {
    if (!text.startsWith("{") || !text.endsWith("}")) continue;
    const { ts: _ts, level, msg, ...fields } = JSON.parse(text) as Record<string, unknown>;
    const message = generalized(String(msg));
    if (found.has(message) || OCCASIONAL.test(message)) continue;
    const other = OTHER_FIELDS[message] ?? [];
    const names = Object.keys(fields).filter((name) => !other.includes(name));
    found.set(message, [String(level), ...names]);
  }
  return found;
}

/**
 * What an operator does with a member, from users to a neighbour that never comes. Returns what it
 * had written by the end of that: it goes on writing for as long as the other make takes.
 * @param snapshot file that is saved
 */
async function live(member: ClusterProcess, snapshot: string): Promise<Vocabulary> {
  const run = (...args: string[]) => etcdctl(ETCD_35, member.endpoints, args);
  const post = (path: string, body: object) =>
    fetch(`${member.member(0).clientUrl}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
  await run("user", "add", "root:r");
  await run("user", "grant-role", "root", "root");
  await run("user", "add", "u:u");
  await run("role", "add", "r");
  await run("role", "grant-permission", "r", "readwrite", "a", "b");
  await run("user", "grant-role", "u", "r");
  await run("user", "grant-role", "u", "r");
  await run("role", "revoke-permission", "r", "a", "b");
  await run("user", "revoke-role", "u", "r");
  await run("role", "delete", "r");
  await post("auth/user/changepw", { name: "u", password: "n" });
  await run("user", "delete", "u");
  await run("auth", "enable");
  await run("auth", "enable", "--user=root:r");
  await run("--user=root:x", "get", "a");
  await run("--user=root:r", "auth", "disable");
  const probe = (path: string) => fetch(`${member.member(0).clientUrl}/${path}`);
  await post("maintenance/alarm", { action: "ACTIVATE", memberID: "1", alarm: "NOSPACE" });
  await probe("health");
  await run("alarm", "disarm");
  await post("maintenance/alarm", { action: "ACTIVATE", memberID: "1", alarm: "CORRUPT" });
  await probe("readyz?exclude=nothing");
  await run("alarm", "disarm");
  await run("defrag");
  await run("snapshot", "save", snapshot);
  await run("member", "add", "b", "--peer-urls=http://127.0.0.1:9");
  // Without the neighbour there is no quorum any more.
  await member.member(0).wrote(/prober detected unhealthy status/);
  await member.member(0).wrote(/sent MsgPreVote request/);
  await member.member(0).stop();
  member.member(0).start();
  await member.member(0).wrote(/restarting local member[^]*sent MsgPreVote request/);
  return vocabulary(member);
}

test("in the same life both write the same messages at the same level in the same fields", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "quorate-log-lines-"));
  let written: readonly Vocabulary[];
  try {
    written = await Promise.all(members.map((member, i) => live(member, join(scratch, `${i}.db`))));
  } finally {
    rmSync(scratch, { recursive: true });
  }
  const [etcds = new Map(), ours = new Map()] = written;
  const common = ([message]: [string, unknown]) =>
    UNWRITTEN[message] === undefined && OWN[message] === undefined;
  const wanted = [...etcds].filter(common);
  const sorted = (lines: typeof wanted) => lines.sort(([a], [b]) => (a < b ? -1 : 1));
  expect(sorted([...ours].filter(common))).toEqual(sorted(wanted));
  // Who writes one of them after all takes it off the list.
  expect([...ours.keys()].filter((message) => UNWRITTEN[message] !== undefined)).toEqual([]);
});
