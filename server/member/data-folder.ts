import { accessSync, chmodSync, constants, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Config } from "../config.ts";

/** Where a member keeps what. */
export interface DataFolder {
  readonly wal: string;
  readonly state: string;
  /** Databases on their way in; nothing in it outlives the process. */
  readonly incoming: string;
}

const OWNER_ONLY = 0o700;

/** Makes the folders, for their owner alone. @throws Error with etcd's text */
export function openDataFolder(config: Pick<Config, "dataDir" | "walDir">): DataFolder {
  const member = join(config.dataDir, "member");
  try {
    makeFolder(resolve(member));
    accessSync(config.dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    chmodSync(config.dataDir, OWNER_ONLY);
  } catch (error) {
    throw new Error(`cannot access data directory: ${(error as Error).message}`);
  }
  const incoming = join(member, "incoming");
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming, { mode: OWNER_ONLY });
  return {
    wal: config.walDir === "" ? join(member, "wal") : config.walDir,
    state: join(member, "state"),
    incoming,
  };
}

/** Node's own recursive mkdir never returns where a file system refuses with ENOENT, as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: OWNER_ONLY });
}
