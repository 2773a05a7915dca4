// A file of byte frames that stands beside the state and can be made again from it: written whole
// under another name, then renamed, so that there is an old one or a new one and never half of one.
//
//     magic (8) │ length, checksum (4 + 4) │ frame │ length, checksum │ frame │ … │ 0, checksum
//
// A checksum covers its length and frame and goes on from the one before: frames that were cut off,
// swapped or mixed with those of another file do not verify. Whoever reads must be able to do
// without: what does not verify is as good as no file.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert } from "../base/assert.ts";
import { crc32c } from "../base/crc32c.ts";
import { syncDirectory } from "./synced-directory.ts";

const MAGIC = Buffer.from("qframes1");
const HEAD_BYTES = 8;
/** No frame is larger; a length above it is damage. */
export const FRAME_BYTES_MAX = 1024 ** 3;
/** Frames gather until they are worth a write. */
const WRITE_BYTES = 1024 * 1024;
/** Written bytes that wait for a sync, at most: a large one would hold up those of the log. */
const UNSYNCED_BYTES_MAX = 4 * 1024 * 1024;

/** The file is not what was written, or was never finished. */
export class FrameFileError extends Error {
  override readonly name = "FrameFileError";
}

export interface FrameFile {
  /**
   * The frames in order, none where there is no file; each is valid until the next is asked for.
   * Only frames after which the iteration ended are all there are.
   * @throws FrameFileError at the first that does not verify; errors of the system
   */
  read(): Iterable<Buffer>;
  /** Starts the next content. One at a time. */
  begin(): Promise<FrameWriter>;
}

export interface FrameWriter {
  /** Takes the frame over. Awaited before the next call. */
  append(frame: Buffer): Promise<void>;
  /** Durable, and in the place of the old content, when resolved. */
  commit(): Promise<void>;
  /** Instead of `commit`: the old content stays. */
  abandon(): Promise<void>;
}

export class DiskFrameFile implements FrameFile {
  readonly #path: string;
  #isWriting = false;

  constructor(path: string) {
    this.#path = path;
  }

  *read(): Generator<Buffer> {
    if (!existsSync(this.#path)) return;
    const file = openSync(this.#path, "r");
    try {
      yield* readFrames(file);
    } catch (error) {
      if (error instanceof Error && "code" in error) throw new FrameFileError(error.message);
      throw error;
    } finally {
      closeSync(file);
    }
  }

  async begin(): Promise<FrameWriter> {
    assert(!this.#isWriting, "one content is written at a time");
    this.#isWriting = true;
    const partial = `${this.#path}.partial`;
    const done = () => {
      this.#isWriting = false;
    };
    try {
      return new DiskFrameWriter(await open(partial, "w", 0o600), partial, this.#path, done);
    } catch (error) {
      done();
      throw error;
    }
  }
}

/** In the folder of the state. */
export function indexFileIn(directory: string): FrameFile {
  return new DiskFrameFile(join(directory, "key-index"));
}

class DiskFrameWriter implements FrameWriter {
  readonly #handle: FileHandle;
  readonly #partial: string;
  readonly #path: string;
  readonly #done: () => void;
  #waiting: Buffer[] = [MAGIC];
  #waitingBytes = MAGIC.length;
  #unsyncedBytes = 0;
  #checksum = 0;

  constructor(handle: FileHandle, partial: string, path: string, done: () => void) {
    this.#handle = handle;
    this.#partial = partial;
    this.#path = path;
    this.#done = done;
  }

  async append(frame: Buffer): Promise<void> {
    assert(frame.length > 0 && frame.length <= FRAME_BYTES_MAX, "a frame has a length");
    this.#add(frame);
    if (this.#waitingBytes >= WRITE_BYTES) await this.#write();
  }

  async commit(): Promise<void> {
    try {
      this.#add(Buffer.alloc(0));
      await this.#write();
      await this.#handle.datasync();
    } finally {
      await this.#close();
    }
    await rename(this.#partial, this.#path);
    await syncDirectory(dirname(this.#path));
  }

  async abandon(): Promise<void> {
    await this.#close();
    await rm(this.#partial, { force: true });
  }

  #add(frame: Buffer): void {
    const head = Buffer.allocUnsafe(HEAD_BYTES);
    head.writeUInt32LE(frame.length, 0);
    this.#checksum = crc32c(frame, crc32c(head.subarray(0, 4), this.#checksum));
    head.writeUInt32LE(this.#checksum, 4);
    this.#waiting.push(head, frame);
    this.#waitingBytes += HEAD_BYTES + frame.length;
  }

  async #write(): Promise<void> {
    const buffers = this.#waiting;
    const bytes = this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const { bytesWritten } = await this.#handle.writev(buffers);
    if (bytesWritten !== bytes) throw new FrameFileError("the disk took only a part");
    this.#unsyncedBytes += bytes;
    if (this.#unsyncedBytes < UNSYNCED_BYTES_MAX) return;
    this.#unsyncedBytes = 0;
    await this.#handle.datasync();
  }

  async #close(): Promise<void> {
    await this.#handle.close();
    this.#done();
  }
}

const READ_BYTES = 1024 * 1024;

function* readFrames(file: number): Generator<Buffer> {
  const input = new FileInput(file);
  if (!input.take(MAGIC.length).equals(MAGIC)) throw new FrameFileError("not such a file");
  let checksum = 0;
  for (;;) {
    const head = input.take(HEAD_BYTES);
    const length = head.readUInt32LE(0);
    const expected = head.readUInt32LE(4);
    checksum = crc32c(head.subarray(0, 4), checksum);
    if (length > FRAME_BYTES_MAX) throw new FrameFileError(`a frame of ${length} bytes`);
    const frame = input.take(length);
    checksum = crc32c(frame, checksum);
    if (checksum !== expected) throw new FrameFileError("a checksum does not fit");
    if (length === 0) return;
    yield frame;
  }
}

/** A file read from its start, through one buffer that grows to the largest frame. */
class FileInput {
  readonly #file: number;
  #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #from = 0;
  #to = 0;

  constructor(file: number) {
    this.#file = file;
  }

  /** Valid until the next call. */
  take(length: number): Buffer {
    if (this.#to - this.#from < length) this.#fill(length);
    const from = this.#from;
    this.#from += length;
    return this.#buffer.subarray(from, from + length);
  }

  #fill(length: number): void {
    const rest = this.#buffer.subarray(this.#from, this.#to);
    const target = length > this.#buffer.length ? Buffer.allocUnsafeSlow(length) : this.#buffer;
    target.set(rest);
    this.#buffer = target;
    this.#from = 0;
    this.#to = rest.length;
    while (this.#to < length) {
      const read = readSync(this.#file, target, this.#to, target.length - this.#to, null);
      if (read === 0) throw new FrameFileError("cut short");
      this.#to += read;
    }
  }
}
