// The log of a kept process, which holds it open for as long as it runs: a full file is copied to
// `<file>.1` and emptied in place, and what is open for appending goes on at its new beginning. What
// is written while the copy is made is copied too; only a line that comes between the last look and
// the emptying, microseconds later, can be lost.
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";

export const LOG_BYTES_MAX = 16 * 1024 * 1024;

const PIECE_BYTES = 1024 * 1024;

/** For the process that is to write it. Only its owner may read it. */
export function openLog(path: string): number {
  return openSync(path, "a", 0o600);
}

/**
 * Empties a log that is over its limit; what stood in it is then in `<path>.1`, in place of what was
 * there before.
 * @throws Error of the system; both are as they were then
 */
export function emptyFullLog(path: string, bytesMax = LOG_BYTES_MAX): void {
  const log = openSync(path, "r+");
  try {
    if (fstatSync(log).size <= bytesMax) return;
    copyAll(log, `${path}.new`);
    renameSync(`${path}.new`, `${path}.1`);
    ftruncateSync(log);
  } catch (error) {
    rmSync(`${path}.new`, { force: true });
    throw error;
  } finally {
    closeSync(log);
  }
}

function copyAll(log: number, path: string): void {
  const copy = openSync(path, "w", 0o600);
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let at = 0; ; ) {
      const read = readSync(log, piece, 0, piece.length, at);
      if (read === 0) return;
      for (let from = 0; from < read; ) from += writeSync(copy, piece, from, read - from);
      at += read;
    }
  } finally {
    closeSync(copy);
  }
}
