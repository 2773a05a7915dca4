import { existsSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm";
/** An etcd writes its log in files of 64 MB, and keeps five of them and two that come next. */
const ROOM_BYTES_MIN = 1 << 30;

/** A folder in memory, where syncing costs nothing, if there is one with room; else on the disk. */
export function memoryFolder(): string {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize >= ROOM_BYTES_MIN ? MEMORY : tmpdir();
}
