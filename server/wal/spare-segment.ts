import { existsSync, statSync } from "node:fs";
import { type FileHandle, open, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { ZEROS } from "./segment.ts";

const SPARE = "spare";
/** A spare that is being filled; left by a crash it is filled again. */
const UNFINISHED = "spare.new";

/**
 * The file that becomes the next segment. Its blocks are on disk already, so that syncing an append
 * moves no metadata (a third faster than a growing file). A segment that nobody needs becomes the
 * spare as it is: what it holds verifies under no other number.
 *
 * All work happens in the background, one job after the other.
 */
export class SpareSegment {
  readonly #directory: string;
  readonly #bytes: number;
  readonly #onError: (error: unknown) => void;
  #work: Promise<void> = Promise.resolve();

  /** @param onError a background job failed; the directory is not to be trusted any more */
  constructor(directory: string, bytes: number, onError: (error: unknown) => void) {
    this.#directory = directory;
    this.#bytes = bytes;
    this.#onError = onError;
  }

  /** Makes a spare if there is none. */
  prepare(): void {
    this.#enqueue(async () => {
      try {
        await this.#ensure();
      } catch {
        // Too early to fail: whoever takes the spare tries again, and then it counts.
        await rm(this.#path(UNFINISHED), { force: true });
      }
    });
  }

  /** Takes a segment's file that is not needed any more. */
  recycle(path: string): void {
    this.#enqueue(async () => {
      if (existsSync(this.#path(SPARE)) || statSync(path).size < this.#bytes) {
        await rm(path);
      } else {
        // Not shortened under its old name: after a crash it might still be read there.
        await rename(path, this.#path(UNFINISHED));
        await truncate(this.#path(UNFINISHED), this.#bytes);
        await rename(this.#path(UNFINISHED), this.#path(SPARE));
      }
      await syncDirectory(this.#directory);
    });
  }

  /** Gives the spare its place, durably. Waits for the jobs before it, and for a spare. */
  async take(path: string): Promise<void> {
    await this.#work;
    await this.#ensure();
    await rename(this.#path(SPARE), path);
    await syncDirectory(this.#directory);
  }

  /** Resolves when nothing goes on in the directory. */
  async settle(): Promise<void> {
    await this.#work;
  }

  #enqueue(job: () => Promise<void>): void {
    this.#work = this.#work.then(job).catch(this.#onError);
  }

  async #ensure(): Promise<void> {
    const spare = this.#path(SPARE);
    if (existsSync(spare)) {
      if (statSync(spare).size === this.#bytes) return;
      await rm(spare);
    }
    const unfinished = this.#path(UNFINISHED);
    await fillWithZeros(unfinished, this.#bytes);
    await rename(unfinished, spare);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** Creates the file, or overwrites it; durable, its name apart. */
export async function fillWithZeros(path: string, bytes: number): Promise<void> {
  const handle = await open(path, "w", 0o600);
  try {
    for (let at = 0; at < bytes; ) {
      const length = Math.min(ZEROS.length, bytes - at);
      at += (await handle.write(ZEROS, 0, length, at)).bytesWritten;
      // Piece by piece: an append's sync that waits behind this one waits for little.
      await handle.datasync();
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes names that were created, changed or removed in the directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle: FileHandle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
