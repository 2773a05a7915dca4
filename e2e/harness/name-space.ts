import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";

export const DNS_PORT = 53;

const OWN_MOUNTS = ["unshare", "--mount", "--propagation=private", "sh", "-c"] as const;
/** An address of loopback's for each run, since the port is given. */
export const NAME_SERVER_ADDRESS = `127.${process.pid & 0x7f}.${(process.pid >> 7) & 0xff}.53`;

/**
 * Whether this user may give a process a name server of its own. That unshare succeeds is not
 * enough: a container may refuse the mount that comes next, or the port of the name server.
 */
export const MAY_CHANGE_NAMES = mayReplaceServerList() && (await mayServeNames());

function mayReplaceServerList(): boolean {
  const [command, ...args] = OWN_MOUNTS;
  const script = "mount --bind /dev/null /etc/resolv.conf";
  return spawnSync(command, [...args, script]).status === 0;
}

async function mayServeNames(): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind(DNS_PORT, NAME_SERVER_ADDRESS);
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

/**
 * The first words of a command whose process asks the name server at `address`, port 53, and no
 * other: it sees a file of its own where the system's list of name servers is.
 *
 * @param file is written
 */
export function askingOnly(address: string, file: string): readonly string[] {
  writeFileSync(file, `nameserver ${address}\noptions timeout:2 attempts:2\n`);
  const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  return [...OWN_MOUNTS, script, "sh", file];
}
