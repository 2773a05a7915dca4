import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { hasCode } from "../base/system-error.ts";
import { LaunchError, type LaunchOptions, memberDataDir } from "./options.ts";

/** What an earlier start wrote down about the data folder, in `<data>/launch.json`. */
interface LaunchRecord {
  /** Client ports in member order: a cluster's ports are fixed when it is made. */
  readonly clientPorts: readonly number[];
  /** The cluster has had a leader: from now on every member's data must be there. */
  readonly isFormed: boolean;
}

/** A word of the command line of this launcher, of a member or of the console. */
const OWN_PROGRAM = /(^|\/)launch\.ts$|(^|\/)etcd\.js$|\/next\/dist\/bin\/next$|^next-server\b/;

/** Processes of the start that runs now, in `<data>/running.json`. */
type RunningRecord = Readonly<Record<string, number>>;

/** Makes the data folder, or says why it cannot be used. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(join(dataDir, "logs"), { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK);
    const probe = join(dataDir, ".writable");
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (error) {
    throw new LaunchError(`The data folder ${dataDir} cannot be written: ${reason(error)}.`);
  }
}

/** An earlier start must be over: two on one data folder would fight for its files. */
export function refuseSecondStart(dataDir: string): void {
  for (const [name, pid] of Object.entries(readRunning(dataDir))) {
    if (!isOurs(pid)) continue;
    const what =
      name === "launcher"
        ? `Quorate already runs over ${dataDir} (process ${pid})`
        : `An earlier start over ${dataDir} was cut off and left ${name} running (process ${pid})`;
    throw new LaunchError(`${what}; stop it with: kill ${pid}`);
  }
}

export function recordRunning(dataDir: string, name: string, pid: number): void {
  writeJson(join(dataDir, "running.json"), { ...readRunning(dataDir), [name]: pid });
}

export function forgetRunning(dataDir: string): void {
  rmSync(join(dataDir, "running.json"), { force: true });
}

/** The cluster in the data folder must be the one that the options ask for, and whole. */
export function checkCluster(options: LaunchOptions): void {
  const record = readRecord(options.dataDir);
  if (record === undefined || options.members.length === 0) return;
  const asked = options.members.map((plan) => plan.clientPort);
  if (record.clientPorts.join() !== asked.join()) {
    throw new LaunchError(
      `The cluster in ${options.dataDir} has ${record.clientPorts.length} member(s) on client ports ` +
        `${record.clientPorts.join(", ")}, not ${asked.join(", ")}; start it as it was made or choose ` +
        "another --data-dir.",
    );
  }
  if (!record.isFormed) return;
  const lost = options.members.filter((plan) => !existsSync(memberDataDir(options, plan)));
  if (lost.length > 0) {
    throw new LaunchError(
      `The data of ${lost.map((plan) => plan.name).join(" and ")} is missing from ${options.dataDir}; ` +
        "put it back, or remove the folder to start an empty cluster.",
    );
  }
}

export function recordCluster(options: LaunchOptions, isFormed: boolean): void {
  if (options.members.length === 0) return;
  const before = readRecord(options.dataDir);
  const record: LaunchRecord = {
    clientPorts: options.members.map((plan) => plan.clientPort),
    isFormed: isFormed || (before?.isFormed ?? false),
  };
  writeJson(join(options.dataDir, "launch.json"), record);
}

/** Every port that will be needed must be free now. */
export async function checkPorts(options: LaunchOptions): Promise<void> {
  await checkPort(options.host, options.port, "the console", "--port");
  for (const plan of options.members) {
    await checkPort("127.0.0.1", plan.clientPort, plan.name, "--client-port-base");
    await checkPort("127.0.0.1", plan.peerPort, plan.name, "--client-port-base");
  }
}

function checkPort(host: string, port: number, who: string, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is in use by another program" : reason(error);
      reject(
        new LaunchError(
          `Port ${port} on ${host}, which ${who} needs, ${why}; free it or choose another with ${option}.`,
        ),
      );
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

function readRecord(dataDir: string): LaunchRecord | undefined {
  return readJson<LaunchRecord>(join(dataDir, "launch.json"));
}

function readRunning(dataDir: string): RunningRecord {
  return readJson<RunningRecord>(join(dataDir, "running.json")) ?? {};
}

function readJson<T>(path: string): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (error) {
    throw new LaunchError(`${path} cannot be read: ${reason(error)}.`);
  }
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.part`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  renameSync(`${path}.part`, path);
}

/** Alive, and one of our own programs rather than a stranger that got the same number since. */
export function isOurs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Of another user, and alive.
    if (!hasCode(error, "EPERM")) return false;
  }
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.some((word) => OWN_PROGRAM.test(word));
  } catch {
    // It has just ended, or this system does not tell.
    return !existsSync(`/proc/self/cmdline`);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
