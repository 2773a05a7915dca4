import { readFileSync, statSync } from "node:fs";

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * What some files hold, read again when one of them has changed. They are small and looked at once
 * for a handshake, so all of it is synchronous: a handshake sees the files of one moment.
 */
export class ReloadedFiles<T> {
  readonly #paths: readonly string[];
  readonly #parse: (contents: readonly Buffer[]) => T;
  readonly #read: (path: string) => Buffer;
  /** Of the versions that were last read whole, and what they came to, be it a failure. */
  #mark: string | undefined;
  #outcome: Outcome<T> | undefined;

  /** @param parse gets the files in the order of their paths; may throw */
  constructor(
    paths: readonly string[],
    parse: (contents: readonly Buffer[]) => T,
    read: (path: string) => Buffer = readWhole,
  ) {
    this.#paths = paths;
    this.#parse = parse;
    this.#read = read;
  }

  /** @throws Error with Go's words when a file cannot be read, and whatever `parse` throws */
  get value(): T {
    // The mark is taken first: a file that changes while it is read is read again next time.
    const mark = this.#paths.map(markOf).join();
    if (this.#outcome === undefined || mark !== this.#mark) {
      // What cannot be read now may be readable a moment later, unchanged: too many open files.
      const contents = this.#paths.map((path) => this.#read(path));
      this.#outcome = this.#parsed(contents);
      this.#mark = mark;
    }
    if ("error" in this.#outcome) throw this.#outcome.error;
    return this.#outcome.value;
  }

  #parsed(contents: readonly Buffer[]): Outcome<T> {
    try {
      return { value: this.#parse(contents) };
    } catch (error) {
      return { error };
    }
  }
}

/** @throws Error with Go's words */
export function readWhole(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw isSystemError(error) ? openError(error) : error;
  }
}

/** Whether this, thrown here, says that a file is not there. */
export function isMissingFile(error: unknown): boolean {
  return error instanceof Error && isSystemError(error.cause) && error.cause.code === "ENOENT";
}

function markOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino}/${size}/${mtimeNs}/${ctimeNs}`;
  } catch (error) {
    if (isSystemError(error)) throw openError(error);
    throw error;
  }
}

interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "syscall" in error && "code" in error;
}

/** As Go words it: `open /certs/server.pem: no such file or directory`. */
function openError(error: SystemError): Error {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EISDIR: "is a directory",
  };
  const path = error.path ?? "";
  return new Error(`open ${path}: ${reasons[error.code] ?? error.code}`, { cause: error });
}
