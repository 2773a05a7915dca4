import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A process sees mounts that nobody else does. */
const OWN_MOUNTS = ["unshare", "--mount", "--propagation=private", "sh", "-c"] as const;
const CHUNK = Buffer.alloc(1024 * 1024);

/** Whether this user may give a process a disk of its own. */
export const MAY_MOUNT = mayMount();

function mayMount(): boolean {
  const [command, ...args] = OWN_MOUNTS;
  return spawnSync(command, [...args, "mount -t tmpfs tmpfs /mnt"]).status === 0;
}

/** The first words of a command whose process finds a disk of this size at `folder`. */
export function onSmallDisk(folder: string, mebibytes: number): readonly string[] {
  const script = `mount -t tmpfs -o size=${mebibytes}m tmpfs "$1" && shift && exec "$@"`;
  return [...OWN_MOUNTS, script, "sh", folder];
}

/** Leaves the disk that the process `pid` sees at `folder` without room. */
export function fillDisk(pid: number, folder: string): void {
  const file = openSync(join(`/proc/${pid}/root`, folder, "rest"), "w");
  try {
    for (;;) writeSync(file, CHUNK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}
