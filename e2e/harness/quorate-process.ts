import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePortRow, freePorts } from "./ports.ts";

const ROOT = join(import.meta.dirname, "../..");
const LAUNCH = join(ROOT, "server/launch.ts");
const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 20_000;

export const ADMIN_PASSWORD = "correct horse battery staple";

export interface QuorateOptions {
  /** Members of the built-in cluster; 0 with `endpoints`. */
  readonly members?: 1 | 3 | 5;
  readonly endpoints?: string;
  /** With `endpoints`: NAME:PASSWORD for etcd. */
  readonly user?: string;
  /** Kept by the caller; otherwise a scratch folder that `stop` removes. */
  readonly dataDir?: string;
  readonly password?: string | undefined;
}

/** What `npm start` runs, as a real process on free ports. */
export class QuorateProcess {
  readonly port: number;
  readonly clientPortBase: number;
  readonly dataDir: string;
  readonly #options: QuorateOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = "";

  private constructor(options: QuorateOptions, port: number, base: number, dataDir: string) {
    this.port = port;
    this.clientPortBase = base;
    this.dataDir = dataDir;
    this.#options = options;
    this.#child = spawn(process.execPath, [LAUNCH, ...this.#args()], {
      cwd: ROOT,
      env: { ...process.env, QUORATE_ADMIN_PASSWORD: options.password ?? ADMIN_PASSWORD },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk: Buffer): void => {
      this.#output += chunk.toString("utf8");
    };
    this.#child.stdout?.on("data", keep);
    this.#child.stderr?.on("data", keep);
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** Resolves when everything is up. `again` reuses ports and data of an earlier one. */
  static async start(options: QuorateOptions, again?: QuorateProcess): Promise<QuorateProcess> {
    const dataDir =
      again?.dataDir ?? options.dataDir ?? mkdtempSync(join(tmpdir(), "quorate-start-"));
    const port = again?.port ?? (await freePorts(1))[0] ?? 0;
    const base = again?.clientPortBase ?? (await freePortRow(10 * (options.members ?? 3)));
    const quorate = new QuorateProcess(options, port, base, dataDir);
    await quorate.#ready();
    return quorate;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get output(): string {
    return this.#output;
  }

  /** Client URL of member `at`, counted from 0. */
  memberUrl(at: number): string {
    return `http://127.0.0.1:${this.clientPortBase + 10 * at}`;
  }

  async waitForOutput(pattern: RegExp, limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!pattern.test(this.#output)) {
      if (performance.now() > deadline) throw new Error(`no ${pattern} in:\n${this.#output}`);
      await delay(50);
    }
  }

  /** Ctrl-C; resolves with the exit code and how long it took. */
  async interrupt(signal: NodeJS.Signals = "SIGINT"): Promise<{ code: number | null; ms: number }> {
    const startedAt = performance.now();
    this.#child.kill(signal);
    const last = setTimeout(() => this.#child.kill("SIGKILL"), STOP_LIMIT_MS);
    const code = await this.#ended;
    clearTimeout(last);
    return { code, ms: performance.now() - startedAt };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.interrupt();
    if (this.#options.dataDir === undefined) rmSync(this.dataDir, { recursive: true, force: true });
  }

  #args(): string[] {
    const { endpoints, members, user } = this.#options;
    const cluster =
      endpoints === undefined
        ? [`--members=${members ?? 3}`, `--client-port-base=${this.clientPortBase}`]
        : [`--endpoints=${endpoints}`];
    const access = user === undefined ? [] : [`--user=${user}`];
    return [`--port=${this.port}`, `--data-dir=${this.dataDir}`, ...cluster, ...access];
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + READY_LIMIT_MS;
    while (!this.#output.includes("Ctrl-C stops everything.")) {
      if (this.#child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`npm start did not come up:\n${this.#output}`);
      }
      await delay(50);
    }
  }
}

export interface RefusedStart {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs the launcher with arguments that it should refuse; resolves when it ended. */
export function refusedStart(args: readonly string[]): Promise<RefusedStart> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [LAUNCH, ...args], { cwd: ROOT });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8");
    });
    child.once("close", (code) => resolve({ code, stderr }));
  });
}
