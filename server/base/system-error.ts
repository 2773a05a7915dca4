/** In etcd's log, and so in what tools look for, stand the system's own words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "disk quota exceeded",
  EEXIST: "file exists",
  EFBIG: "file too large",
  EIO: "input/output error",
  EISDIR: "is a directory",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "file name too long",
  ENFILE: "too many open files in system",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
};

/** Whether a call of the system failed for this reason, as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/**
 * What failed, where and why, as Go says it: `open a: permission denied`. Of any other error what
 * it says itself.
 * @param about instead of the call and the path that Node knows
 */
export function systemProblem(error: unknown, about?: string): string {
  if (!(error instanceof Error)) return String(error);
  const { code = "", syscall, path } = error as NodeJS.ErrnoException;
  const reason = REASONS[code];
  if (reason === undefined || syscall === undefined) return error.message;
  return `${about ?? [syscall, path].filter((part) => part !== undefined).join(" ")}: ${reason}`;
}
