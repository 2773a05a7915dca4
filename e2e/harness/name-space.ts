import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";

export const DNS_PORT = 53;

/** Whether this user may give a process a name server of its own. */
export const MAY_CHANGE_NAMES = spawnSync("unshare", ["--mount", "true"]).status === 0;

/**
 * The first words of a command whose process asks the name server at `address`, port 53, and no
 * other: it sees a file of its own where the system's list of name servers is.
 *
 * @param file is written
 */
export function askingOnly(address: string, file: string): readonly string[] {
  writeFileSync(file, `nameserver ${address}\noptions timeout:2 attempts:2\n`);
  const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  return ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", file];
}
