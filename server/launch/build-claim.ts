import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../base/system-error.ts";
import { LaunchError } from "./options.ts";
import { isOurs } from "./preflight.ts";

// A checkout has one build, and every start from it runs that one. So only one start builds at a
// time, and none builds while another runs what it would replace. Both are noted as files that hold
// process ids, in a folder beside the installed packages; what a dead process left counts for
// nothing.

const FOLDER = "node_modules/.cache/quorate/starts";
const LOCK = "building";
const POLL_MS = 200;

export class BuildClaim {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Waits until no other start builds. `say` hears once what is waited for. */
  static async take(root: string, say: (line: string) => void): Promise<BuildClaim> {
    const folder = join(root, FOLDER);
    mkdirSync(folder, { recursive: true });
    let told: number | undefined;
    for (;;) {
      const holder = tryLock(folder);
      if (holder === undefined) break;
      if (holder !== told) say(`Another start (process ${holder}) is building; waiting for it …`);
      told = holder;
      await delay(POLL_MS);
    }
    process.once("exit", () => {
      rmSync(join(folder, String(process.pid)), { force: true });
      if (pidIn(join(folder, LOCK)) === process.pid) rmSync(join(folder, LOCK));
    });
    return new BuildClaim(folder);
  }

  /** Throws LaunchError while another start runs what a new build would replace. */
  refuseWhileInUse(): void {
    for (const name of readdirSync(this.#folder)) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) continue;
      if (!isOurs(pid)) {
        rmSync(join(this.#folder, name), { force: true });
        continue;
      }
      throw new LaunchError(
        `The sources have changed, and process ${pid} still runs what was built of them before; ` +
          `stop it first with: kill ${pid}`,
      );
    }
  }

  /** From now on this process runs the build, until it ends; others may look at it again. */
  release(): void {
    writeFileSync(join(this.#folder, String(process.pid)), "");
    rmSync(join(this.#folder, LOCK));
  }
}

/** Undefined when this process holds the lock now; otherwise who does. */
function tryLock(folder: string): number | undefined {
  const path = join(folder, LOCK);
  const own = join(folder, `${LOCK}.${process.pid}`);
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return undefined;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    rmSync(own);
  }
  const holder = pidIn(path);
  if (holder !== undefined && holder !== process.pid && isOurs(holder)) return holder;
  const leftover = join(folder, `${LOCK}.left.${process.pid}`);
  if (!moved(path, leftover)) return tryLock(folder);
  // Between the look and the move another start may have locked anew: then this is its lock.
  if (pidIn(leftover) !== holder) {
    try {
      linkSync(leftover, path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
  rmSync(leftover, { force: true });
  return tryLock(folder);
}

/** Whether it was still there. */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    return false;
  }
}

function pidIn(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    return undefined;
  }
}
