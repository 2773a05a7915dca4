import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Log, LogFields } from "../base/log.ts";
import { hasCode, systemProblem } from "../base/system-error.ts";
import type { Config } from "../config.ts";

/** Where a member keeps what. */
export interface DataFolder {
  readonly wal: string;
  readonly state: string;
  /** Databases on their way in; a start looks which there are, and clears it. */
  readonly incoming: string;
}

const OWNER_ONLY = 0o700;
/** What a data folder holds once a member has been started in it. */
const MEMBER = "member";
/** The same of the proxy of etcd 2. */
const PROXY = "proxy";
/** As etcd's, by which it finds out whether it may write. */
const TRIAL = ".touch";

/** A data folder that cannot be started from; its text is the headline of what is logged. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
  readonly fields: LogFields;

  constructor(headline: string, fields: LogFields = {}) {
    super(headline);
    this.fields = fields;
  }
}

/**
 * Whether a member has been started in it before. Warns of what does not belong there.
 * @throws DataFolderError
 */
export function noteDataFolder(log: Log, dataDir: string): "new" | "initialized" {
  const found = namesIn(dataDir);
  for (const filename of found.filter((name) => name !== MEMBER && name !== PROXY)) {
    log.warn("found invalid file under data directory", { filename, "data-dir": dataDir });
  }
  if (found.includes(PROXY)) {
    const both = "invalid datadir; both member and proxy directories exist";
    if (found.includes(MEMBER)) throw new DataFolderError(both);
    throw new DataFolderError("the proxy of etcd 2 is not part of this program", { dir: dataDir });
  }
  if (!found.includes(MEMBER)) return "new";
  const fields = { "data-dir": dataDir, "dir-type": MEMBER };
  log.info("server has been already initialized", fields);
  return "initialized";
}

function namesIn(dataDir: string): string[] {
  try {
    return readdirSync(dataDir).sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    const isFile = hasCode(error, "ENOTDIR") && existsSync(dataDir);
    const problem = systemProblem(error, `${isFile ? "readdirent" : "open"} ${dataDir}`);
    throw new DataFolderError("failed to list data directory", { dir: dataDir, error: problem });
  }
}

/**
 * Makes the folders that are not there, for their owner alone. One that is there may belong to
 * somebody else, as a volume's does in a container: it is left as it is, with a warning.
 * @throws Error with etcd's text
 */
export function openDataFolder(config: Pick<Config, "dataDir" | "walDir">, log: Log): DataFolder {
  const member = join(config.dataDir, MEMBER);
  for (const folder of [config.dataDir, member]) touchFolder(folder, log);
  const incoming = join(member, "incoming");
  mkdirSync(incoming, { recursive: true, mode: OWNER_ONLY });
  return {
    wal: config.walDir === "" ? join(member, "wal") : config.walDir,
    state: statePathOf(config),
    incoming,
  };
}

export function statePathOf({ dataDir }: Pick<Config, "dataDir">): string {
  return join(dataDir, MEMBER, "state");
}

function touchFolder(path: string, log: Log): void {
  const refuse = (problem: string): never => {
    throw new Error(`cannot access data directory: ${problem}`);
  };
  if (existsSync(path)) warnOfMode(path, log);
  else {
    try {
      makeFolder(path);
    } catch (error) {
      refuse(systemProblem(error));
    }
  }
  const trial = resolve(path, TRIAL);
  try {
    writeFileSync(trial, "", { mode: 0o600 });
    rmSync(trial);
  } catch (error) {
    refuse(systemProblem(error, `open ${trial}`));
  }
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
