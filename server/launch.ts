// The supervisor behind `npm start`: a cluster of members and the console over it, each a process
// of its own, kept running until Ctrl-C. It speaks to its children only by ports, signals and
// environment variables, so that either half can be run by hand instead.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ignoreUnheededSignals } from "./base/unheeded-signals.ts";
import { buildMissing } from "./launch/build.ts";
import {
  LaunchError,
  type LaunchOptions,
  memberDataDir,
  parseLaunchOptions,
  USAGE,
} from "./launch/options.ts";
import {
  checkCluster,
  checkPorts,
  forgetRunning,
  prepareDataDir,
  recordCluster,
  recordRunning,
  refuseSecondStart,
} from "./launch/preflight.ts";
import { type KeeperEvents, ProcessKeeper } from "./launch/process-keeper.ts";

/** By default the signal opens a debugger, which runs whatever anybody on this machine says. */
const NO_DEBUGGER = "--disable-sigusr1";
/** A young generation of 64 MiB, Node's default, makes a member no faster, only larger. */
const NODE_FLAGS = ["--enable-source-maps", "--max-semi-space-size=16", NO_DEBUGGER];
/** An address names its key: with this much room, keys of some 90 KB can be looked at. */
const CONSOLE_NODE_FLAGS = ["--max-http-header-size=131072", NO_DEBUGGER];
const ROOT = join(import.meta.dirname, "..");
const LEADER_WAIT_MS = 60_000;
const CONSOLE_WAIT_MS = 60_000;
const PROBE_PERIOD_MS = 100;
const PROBE_TIMEOUT_MS = 2_000;
/** Everything must be gone within 5 s of Ctrl-C: this long to end, the rest to be ended. */
const STOP_GRACE_MS = 4_000;
const LOG_TAIL_LINES = 12;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

ignoreUnheededSignals();
try {
  await launch();
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function launch(): Promise<void> {
  const options = parseLaunchOptions(process.argv.slice(2), process.cwd());
  if (options === "help") return say(USAGE);
  prepareDataDir(options.dataDir);
  refuseSecondStart(options.dataDir);
  checkCluster(options);
  await checkPorts(options);
  recordRunning(options.dataDir, "launcher", process.pid);
  const members = options.members.map((_, i) => memberKeeper(options, i));
  const firstPassword = newPassword(options);
  const console = consoleKeeper(options, firstPassword);
  const isStopped = stopOnSignal(options, [console, ...members]);
  try {
    await buildMissing(ROOT, members.length > 0, say);
    if (isStopped()) return;
    await startCluster(options, members, isStopped);
    await startConsole(options, console, isStopped);
    if (!isStopped()) announce(options, firstPassword);
  } catch (error) {
    await stopAll(options, [console, ...members]);
    throw error;
  }
}

async function startCluster(
  options: LaunchOptions,
  members: readonly ProcessKeeper[],
  isStopped: () => boolean,
): Promise<void> {
  if (members.length === 0) return;
  recordCluster(options, false);
  for (const member of members) member.start();
  const healthUrl = `http://127.0.0.1:${options.members[0]?.clientPort}/health`;
  const isUp = await waitUntilOk(healthUrl, LEADER_WAIT_MS, isStopped);
  if (isStopped()) return;
  if (!isUp) {
    const tails = members.map((member) => `${member.name}:\n${tail(member.logFile)}`);
    throw new LaunchError(`The cluster found no leader in 60 s.\n${tails.join("\n")}`);
  }
  recordCluster(options, true);
}

async function startConsole(
  options: LaunchOptions,
  console: ProcessKeeper,
  isStopped: () => boolean,
): Promise<void> {
  if (isStopped()) return;
  console.start();
  const isUp = await waitUntilOk(`${consoleUrl(options)}/api/health`, CONSOLE_WAIT_MS, isStopped);
  if (!isUp && !isStopped()) {
    throw new LaunchError(`The console did not start:\n${tail(console.logFile)}`);
  }
}

function memberKeeper(options: LaunchOptions, at: number): ProcessKeeper {
  const plan = options.members[at];
  if (plan === undefined) throw new RangeError(`no member ${at}`);
  const client = `http://127.0.0.1:${plan.clientPort}`;
  const peer = `http://127.0.0.1:${plan.peerPort}`;
  const cluster = options.members.map(
    ({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`,
  );
  const flags = {
    name: plan.name,
    "data-dir": memberDataDir(options, plan),
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": cluster.join(","),
    "initial-cluster-state": "new",
    "initial-cluster-token": "quorate",
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return new ProcessKeeper(
    {
      name: plan.name,
      args: [...NODE_FLAGS, join(ROOT, "dist/server/etcd.js"), ...args],
      cwd: ROOT,
      env: {},
      logFile: join(options.dataDir, "logs", `${plan.name}.log`),
    },
    keeperEvents(options),
  );
}

function consoleKeeper(options: LaunchOptions, firstPassword: string | undefined): ProcessKeeper {
  const { foreign } = options;
  const [user, ...password] = foreign?.user?.split(":") ?? [];
  const endpoints =
    foreign?.endpoints ??
    options.members.map((plan) => `http://127.0.0.1:${plan.clientPort}`).join();
  return new ProcessKeeper(
    {
      name: "console",
      args: [
        ...CONSOLE_NODE_FLAGS,
        join(ROOT, "node_modules/next/dist/bin/next"),
        "start",
        `--hostname=${options.host}`,
        `--port=${options.port}`,
      ],
      cwd: ROOT,
      env: {
        NODE_ENV: "production",
        NEXT_TELEMETRY_DISABLED: "1",
        NEXTAUTH_URL: options.publicUrl ?? consoleUrl(options),
        QUORATE_DATA_DIR: join(options.dataDir, "console"),
        QUORATE_ENDPOINTS: endpoints,
        QUORATE_BUILT_IN: foreign === undefined ? "1" : undefined,
        QUORATE_CACERT: foreign?.cacert,
        QUORATE_CERT: foreign?.cert,
        QUORATE_KEY: foreign?.key,
        QUORATE_USER: user,
        QUORATE_USER_PASSWORD: password.length === 0 ? undefined : password.join(":"),
        QUORATE_ADMIN_PASSWORD: process.env["QUORATE_ADMIN_PASSWORD"] ?? firstPassword,
      },
      logFile: join(options.dataDir, "logs", "console.log"),
    },
    keeperEvents(options),
  );
}

function keeperEvents(options: LaunchOptions): KeeperEvents {
  return {
    started: (name, pid) => recordRunning(options.dataDir, name, pid),
    died: (name, cause, delayMs) => {
      const log = join(options.dataDir, "logs", `${name}.log`);
      say(`${name} ended (${cause}); it starts again in ${delayMs / 1000} s. Its log: ${log}`);
    },
    notStarted: (name, cause, delayMs) =>
      say(`${name} cannot be started (${cause}); it is tried again in ${delayMs / 1000} s`),
    unrecorded: (name, cause) => say(`${name} runs, but that cannot be written down: ${cause}`),
    logStuck: (name, cause) => say(`The log of ${name} cannot be put aside: ${cause}`),
  };
}

/** A password for the first start only, unless the user chose one. */
function newPassword(options: LaunchOptions): string | undefined {
  const hasConsole = existsSync(join(options.dataDir, "console"));
  if (hasConsole || process.env["QUORATE_ADMIN_PASSWORD"] !== undefined) return undefined;
  return randomBytes(15).toString("base64url");
}

function announce(options: LaunchOptions, firstPassword: string | undefined): void {
  for (const plan of options.members) {
    say(`${plan.name}  http://127.0.0.1:${plan.clientPort}  (peers: ${plan.peerPort})`);
  }
  if (options.foreign !== undefined) say(`cluster   ${options.foreign.endpoints}`);
  const { publicUrl } = options;
  say(`console   ${consoleUrl(options)}${publicUrl === undefined ? "" : `  (as ${publicUrl})`}`);
  if (firstPassword !== undefined) {
    say(`Sign in as admin with the password ${firstPassword}  (shown only this once)`);
  }
  say("Ctrl-C stops everything.");
}

function consoleUrl(options: LaunchOptions): string {
  const wildcard = options.host === "0.0.0.0" || options.host === "::";
  const host = wildcard ? "127.0.0.1" : options.host;
  return `http://${host.includes(":") ? `[${host}]` : host}:${options.port}`;
}

async function waitUntilOk(
  url: string,
  limitMs: number,
  isStopped: () => boolean,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline && !isStopped()) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
      await response.arrayBuffer();
      if (response.ok) return true;
    } catch {
      // Not listening yet: the loop's limit decides when that becomes an error.
    }
    await delay(PROBE_PERIOD_MS);
  }
  return false;
}

function stopOnSignal(options: LaunchOptions, keepers: readonly ProcessKeeper[]): () => boolean {
  let isStopped = false;
  const stop = (): void => {
    if (isStopped) return;
    isStopped = true;
    say("Stopping …");
    void stopAll(options, keepers).then(() => process.exit(0));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return () => isStopped;
}

async function stopAll(options: LaunchOptions, keepers: readonly ProcessKeeper[]): Promise<void> {
  await Promise.all(keepers.map((keeper) => keeper.stop(STOP_GRACE_MS)));
  forgetRunning(options.dataDir);
}

function tail(path: string): string {
  if (!existsSync(path)) return "(no output)";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
