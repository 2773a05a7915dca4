// The file LOCK names the process that holds the directory: process id, start time, boot, PID
// namespace. A process of the same namespace judges it by these alone, at once; so a lock left by a
// crash is taken over although its process id lives on in another program.
//
// In another container the process id says nothing. So a holder writes its lock again every second,
// and who finds the lock of another namespace watches it: held while it is written, left when it was
// not for a while. What is compared is one time of the file with another of the same file; no clock
// that jumps is asked. A holder that stood still for longer (a paused container) and was taken for
// dead sees another name in its lock, and stops; it looks before it writes anything more.

import {
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { BackgroundClock, type Cancel, type Clock } from "../base/clock.ts";
import { hasCode } from "../base/system-error.ts";

const FILE = "LOCK";
const BEAT_MS = 1000;
/** After so long without a beat the holder looks once more before it writes to the directory. */
const DOUBT_MS = 2500;
/** A lock that was not written for so many looks, one behind the other, was left by a crash. */
const LOOKS = 10;
const LOOK_MS = 500;
/** How often the lock may change hands or vanish under our eyes. */
const ATTEMPTS_MAX = 10;

export interface DirectoryLockOptions {
  /** Told that the start waits, at most `limitMs`, to see whether process `pid` still holds it. */
  readonly onWait?: ((pid: number, limitMs: number) => void) | undefined;
  readonly clock?: Clock;
}

/** Keeps a second process out of a directory. */
export class DirectoryLock {
  /** Another process holds the directory now; told every second. */
  onLost: ((error: Error) => void) | undefined;
  readonly #path: string;
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #clock: Clock;
  readonly #cancel: Cancel;
  #beatenMs: number;
  #loss: Error | undefined;

  private constructor(path: string, name: string, handle: FileHandle, clock: Clock) {
    this.#path = path;
    this.#name = name;
    this.#handle = handle;
    this.#clock = clock;
    this.#beatenMs = clock.monotonic();
    this.#cancel = clock.every(BEAT_MS, () => this.#beat());
  }

  /**
   * Waits while it cannot be known whether the holder lives. Throws when a living process, or this
   * one, holds the directory.
   */
  static async acquire(
    directory: string,
    options: DirectoryLockOptions = {},
  ): Promise<DirectoryLock> {
    const path = join(directory, FILE);
    const clock = options.clock ?? new BackgroundClock();
    const self = describeProcess(process.pid);
    // Two containers may start at once, and both as process 1.
    const own = `${path}.${process.pid}-${/\d+/.exec(self.namespace)?.[0] ?? ""}`;
    const handle = await open(own, "w", 0o600);
    try {
      const name = nameOf(self);
      await handle.write(name, 0);
      await handle.sync();
      await settle(directory, { own, path, clock, onWait: options.onWait });
      return new DirectoryLock(path, name, handle, clock);
    } catch (error) {
      await handle.close();
      throw error;
    } finally {
      rmSync(own, { force: true });
    }
  }

  /**
   * For whoever is about to write: next to nothing, unless this process has stood still.
   * @throws Error when another process has taken the directory over
   */
  confirm(): void {
    if (this.#clock.monotonic() - this.#beatenMs > DOUBT_MS) this.#beat();
    if (this.#loss !== undefined) throw this.#loss;
  }

  async release(): Promise<void> {
    this.#cancel();
    await this.#handle.close();
    if (readLock(this.#path) === this.#name) rmSync(this.#path, { force: true });
  }

  /** At once, and not in the pool, where whatever else hangs would make this process look dead. */
  #beat(): void {
    try {
      // One that somebody has removed is nobody else's.
      const name = readLock(this.#path) ?? this.#name;
      if (name === this.#name) {
        writeSync(this.#handle.fd, name, 0);
        this.#beatenMs = this.#clock.monotonic();
        return;
      }
      const { pid } = parseName(name);
      this.#loss = new Error(`${this.#path} was taken over by process ${pid}`);
    } catch {
      // A disk that refuses this tells the log as well. Who takes the lock over now is noticed.
      return;
    }
    this.onLost?.(this.#loss);
  }
}

interface Claim {
  /** The file that becomes the lock. */
  readonly own: string;
  readonly path: string;
  readonly clock: Clock;
  readonly onWait: DirectoryLockOptions["onWait"];
}

/** Returns when the lock is the claim's. */
async function settle(directory: string, claim: Claim): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (link(claim)) return;
    const name = readLock(claim.path);
    if (name === undefined) continue;
    const holder = parseName(name);
    if (isForeign(holder)) {
      claim.onWait?.(holder.pid, LOOKS * LOOK_MS);
      const seen = await watch(claim, name);
      if (seen === "changed") continue;
      if (seen === "beating") {
        throw new Error(`${directory} is in use by process ${holder.pid} of another container`);
      }
    } else if (isRunning(holder)) {
      throw new Error(`${directory} is in use by process ${holder.pid}`);
    }
    renameSync(claim.own, claim.path);
    return;
  }
  throw new Error(`${directory} is in use by processes that start and end`);
}

/** False: there is a lock already. */
function link({ own, path }: Claim): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** What becomes of a lock while one looks: written again, not touched, or no longer the same. */
async function watch(
  { path, clock }: Claim,
  name: string,
): Promise<"beating" | "still" | "changed"> {
  const first = writtenAt(path);
  for (let look = 0; look < LOOKS; look++) {
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    if (readLock(path) !== name) return "changed";
    if (writtenAt(path) !== first) return "beating";
  }
  return "still";
}

function writtenAt(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
}

/** A process as a lock names it. Without /proc all but the first is empty. */
interface ProcessName {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startedAt: string;
  readonly boot: string;
  /** Also empty in locks that were written before it was recorded. */
  readonly namespace: string;
}

/** One line. */
function nameOf({ pid, startedAt, boot, namespace }: ProcessName): string {
  return `${pid} ${startedAt} ${boot} ${namespace}\n`;
}

function parseName(name: string): ProcessName {
  const [pid = "", startedAt = "", boot = "", namespace = ""] = name.replace("\n", "").split(" ");
  return { pid: Number.parseInt(pid, 10), startedAt, boot, namespace };
}

/** A process of our own namespace. */
function describeProcess(pid: number): ProcessName {
  // The second field is the program's name in parentheses, and may hold spaces itself.
  const fields = readProc(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  const boot = readProc("/proc/sys/kernel/random/boot_id").trim();
  return { pid, startedAt: fields[19] ?? "", boot, namespace: ownNamespace() };
}

/** Whether its process id may live, but where we cannot see it. */
function isForeign({ boot, namespace }: ProcessName): boolean {
  const self = describeProcess(process.pid);
  if (boot === "" || boot !== self.boot) return false;
  return namespace !== "" && self.namespace !== "" && namespace !== self.namespace;
}

function isRunning({ pid, startedAt, boot }: ProcessName): boolean {
  if (!isAlive(pid)) return false;
  const found = describeProcess(pid);
  return found.startedAt === startedAt && found.boot === boot;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, under another user.
    return hasCode(error, "EPERM");
  }
}

/** As `pid:[4026531836]`. */
function ownNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Undefined: nobody holds the lock. */
function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
