import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const FILE = "LOCK";

/**
 * Keeps a second process out of a directory. The holder is named by process id, start time and
 * boot, so that a lock left by a crash is taken over although its process id lives on in another
 * program. Processes that cannot see each other (containers) are not kept apart.
 */
export class DirectoryLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws when a living process, or this one, holds the directory. */
  static acquire(directory: string): DirectoryLock {
    const path = join(directory, FILE);
    const own = `${path}.${process.pid}`;
    const fd = openSync(own, "w", 0o600);
    try {
      writeSync(fd, describeProcess(process.pid));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    try {
      linkSync(own, path);
    } catch (error) {
      if (!isExisting(error)) throw error;
      takeOver(own, path, directory);
    } finally {
      rmSync(own, { force: true });
    }
    return new DirectoryLock(path);
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }
}

function takeOver(own: string, path: string, directory: string): void {
  const holder = readFileSync(path, "utf8");
  const pid = Number.parseInt(holder, 10);
  if (isAlive(pid) && describeProcess(pid) === holder) {
    throw new Error(`${directory} is in use by process ${pid}`);
  }
  renameSync(own, path);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, under another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** One line: id, start time since boot, boot id; the latter two are empty without /proc. */
function describeProcess(pid: number): string {
  // The second field is the program's name in parentheses, and may hold spaces itself.
  const fields = readProc(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  return `${pid} ${fields[19] ?? ""} ${readProc("/proc/sys/kernel/random/boot_id").trim()}\n`;
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}
