import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Log } from "../base/log.ts";
import { hasCode } from "../base/system-error.ts";
import type { Config } from "../config.ts";

/** Where a member keeps what. */
export interface DataFolder {
  readonly wal: string;
  readonly state: string;
  /** Databases on their way in; a start looks which there are, and clears it. */
  readonly incoming: string;
}

const OWNER_ONLY = 0o700;

/**
 * Makes the folders that are not there, for their owner alone. One that is there may belong to
 * somebody else, as a volume's does in a container: it is left as it is, with a warning.
 * @throws Error with etcd's text
 */
export function openDataFolder(config: Pick<Config, "dataDir" | "walDir">, log: Log): DataFolder {
  const member = join(config.dataDir, "member");
  try {
    makeFolder(resolve(member));
    accessSync(config.dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    warnOfMode(config.dataDir, log);
  } catch (error) {
    throw new Error(`cannot access data directory: ${(error as Error).message}`);
  }
  const incoming = join(member, "incoming");
  mkdirSync(incoming, { recursive: true, mode: OWNER_ONLY });
  return {
    wal: config.walDir === "" ? join(member, "wal") : config.walDir,
    state: statePathOf(config),
    incoming,
  };
}

export function statePathOf({ dataDir }: Pick<Config, "dataDir">): string {
  return join(dataDir, "member", "state");
}

/** Node's own recursive mkdir never returns where a file system refuses with ENOENT, as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: OWNER_ONLY });
  } catch (error) {
    // Somebody else has made it in between.
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

function warnOfMode(path: string, log: Log): void {
  const mode = statSync(path).mode & 0o777;
  if (mode === OWNER_ONLY) return;
  const isSet = (at: number): boolean => (mode & (0o400 >> at)) !== 0;
  const letters = Array.from("rwxrwxrwx", (letter, at) => (isSet(at) ? letter : "-"));
  log.warn("check file permission", {
    error:
      `directory ${JSON.stringify(path)} exist, but the permission is "d${letters.join("")}". ` +
      'The recommended permission is "-rwx------" to prevent possible unprivileged access ' +
      "to the data",
  });
}
