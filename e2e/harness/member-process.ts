import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePorts } from "./ports.ts";
import { ETCD_34, ETCD_35, type EtcdTools } from "./tools.ts";

const OURS = join(import.meta.dirname, "../../dist/server/etcd.js");
const INSPECTION = join(import.meta.dirname, "inspection-on-signal.cjs");
const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
/** `check perf` alone takes a minute. */
const COMMAND_LIMIT_MS = 110_000;

/**
 * A leader that is stalled for so long stays the leader: by default it is one second, which on a
 * busy machine is not rare. A first election takes longer with it, and so does a leader's loss.
 */
export const CALM: readonly string[] = ["--election-timeout=4000"];

/** Whose program a member runs. */
export type Make = "quorate" | "etcd-3.4" | "etcd-3.5";

export interface MemberOptions {
  readonly make: Make;
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly dataDir: string;
  /** Empty: it finds the others by its other flags. */
  readonly initialCluster: string;
  readonly state: "new" | "existing";
  readonly flags?: readonly string[];
  /** That the system lets it have open; its own limit without. */
  readonly filesMax?: number | undefined;
  /** A command, with its first arguments, that runs the member. */
  readonly runner?: readonly string[];
}

/** One etcd member as a real process on loopback: ours or Debian's. */
export class MemberProcess {
  readonly options: MemberOptions;
  #child: ChildProcess | undefined;
  #output: string[] = [];

  constructor(options: MemberOptions) {
    this.options = options;
  }

  get clientUrl(): string {
    return `http://127.0.0.1:${this.options.clientPort}`;
  }

  get peerUrl(): string {
    return `http://127.0.0.1:${this.options.peerPort}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.options.name} does not run`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** The newest lines it wrote. */
  get output(): string {
    return this.#output.join("");
  }

  /** @param more flags for this start alone */
  start(more: readonly string[] = []): void {
    const { make, name, dataDir, initialCluster, state } = this.options;
    const args = [
      `--name=${name}`,
      `--data-dir=${dataDir}`,
      `--listen-client-urls=${this.clientUrl}`,
      `--advertise-client-urls=${this.clientUrl}`,
      `--listen-peer-urls=${this.peerUrl}`,
      `--initial-advertise-peer-urls=${this.peerUrl}`,
      ...(initialCluster === "" ? [] : [`--initial-cluster=${initialCluster}`]),
      `--initial-cluster-state=${state}`,
      ...(this.options.flags ?? []),
      ...more,
    ];
    const [command = "", ...first] = [...this.#before(), ...program(make).flat()];
    const child = spawn(command, [...first, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const keep = (chunk: Buffer): void => {
      this.#output.push(chunk.toString("utf8"));
      if (this.#output.length > 400) this.#output.splice(0, 200);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("exit", () => {
      if (this.#child === child) this.#child = undefined;
    });
    this.#child = child;
  }

  /** Resolves when it serves and the cluster has a leader. */
  async ready(): Promise<void> {
    const deadline = performance.now() + READY_LIMIT_MS;
    while (performance.now() < deadline) {
      if (this.#child === undefined) throw new Error(`${this.options.name} ended:\n${this.output}`);
      if (await this.#isHealthy()) return;
      await delay(50);
    }
    throw new Error(`${this.options.name} was not ready in 30 s:\n${this.output}`);
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Resolves when its newest lines show this. */
  async wrote(pattern: RegExp): Promise<void> {
    const deadline = performance.now() + READY_LIMIT_MS;
    while (!pattern.test(this.output)) {
      if (performance.now() > deadline) throw new Error(`no ${pattern} in:\n${this.output}`);
      await delay(50);
    }
  }

  /** Resolves with its exit code (null: a signal) when it ends by itself and its output is here. */
  ended(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return Promise.resolve(null);
    return new Promise((resolve) => child.once("close", resolve));
  }

  /** Ends it and resolves with its exit code (null: a signal) when it is gone. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const last = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    const code = await ended;
    clearTimeout(last);
    return code;
  }

  /** With what a command begins that runs another one, under limits. */
  #before(): string[] {
    const { filesMax, runner = [] } = this.options;
    return [...runner, ...(filesMax === undefined ? [] : ["prlimit", `--nofile=${filesMax}`])];
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const [health, version] = await Promise.all(
        ["health", "version"].map((path) =>
          fetch(`${this.clientUrl}/${path}`, { signal: AbortSignal.timeout(2_000) }),
        ),
      );
      if (health?.ok !== true || version === undefined) return false;
      // Until the cluster has decided on its version, every call is answered "not capable".
      const isDecided = !(await version.text()).includes('"not_decided"');
      return isDecided && (await health.text()).includes('"true"');
    } catch {
      return false;
    }
  }
}

export interface ClusterOptions {
  readonly make: Make;
  readonly size: number;
  readonly flags?: readonly string[];
  readonly filesMax?: number;
  /** Where its scratch folder is made; otherwise where the system has such folders. */
  readonly parent?: string;
}

/** Several members of one make, in a scratch folder that `stop` removes. */
export class ClusterProcess {
  readonly members: readonly MemberProcess[];
  readonly #folder: string;

  private constructor(members: readonly MemberProcess[], folder: string) {
    this.members = members;
    this.#folder = folder;
  }

  static async start(options: ClusterOptions): Promise<ClusterProcess> {
    const folder = mkdtempSync(join(options.parent ?? tmpdir(), "quorate-cluster-"));
    const ports = await freePorts(options.size * 2);
    const plans = Array.from({ length: options.size }, (_, i) => ({
      name: `m${i + 1}`,
      clientPort: ports[i * 2] as number,
      peerPort: ports[i * 2 + 1] as number,
    }));
    const initialCluster = plans
      .map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`)
      .join(",");
    const members = plans.map(
      (plan) =>
        new MemberProcess({
          ...plan,
          make: options.make,
          dataDir: join(folder, plan.name),
          initialCluster,
          state: "new",
          flags: options.flags ?? [],
          filesMax: options.filesMax,
        }),
    );
    const cluster = new ClusterProcess(members, folder);
    for (const member of members) member.start();
    try {
      await Promise.all(members.map((member) => member.ready()));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get folder(): string {
    return this.#folder;
  }

  get endpoints(): string {
    return this.members.map((member) => member.clientUrl).join(",");
  }

  member(at: number): MemberProcess {
    const member = this.members[at];
    if (member === undefined) throw new RangeError(`no member ${at}`);
    return member;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop("SIGKILL")));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const execute = promisify(execFile);

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs etcdctl (API v3) against `endpoints`. Never throws for a non-zero exit. */
export async function etcdctl(
  tools: EtcdTools,
  endpoints: string,
  args: readonly string[],
): Promise<CommandResult> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  try {
    const options = { env, timeout: COMMAND_LIMIT_MS, maxBuffer: 256 * 1024 * 1024 };
    const { stdout, stderr } = await execute(
      tools.etcdctl,
      [`--endpoints=${endpoints}`, ...args],
      options,
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: number; stdout?: string; stderr?: string };
    return { code: failed.code ?? 1, stdout: failed.stdout ?? "", stderr: failed.stderr ?? "" };
  }
}

/** Runs a member that is not to come up: how it ended, and what it wrote. */
export async function runToEnd(
  make: Make,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const [command, first] = program(make);
  const child = spawn(command, [...first, ...args], {
    env: { ...process.env, ...env },
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => written.push(chunk.toString()));
  }
  const last = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(last);
  return { code, output: written.join("") };
}

function program(make: Make): [command: string, first: string[]] {
  if (make === "etcd-3.4") return [ETCD_34.etcd, []];
  if (make === "etcd-3.5") return [ETCD_35.etcd, []];
  return [
    process.execPath,
    ["--enable-source-maps", "--max-semi-space-size=16", "--require", INSPECTION, OURS],
  ];
}
