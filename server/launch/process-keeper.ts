import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { emptyFullLog, openLog } from "./log-file.ts";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
/** A process that ran this long starts over with the first, short delay. */
const BACKOFF_RESET_MS = 30_000;
const LOG_LOOK_MS = 60_000;

export interface KeptProcess {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Standard output and error go here; over 16 MiB are moved to `<file>.1`. */
  readonly logFile: string;
}

export interface KeeperEvents {
  started(name: string, pid: number): void;
  /** It ended although nobody stopped it; it comes back after `delayMs`. */
  died(name: string, cause: string, delayMs: number): void;
  /** It could not be started again; it is tried once more after `delayMs`. */
  notStarted(name: string, cause: string, delayMs: number): void;
  /** It has come back, but what `started` does with that failed. */
  unrecorded(name: string, cause: string): void;
  /** Its log is full and cannot be moved: it goes on growing. */
  logStuck(name: string, cause: string): void;
}

/** Keeps one Node process running: restarts it with a growing delay until `stop`. */
export class ProcessKeeper {
  readonly #process: KeptProcess;
  readonly #events: KeeperEvents;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #logTimer: NodeJS.Timeout | undefined;
  #delayMs = BACKOFF_FIRST_MS;
  #isStopping = false;
  #onEnd: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(process: KeptProcess, events: KeeperEvents) {
    this.#process = process;
    this.#events = events;
  }

  get name(): string {
    return this.#process.name;
  }

  get logFile(): string {
    return this.#process.logFile;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** @throws Error of the system, and what `started` throws, which leaves it running */
  start(): void {
    const { args, cwd, env, logFile, name } = this.#process;
    const log = openLog(logFile);
    this.#emptyFullLog();
    const startedAt = performance.now();
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, [...args], {
        cwd,
        env: { ...process.env, ...env },
        stdio: ["ignore", log, log],
      });
    } finally {
      closeSync(log);
    }
    this.#child = child;
    this.#logTimer = setInterval(() => this.#emptyFullLog(), LOG_LOOK_MS);
    child.on("error", (error) => this.#ended(String(error), startedAt));
    child.once("exit", (code, signal) => {
      this.#ended(signal === null ? `exit code ${code}` : `signal ${signal}`, startedAt);
    });
    if (child.pid !== undefined) this.#events.started(name, child.pid);
  }

  /** Asks it to end, and ends it after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  #stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return Promise.resolve();
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), graceMs);
    return new Promise((resolve) => {
      this.#onEnd = () => {
        clearTimeout(kill);
        resolve();
      };
    });
  }

  #ended(cause: string, startedAt: number): void {
    if (this.#child === undefined) return;
    this.#child = undefined;
    clearInterval(this.#logTimer);
    this.#onEnd?.();
    if (this.#isStopping) return;
    if (performance.now() - startedAt > BACKOFF_RESET_MS) this.#delayMs = BACKOFF_FIRST_MS;
    this.#events.died(this.name, cause, this.#delayMs);
    this.#startLater();
  }

  #startLater(): void {
    this.#timer = setTimeout(() => this.#startAgain(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, BACKOFF_MAX_MS);
  }

  /** A full disk, which may have ended it, must not end its keeper as well. */
  #startAgain(): void {
    try {
      this.start();
    } catch (error) {
      if (this.isRunning) this.#events.unrecorded(this.name, textOf(error));
      else {
        this.#events.notStarted(this.name, textOf(error), this.#delayMs);
        this.#startLater();
      }
    }
  }

  #emptyFullLog(): void {
    try {
      emptyFullLog(this.logFile);
    } catch (error) {
      this.#events.logStuck(this.name, textOf(error));
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
