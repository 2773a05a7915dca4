// Our member and Debian's etcd 3.5 are started with the same words, variables and files. What one
// refuses, the other refuses, with the same exit code and the same text; what one takes, the other
// takes, and both say the same of it when they start.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePortRow } from "../harness/ports.ts";
import { ETCD_35 } from "../harness/tools.ts";

const OURS = join(import.meta.dirname, "../../dist/server/etcd.js");
const LIMIT_MS = 20_000;
const RUN = [process.execPath, [OURS]] as const;
const REAL = [ETCD_35.etcd, []] as const;

interface Words {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of a configuration file. */
  readonly yaml?: string;
}

interface Refusal {
  readonly code: number | null;
  readonly text: string;
}

let folder: string;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-words-"));
  port = await freePortRow(4);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start([command, first]: readonly [string, readonly string[]], words: Words): ChildProcess {
  const args = [...first, ...(words.args ?? [])];
  if (words.yaml !== undefined) {
    const path = join(folder, `${createHash("sha1").update(words.yaml).digest("hex")}.yaml`);
    writeFileSync(path, words.yaml);
    args.push(`--config-file=${path}`);
  }
  const env = { NODE_ENV: "production", PATH: process.env["PATH"], ...words.env } as const;
  return spawn(command, args, { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
}

/** Runs to the end. */
async function refusal(
  program: readonly [string, readonly string[]],
  words: Words,
): Promise<Refusal> {
  const child = start(program, words);
  const lines: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  const last = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(last);
  return { code, text: essence(lines.join("")) };
}

/** The line that says why; without its time, its place in the code, and what else was logged. */
function essence(output: string): string {
  for (const line of output.split("\n")) {
    if (!line.startsWith("{")) return line;
    const { msg, error, ...rest } = JSON.parse(line) as Record<string, string>;
    const variable = rest["environment-variable"] ?? "";
    if (msg === "failed to verify flags" || msg === "discovery failed") return `${msg}: ${error}`;
    if (msg?.startsWith("conflicting")) return `${msg}: ${variable}`;
  }
  return "nothing";
}

async function expectSameRefusal(words: Words): Promise<void> {
  const real = await refusal(REAL, words);
  expect(real.code).not.toBeNull();
  expect(await refusal(RUN, words)).toEqual(real);
}

/** etcd opens its ports before it looks at some flags. */
const ANYWHERE = [
  "--listen-peer-urls=http://127.0.0.1:0",
  "--listen-client-urls=http://127.0.0.1:0",
  "--advertise-client-urls=http://127.0.0.1:0",
];
const URL = "http://127.0.0.1:1";

test.concurrent.each<readonly [...string[]]>([
  ["--nope"],
  ["--nope=1"],
  ["---name=a"],
  ["--=a"],
  ["--name"],
  ["--heartbeat-interval=x"],
  ["--heartbeat-interval=-1"],
  ["--heartbeat-interval=08"],
  ["--heartbeat-interval=99999999999999999999"],
  ["--quota-backend-bytes=9223372036854775808"],
  ["--max-concurrent-streams=x"],
  ["--max-concurrent-streams=4294967296"],
  ["--grpc-keepalive-timeout=5"],
  ["--grpc-keepalive-timeout=1h5x"],
  ["--pre-vote=maybe"],
  ["--initial-cluster-state=old"],
  ["--v2-deprecation=soon"],
  ["--v2-deprecation=gone,soon"],
  ["--proxy=maybe"],
  ["--discovery-fallback=x"],
  ["--cors=x"],
  ["--cors="],
  ["--listen-client-urls=ftp://a:1"],
  ["--listen-client-urls=http://a"],
  ["--listen-client-urls=http://a:b"],
  ["--listen-client-urls=http://[::1"],
  ["--listen-client-urls=http://::1:1"],
  [`--listen-client-urls=b=${URL}`],
  ["--listen-client-urls=a:b"],
  ["--listen-client-urls=:1"],
  [`--listen-client-urls=${URL}/`],
  [`--listen-client-urls=${URL}/v3`],
  [`--listen-client-urls=${URL},`],
  ["--initial-advertise-peer-urls=127.0.0.1:2380"],
  ["start"],
  ["--pre-vote", "false"],
  ["--logger=capnslog"],
  ["--logger=other"],
  [
    "--listen-client-urls=http://127.0.0.1:1",
    `--listen-client-http-urls=${URL}`,
    `--advertise-client-urls=${URL}`,
    "--listen-peer-urls=http://127.0.0.1:0",
  ],
  ["--log-outputs=default,stderr"],
  ["--log-outputs="],
  ["--log-outputs=/no/such/folder/etcd.log"],
  ["--enable-log-rotation"],
  ["--enable-log-rotation", "--log-outputs=a.log,b.log"],
  ["--enable-log-rotation", "--log-outputs=a.log", "--log-rotation-config-json="],
  ["--enable-log-rotation", "--log-outputs=a.log", "--log-rotation-config-json=[]"],
  ["--enable-log-rotation", "--log-outputs=a.log", '--log-rotation-config-json={"maxsize":"1"}'],
  ["--enable-log-rotation", "--log-outputs=a.log", '--log-rotation-config-json={"maxage":1.5}'],
  ["--enable-log-rotation", "--log-outputs=a.log", '--log-rotation-config-json={"compress":1}'],
  ["--listen-peer-urls=http://example.org:1"],
  ["--listen-client-urls=http://:1"],
  ["--listen-metrics-urls=http://a:1"],
  ["--listen-client-http-urls=http://a:1"],
  ["--initial-advertise-peer-urls=http://:1"],
  ["--advertise-client-urls=http://:1,http://a:1"],
  ["--discovery-srv=example.org", "--initial-cluster=a=http://a:1"],
  ...[
    "=",
    "m",
    "m=foo",
    "m=http://a",
    `m=${URL}/x`,
    `a=b=${URL}`,
    "a=1:2",
    "a=::",
    "a=b=c",
    "m=http://a b:1",
    `n=${URL}`,
    `default=${URL}`,
  ].map((cluster) => [`--initial-cluster=${cluster}`, ...ANYWHERE]),
  ["--initial-cluster=", ...ANYWHERE],
  ["--name=", ...ANYWHERE],
  [
    "--initial-cluster=default=http://localhost:1",
    ...ANYWHERE,
    `--initial-advertise-peer-urls=${URL}`,
  ],
  [
    `--initial-cluster=default=${URL},n=${URL}`,
    ...ANYWHERE,
    `--initial-advertise-peer-urls=${URL}`,
  ],
  [
    `--initial-cluster=default=${URL},default=${URL}`,
    ...ANYWHERE,
    `--initial-advertise-peer-urls=${URL}`,
  ],
  [
    "--data-dir=elsewhere",
    "--listen-peer-urls=http://127.0.0.1:0",
    "--listen-client-urls=http://192.0.2.1:1",
    `--advertise-client-urls=${URL}`,
  ],
  ["--heartbeat-interval=0"],
  ["--election-timeout=0"],
  ["--election-timeout=400"],
  ["--election-timeout=50001"],
  [`--listen-client-urls=${URL}`],
  ["--listen-client-urls="],
  ["--auto-compaction-mode=never"],
  ["--experimental-enable-lease-checkpoint-persist"],
  ["--experimental-compact-hash-check-time=0"],
  ["--experimental-compact-hash-check-time=-90m"],
  ["--auto-compaction-retention=1d", ...ANYWHERE],
  ["--auto-compaction-retention=-1", ...ANYWHERE],
  ["--auto-compaction-retention=9223372036854775808", ...ANYWHERE],
  ["--auto-compaction-mode=revision", "--auto-compaction-retention=0x10", ...ANYWHERE],
  ["--peer-trusted-ca-file=/no/such/file", ...ANYWHERE],
  ["--cipher-suites=", ...ANYWHERE],
  ["--cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA,", ...ANYWHERE],
  ["--tls-min-version=SSL3"],
  ["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
  ["--tls-min-version=TLS1.3", "--cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA"],
])("etcd refuses %j %j %j, and so do we", async (...args) => {
  await expectSameRefusal({ args });
});

test.concurrent.each<Words>([
  { env: { ETCD_NAME: "x" }, args: ["--name=y"] },
  { env: { ETCD_HEARTBEAT_INTERVAL: "q" } },
  { env: { ETCD_PRE_VOTE: "maybe", ETCD_WAL_DIR: "w" } },
  { env: { ETCD_LISTEN_CLIENT_URLS: "http://a" } },
  { env: { ETCD_INITIAL_CLUSTER_STATE: "old", ETCD_MAX_CONCURRENT_STREAMS: "-1" } },
  { env: { ETCD_ELECTION_TIMEOUT: "1", ETCD_UNKNOWN: "1" } },
  { env: { ETCD_CONFIG_FILE: "/no/such/file" } },
  { args: ["--config-file=/no/such/file"] },
  { args: ["--config-file=/"] },
])("etcd refuses %j, and so do we", expectSameRefusal);

test.concurrent.each([
  'heartbeat-interval: "100"',
  "max-txn-ops: -1",
  "max-txn-ops: 1.5",
  "snapshot-count: x",
  "quota-backend-bytes: 99999999999999999999",
  "max-concurrent-streams: 99999999999",
  "name: [a]",
  "name: {a: b}",
  "name: 5",
  "initial-cluster-token: yes",
  "log-outputs: [5]",
  "client-transport-security: {cert-file: 7}",
  "peer-transport-security: {allowed-cn: [7]}",
  "pre-vote: maybe",
  "pre-vote: 1",
  "experimental-corrupt-check-time: 5s",
  "log-outputs: stderr",
  "log-outputs: [[a]]",
  "cipher-suites: a",
  "client-transport-security: x",
  "client-transport-security: {allowed-cn: x}",
  "peer-transport-security: {client-cert-auth: x}",
  "socket-options: {reuse-port: x}",
  "listen-client-urls: [a]",
  "listen-peer-urls: foo",
  "advertise-client-urls: foo",
  `listen-metrics-urls: ${URL}/`,
  "initial-cluster-state: old",
  "election-timeout: 60000",
  "logger: other",
  "experimental-compact-hash-check-time: 0",
  "proxy-failure-wait: x",
  "hello",
  "[a, b]",
  "heartbeat-interval: .inf",
  "name: .nan",
  "unheard-of: [{a: -.inf}]",
  "LISTEN-PEER-URLS: http://a:1",
])("etcd refuses the file %j, and so do we", (yaml) => expectSameRefusal({ yaml }));

test.concurrent.each(["a: b: c", "null: b", "? [a]\n: b", "? {a: b}\n: b"])(
  "YAML that cannot be read is refused with the same code: %j",
  async (yaml) => {
    const words = { yaml };
    const real = await refusal(REAL, words);
    const ours = await refusal(RUN, words);
    const start = "failed to verify flags: error converting YAML to JSON: ";
    expect(real.code).toBe(1);
    expect(ours.code).toBe(1);
    expect(real.text.startsWith(start)).toBe(true);
    expect(ours.text.startsWith(start)).toBe(true);
  },
);

test.concurrent("a port that is in use is named in etcd's words", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const taken = (holder.address() as AddressInfo).port;
  const own = ["--listen-peer-urls=http://127.0.0.1:0", `--advertise-client-urls=${URL}`];
  for (const host of ["127.0.0.1", "localhost"]) {
    const listen = `--listen-client-urls=http://${host}:${taken}`;
    await expectSameRefusal({ args: ["--data-dir=taken", ...own, listen] });
  }
  holder.close();
});

const at = (offset: number) => `http://127.0.0.1:${port + offset}`;

const IGNORED_SIGNALS = [
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
  "SIGPWR",
  "SIGXCPU",
  "SIGXFSZ",
] as const;

test.for([
  ["etcd", REAL],
  ["our member", RUN],
] as const)("%s lives through signals that ask for nothing, and quits at once", async ([, run]) => {
  const child = start(run, {
    args: [
      "--data-dir=signaled",
      `--listen-client-urls=${at(0)}`,
      `--advertise-client-urls=${at(0)}`,
      `--listen-peer-urls=${at(2)}`,
      `--initial-advertise-peer-urls=${at(2)}`,
      `--initial-cluster=default=${at(2)}`,
    ],
  });
  const closed = once(child, "close");
  const last = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  let output = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await expect.poll(() => output).toContain("ready to serve client requests");
  for (const signal of IGNORED_SIGNALS) {
    child.kill(signal);
    const answer = await fetch(`${at(0)}/version`, { signal: AbortSignal.timeout(LIMIT_MS) });
    expect(answer.status, signal).toBe(200);
  }
  const unlike = output.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  expect(unlike).toEqual([]);
  child.kill("SIGQUIT");
  expect(await closed).toEqual([2, null]);
  expect(output).toContain("SIGQUIT: quit");
  expect(output).not.toContain("Debugger");
  clearTimeout(last);
  rmSync(join(folder, "signaled"), { recursive: true });
});

test("a Node that is too old is named, whatever it cannot load", async () => {
  const older = "Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })";
  const program = [process.execPath, [`--import=data:text/javascript,${older}`, OURS]] as const;
  const { code, text } = await refusal(program, {});
  expect(code).toBe(1);
  expect(text).toMatch(/^Quorate needs Node 22\.18 or newer, this is 20\.20\.2; /);
});

/** What a member says of itself when it starts; it is ended at once. */
async function selfDescription(
  program: readonly [string, readonly string[]],
  words: Words,
): Promise<Record<string, unknown>> {
  const child = start(program, words);
  const closed = new Promise((resolve) => child.once("close", resolve));
  const last = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  let output = "";
  let found: Record<string, unknown> | undefined;
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    const line = output.split("\n").find((each) => each.includes('"starting an etcd server"'));
    if (found !== undefined || line?.endsWith("}") !== true) return;
    found = JSON.parse(line) as Record<string, unknown>;
    child.kill("SIGKILL");
  });
  await closed;
  clearTimeout(last);
  rmSync(join(folder, "data"), { recursive: true, force: true });
  if (found === undefined) throw new Error(`it did not start:\n${output}`);
  return found;
}

async function expectSameDescription(words: Words): Promise<void> {
  const real = await selfDescription(REAL, words);
  const ours = await selfDescription(RUN, words);
  const own = /^(ts|caller|git-sha|go-.*|max-cpu-set|max-wals|max-snapshots)$/;
  for (const field of Object.keys(real).filter((each) => own.test(each))) delete real[field];
  expect(ours).toMatchObject(real);
}

test("flags of every kind are taken to mean what etcd takes them to mean", async () => {
  await expectSameDescription({
    args: [
      "-name=m",
      "--data-dir",
      "data",
      `--listen-client-urls=${at(1)}, ${at(0)},${at(1)}`,
      `--advertise-client-urls=HTTP://localhost:1`,
      `--listen-peer-urls=${at(2)}`,
      `--initial-advertise-peer-urls=${at(2)}`,
      `--initial-cluster=z=http://127.0.0.1:1,m=${at(2)},`,
      "--heartbeat-interval=0x64",
      "--election-timeout=1_550",
      "--initial-election-tick-advance=F",
      "--snapshot-count=0b11",
      "--experimental-snapshot-catchup-entries=07",
      "--quota-backend-bytes=-1",
      "--max-concurrent-streams=0",
      "--pre-vote=0",
      "--experimental-initial-corrupt-check",
      "--experimental-corrupt-check-time=1h1.5s",
      "--experimental-compact-hash-check-time=.5ms",
      "--auto-compaction-retention=90m",
      "--cors=http://b:1,http://a:1,http://b:1",
      "--host-whitelist=b,a,b",
      "--experimental-downgrade-check-time=1us",
      "--initial-cluster-token=",
      "--proxy-refresh-interval=70000",
      "--cert-file=/no/such/file",
      "--key-file=/no/such/file",
      "--cluster-active-size",
      "--v",
    ],
  });
});

test("variables and defaults are taken to mean what etcd takes them to mean", async () => {
  await expectSameDescription({
    args: [
      "--data-dir=data",
      `--listen-peer-urls=${at(2)}`,
      "--listen-metrics-urls=",
      "--host-whitelist=",
    ],
    env: {
      ETCD_LISTEN_CLIENT_URLS: at(0),
      ETCD_ADVERTISE_CLIENT_URLS: at(0),
      ETCD_AUTO_COMPACTION_MODE: "revision",
      ETCD_AUTO_COMPACTION_RETENTION: "+1000",
      ETCD_MAX_REQUEST_BYTES: "0o17",
      ETCD_VERSION: "3",
      ETCD_DATA: "x",
      ETCD_WAL_DIR: "",
    },
  });
});

test("what is given as nothing is said to be nothing", async () => {
  await expectSameDescription({
    args: [
      "--data-dir=data",
      `--listen-client-urls=${at(0)}`,
      `--advertise-client-urls=${at(0)}`,
      `--listen-peer-urls=${at(2)}`,
      "--snapshot-count=0",
      "--auto-compaction-mode=",
      "--auto-compaction-retention=5",
    ],
  });
  await expectSameDescription({
    yaml: [
      "data-dir: data",
      `listen-client-urls: ${at(0)}`,
      `advertise-client-urls: ${at(0)}`,
      `listen-peer-urls: ${at(2)}`,
    ].join("\n"),
  });
});

test("a member that listens everywhere advertises what etcd would advertise", async () => {
  await expectSameDescription({
    args: [
      "--data-dir=data",
      "--name=everywhere",
      `--listen-peer-urls=http://0.0.0.0:${port + 2}`,
      `--listen-client-urls=http://0.0.0.0:${port}`,
      "--advertise-client-urls=http://localhost:2379",
    ],
  });
});

test("a file is taken to mean what etcd takes it to mean, and nothing beside it counts", async () => {
  await expectSameDescription({
    args: ["--name=flag", "--heartbeat-interval=1"],
    env: { ETCD_NAME: "variable" },
    yaml: [
      "Name: 2020-01-01",
      "NAME: shadowed",
      "data-dir: data",
      `listen-client-urls: "${at(1)},${at(0)}"`,
      `listen-peer-urls: ${at(2)}`,
      `initial-advertise-peer-urls: ${at(2)}`,
      `initial-cluster: 2020-01-01=${at(2)}`,
      "initial-cluster-token: !!binary YWJj",
      "heartbeat-interval: 0o144",
      "election-timeout: 0x5dc",
      "wal-dir:",
      "snapshot-count: 1e3",
      "experimental-snapshot-catch-up-entries: 9",
      "quota-backend-bytes: 4294967296",
      "pre-vote: off",
      "cors: http://a:1",
      "host-whitelist: b,a",
      "experimental-corrupt-check-time: 1500000000",
      "auto-compaction-mode: periodic",
      "auto-compaction-retention: 2h",
      "unheard-of: {a: b}",
      "log-outputs: [stderr]",
      "client-transport-security: {allowed-cn: [a]}",
      "---",
      "name: other",
      "snapshot-count: x",
    ].join("\n"),
  });
});
