// A log file, and a log file that is put aside when it is full:
//
//   etcd.log                               is written to
//   etcd-2024-01-02T03-04-05.678.log[.gz]  were, up to that time; some of them are removed
//
// A line that the disk does not take is lost and counted; the count follows when it takes one.
import {
  chmodSync,
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Clock } from "../base/clock.ts";
import type { LogRotation } from "../config/log-settings.ts";
import type { LogOutput } from "./log-output.ts";

const SHARED_MODE = 0o666;
const OWNER_MODE = 0o600;
const FOLDER_MODE = 0o755;
const PERMISSIONS = 0o777;
const DAY_MS = 24 * 60 * 60 * 1000;
const COMPRESSED = ".gz";
/** Of a file that is being compressed. */
const PARTIAL = `${COMPRESSED}.part`;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/;

export class FileOutput implements LogOutput {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #rotation: LogRotation | undefined;
  readonly #onDropped: (lines: number) => void;
  #descriptor: number;
  #bytes: number;
  #dropped = 0;
  #isClosed = false;
  #compressing: Promise<void> = Promise.resolve();

  /** @throws Error of the system, when the file cannot be opened */
  constructor(
    path: string,
    rotation: LogRotation | undefined,
    clock: Clock,
    onDropped: (lines: number) => void,
  ) {
    this.#path = path;
    this.#clock = clock;
    this.#rotation = rotation;
    this.#onDropped = onDropped;
    if (rotation !== undefined) mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
    [this.#descriptor, this.#bytes] = this.#open(rotation === undefined ? SHARED_MODE : OWNER_MODE);
    if (rotation === undefined) return;
    this.#removePartials();
    this.#tidy(rotation);
  }

  write(line: string): void {
    if (this.#isClosed) return;
    const bytes = Buffer.from(line);
    try {
      if (this.#rotation !== undefined) this.#makeRoom(bytes.length, this.#rotation);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
      this.#bytes += bytes.length;
    } catch {
      this.#dropped++; // The disk is full or gone: the member goes on without its log.
      return;
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }

  /** Resolves when what was put aside is compressed. */
  get settled(): Promise<void> {
    return this.#compressing;
  }

  #open(mode: number): [descriptor: number, bytes: number] {
    const descriptor = openSync(this.#path, "a", mode);
    return [descriptor, fstatSync(descriptor).size];
  }

  #makeRoom(bytes: number, rotation: LogRotation): void {
    if (this.#bytes === 0 || this.#bytes + bytes <= rotation.bytesMax) return;
    if (existsSync(this.#path)) renameSync(this.#path, this.#freeName(rotation));
    const full = this.#descriptor;
    // Who could read the log so far can read on.
    const mode = fstatSync(full).mode & PERMISSIONS;
    [this.#descriptor, this.#bytes] = this.#open(mode);
    closeSync(full);
    changeModeIfPossible(this.#descriptor, mode);
    this.#tidy(rotation);
  }

  #freeName({ isLocalTime }: LogRotation): string {
    const { prefix, ending } = nameParts(this.#path);
    for (let timeMs = this.#clock.now(); ; timeMs++) {
      const name = join(dirname(this.#path), `${prefix}${stampOf(timeMs, isLocalTime)}${ending}`);
      if (!existsSync(name) && !existsSync(name + COMPRESSED)) return name;
    }
  }

  /** Removes what is too old or too much, compresses the rest when it is to be. */
  #tidy(rotation: LogRotation): void {
    const folder = dirname(this.#path);
    const { prefix, ending } = nameParts(this.#path);
    const oldest = stampOf(this.#clock.now() - rotation.ageDaysMax * DAY_MS, rotation.isLocalTime);
    const found = filesIn(folder)
      .map((name) => ({ name, stamp: stampIn(name, prefix, ending) }))
      .filter(({ stamp }) => STAMP.test(stamp))
      .sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
    const { ageDaysMax, backupsMax } = rotation;
    const isSurplus = (stamp: string, position: number) =>
      (backupsMax > 0 && position >= backupsMax) || (ageDaysMax > 0 && stamp < oldest);
    found.forEach(({ name, stamp }, position) => {
      const path = join(folder, name);
      if (isSurplus(stamp, position)) removeIfPossible(path);
      else if (rotation.isCompressed && !name.endsWith(COMPRESSED)) this.#compress(path);
    });
  }

  /** What an earlier process had begun to compress; the whole file is still there. */
  #removePartials(): void {
    const folder = dirname(this.#path);
    const { prefix, ending } = nameParts(this.#path);
    for (const name of filesIn(folder).filter((each) => each.endsWith(PARTIAL))) {
      const stamp = stampIn(name.slice(0, -PARTIAL.length), prefix, ending);
      if (STAMP.test(stamp)) removeIfPossible(join(folder, name));
    }
  }

  /** One at a time; a file that cannot be compressed stays as it is. */
  #compress(path: string): void {
    this.#compressing = this.#compressing.then(async () => {
      const partial = `${path}${PARTIAL}`;
      try {
        const source = createReadStream(path);
        await pipeline(source, createGzip(), createWriteStream(partial, { mode: OWNER_MODE }));
        chmodSync(partial, statSync(path).mode & PERMISSIONS);
        renameSync(partial, path + COMPRESSED);
        rmSync(path, { force: true });
      } catch {
        removeIfPossible(partial);
      }
    });
  }
}

/** The files of a folder; none when it cannot be read. */
function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch {
    return []; // The log can be written to all the same.
  }
}

function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A disk that takes no changes any more: the member goes on.
  }
}

function changeModeIfPossible(descriptor: number, mode: number): void {
  try {
    fchmodSync(descriptor, mode);
  } catch {
    // A file system that knows no modes: who could read the log there can still.
  }
}

function nameParts(path: string): { prefix: string; ending: string } {
  const ending = extname(path);
  return { prefix: `${basename(path, ending)}-`, ending };
}

function stampIn(name: string, prefix: string, ending: string): string {
  const bare = name.endsWith(COMPRESSED) ? name.slice(0, -COMPRESSED.length) : name;
  if (!bare.startsWith(prefix) || !bare.endsWith(ending)) return "";
  return bare.slice(prefix.length, bare.length - ending.length);
}

function stampOf(timeMs: number, isLocalTime: boolean): string {
  const offsetMs = isLocalTime ? new Date(timeMs).getTimezoneOffset() * 60_000 : 0;
  return new Date(timeMs - offsetMs).toISOString().slice(0, -1).replaceAll(":", "-");
}
