// One stream that a peer opened and this member fills. The answer to its request is one endless body
// in chunks; the frames of a turn make one chunk, header and end included, in one buffer and one
// write:
//
//   00001f40 CR LF   frame frame frame …   CR LF
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Message } from "../raft/message.ts";
import type { FrameEncoder } from "./frames.ts";

/** What may wait for a slow reader before messages are dropped. */
export const BACKLOG_MESSAGES_MAX = 4096;
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;
/** Beats that are further apart say that this process stood still between them. */
export const BEAT_MS_MAX = 2500;
const CHUNK_HEAD = 10;
const CHUNK_TAIL = 2;

export class StreamWriter {
  readonly #socket: Socket;
  readonly #encoder: FrameEncoder;
  readonly #clock: Clock;
  readonly #stallMs: number;
  #batch: Message[] = [];
  #waitingMessages = 0;
  #progressAt: number;
  #beatAt: number;
  #sentBytes = 0;

  /**
   * @param socket with the head of the answer already written
   * @param stallMs a reader that takes nothing for so long loses the stream
   */
  constructor(socket: Socket, encoder: FrameEncoder, clock: Clock, stallMs: number) {
    this.#socket = socket;
    this.#encoder = encoder;
    this.#clock = clock;
    this.#stallMs = stallMs;
    this.#progressAt = clock.monotonic();
    this.#beatAt = this.#progressAt;
  }

  /** Whether the reader may still be there. Its connection tells before it is closed altogether. */
  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  /** Bytes since the last call. */
  takeSentBytes(): number {
    const bytes = this.#sentBytes;
    this.#sentBytes = 0;
    return bytes;
  }

  /** Takes a message for the next `flush`; false when too much waits already. */
  push(message: Message): boolean {
    const isFull =
      this.#waitingMessages + this.#batch.length >= BACKLOG_MESSAGES_MAX ||
      this.#socket.writableLength >= BACKLOG_BYTES_MAX;
    if (isFull || this.#socket.destroyed) return false;
    this.#batch.push(message);
    return true;
  }

  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    let size = CHUNK_HEAD + CHUNK_TAIL;
    for (const message of batch) size += this.#encoder.sizeMax(message);
    const buffer = Buffer.allocUnsafe(size);
    let end = CHUNK_HEAD;
    for (const message of batch) end = this.#encoder.write(buffer, end, message);
    this.#write(buffer, end, batch.length);
  }

  /** Called about three times in five seconds. */
  beat(): void {
    const now = this.#clock.monotonic();
    // Nobody could take anything from a process that stood still.
    const stoodMs = Math.max(0, now - this.#beatAt - BEAT_MS_MAX);
    this.#progressAt = Math.min(now, this.#progressAt + stoodMs);
    this.#beatAt = now;
    const waits = this.#socket.writableLength > 0;
    if (waits && now - this.#progressAt > this.#stallMs) {
      this.#socket.destroy();
      return;
    }
    const { heartbeat } = this.#encoder;
    const buffer = Buffer.allocUnsafe(CHUNK_HEAD + heartbeat.length + CHUNK_TAIL);
    heartbeat.copy(buffer, CHUNK_HEAD);
    this.#write(buffer, CHUNK_HEAD + heartbeat.length, 0);
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(buffer: Buffer, end: number, messageCount: number): void {
    buffer.write((end - CHUNK_HEAD).toString(16).padStart(8, "0"), "latin1");
    buffer[8] = 0x0d;
    buffer[9] = 0x0a;
    buffer[end] = 0x0d;
    buffer[end + 1] = 0x0a;
    if (this.#socket.writableLength === 0) this.#progressAt = this.#clock.monotonic();
    this.#waitingMessages += messageCount;
    this.#sentBytes += end + CHUNK_TAIL;
    this.#socket.write(buffer.subarray(0, end + CHUNK_TAIL), () => {
      this.#waitingMessages -= messageCount;
      this.#progressAt = this.#clock.monotonic();
    });
  }
}
