// The process's own stdout or stderr. Who reads a pipe may stop reading; a write would then stop
// this process, heartbeats and all. So the pipe is opened once more without blocking, through
// /proc, and what it does not take waits here, up to a limit; beyond, lines are dropped and
// counted. A file takes everything at once. A socket cannot be opened a second time and is written to as it is.
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { hasCode } from "../base/system-error.ts";
import type { LogOutput } from "./log-output.ts";

const WAITING_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 20;
/** At the end a slow reader is waited for so long: the last lines say why it ended. */
const CLOSE_LIMIT_MS = 1000;

export class StreamOutput implements LogOutput {
  readonly #clock: Clock;
  readonly #descriptor: number;
  readonly #isOwn: boolean;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #isClosed = false;
  readonly #onDropped: (lines: number) => void;

  /**
   * @param descriptor 1 or 2
   * @param onDropped told of lines that were lost as soon as there is room to write it down
   */
  constructor(descriptor: number, clock: Clock, onDropped: (lines: number) => void) {
    const own = openUnblocked(descriptor);
    this.#clock = clock;
    this.#onDropped = onDropped;
    this.#descriptor = own ?? descriptor;
    this.#isOwn = own !== undefined;
  }

  write(line: string): void {
    if (this.#isClosed) return;
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length === 1) this.#drain();
  }

  close(): void {
    if (this.#isClosed) return;
    const deadlineMs = this.#clock.monotonic() + CLOSE_LIMIT_MS;
    this.#drain();
    while (this.#waiting.length > 0 && this.#clock.monotonic() < deadlineMs) {
      pause(RETRY_MS);
      this.#drain();
    }
    this.#isClosed = true;
    if (this.#isOwn) closeSync(this.#descriptor);
  }

  #drain(): void {
    if (this.#isClosed) return;
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting[0] ?? Buffer.alloc(0);
      const written = this.#written(bytes);
      this.#waitingBytes -= written;
      if (written < bytes.length) {
        this.#waiting[0] = bytes.subarray(written);
        this.#clock.after(RETRY_MS, () => this.#drain());
        return;
      }
      this.#waiting.shift();
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }

  /** How many bytes were taken; all of them when nobody will ever take any. */
  #written(bytes: Buffer): number {
    try {
      return writeSync(this.#descriptor, bytes);
    } catch (error) {
      return hasCode(error, "EAGAIN") ? 0 : bytes.length;
    }
  }
}

/** Stops the thread: nothing else is to happen any more. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function openUnblocked(descriptor: number): number | undefined {
  try {
    const kind = fstatSync(descriptor);
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return undefined;
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } catch {
    return undefined; // A system without /proc: written to as it is.
  }
}
