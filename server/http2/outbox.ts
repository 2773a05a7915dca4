// The way out of one connection.
//
//   call.send ─┬─ windows open, socket not full ─▶ buffer ─┐
//              └─ otherwise ─▶ the stream's queue ─ ring ──┴─ end of the turn ─▶ one socket write
//
// Control frames, headers and trailers always go to the buffer; only DATA waits. Streams whose queue
// holds bytes stand in a ring and are served one frame each, so that a long answer delays a short
// one by a frame per stream and not by its length.
import type { Socket } from "node:net";
import type { Http2Limits } from "./limits.ts";
import {
  Flag,
  FRAME_HEAD_BYTES,
  FRAME_PAYLOAD_BYTES_MAX,
  FrameType,
  MESSAGE_HEAD_BYTES,
  WINDOW_DEFAULT,
} from "./protocol.ts";
import { TABLE_SIZE_ZERO } from "./response-headers.ts";

const OUTPUT_BUFFER_BYTES = 65_536;
/** Buffers kept for the next turn: one for each connection that writes in the same turn. */
const POOLED_BUFFERS_MAX = 64;
/** Less than this is copied, so that the large buffer can be used again at once. */
const COPY_BYTES_MAX = 8192;

/** Output buffers that no connection uses right now; a silent connection has none. */
export class BufferPool {
  readonly #buffers: Buffer[] = [];

  take(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BUFFER_BYTES);
  }

  giveBack(buffer: Buffer): void {
    if (this.#buffers.length < POOLED_BUFFERS_MAX) this.#buffers.push(buffer);
  }
}

/** A stream as the outbox sees it. */
export interface Outgoing {
  readonly id: number;
  sendWindow: number;
  /** Bytes waiting in the stream's queue. */
  readonly queuedBytes: number;
  /** Moves the next queued bytes to target[at, at + count). */
  takeQueued(target: Buffer, at: number, count: number): void;
  /** The queue has become empty. */
  queueEmptied(): void;
  isInRing: boolean;
}

export class Outbox {
  /** The connection's window: what the peer may still be sent. */
  sendWindow: number = WINDOW_DEFAULT;
  /** DATA and HEADERS frames written so far. */
  framesSent = 0;
  /** The peer shrank its header table: the next block must begin by saying that we know. */
  mustShrinkTable = false;
  readonly #socket: Socket;
  readonly #pool: BufferPool;
  readonly #limits: Http2Limits;
  readonly wantTurn: () => void;
  readonly #ring: Outgoing[] = [];
  #buffer: Buffer | undefined;
  #used = 0;

  /** @param wantTurn something is to be done at the end of the turn */
  constructor(socket: Socket, pool: BufferPool, limits: Http2Limits, wantTurn: () => void) {
    this.#socket = socket;
    this.#pool = pool;
    this.#limits = limits;
    this.wantTurn = wantTurn;
  }

  /** Handed to the socket, or about to be, and not yet taken by the kernel. */
  get unsentBytes(): number {
    return this.#used + this.#socket.writableLength;
  }

  get isCongested(): boolean {
    return this.unsentBytes >= this.#limits.socketBytesMax;
  }

  /** A frame that is not DATA. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const size = FRAME_HEAD_BYTES + payload.length;
    const buffer = this.#reserve(size);
    this.#head(buffer, payload.length, type, flags, streamId);
    buffer.set(payload, this.#used + FRAME_HEAD_BYTES);
    this.#used += size;
  }

  /** One uint32 as payload: RST_STREAM, WINDOW_UPDATE. */
  numberFrame(type: number, streamId: number, value: number): void {
    const size = FRAME_HEAD_BYTES + 4;
    const buffer = this.#reserve(size);
    this.#head(buffer, 4, type, 0, streamId);
    buffer.writeUInt32BE(value, this.#used + FRAME_HEAD_BYTES);
    this.#used += size;
  }

  goAway(lastStreamId: number, code: number, text: string): void {
    const debug = Buffer.from(text, "utf8");
    const payload = Buffer.alloc(8 + debug.length);
    payload.writeUInt32BE(lastStreamId, 0);
    payload.writeUInt32BE(code, 4);
    debug.copy(payload, 8);
    this.frame(FrameType.GOAWAY, 0, 0, payload);
  }

  headers(streamId: number, block: Buffer, endsStream: boolean): void {
    this.framesSent++;
    const flags = Flag.END_HEADERS | (endsStream ? Flag.END_STREAM : 0);
    if (this.mustShrinkTable) {
      this.mustShrinkTable = false;
      this.frame(FrameType.HEADERS, flags, streamId, Buffer.concat([TABLE_SIZE_ZERO, block]));
    } else this.frame(FrameType.HEADERS, flags, streamId, block);
  }

  /** Sends a message at once in a frame of its own, or says that it has to wait. */
  tryMessage(stream: Outgoing, message: Uint8Array): boolean {
    const length = MESSAGE_HEAD_BYTES + message.length;
    if (length > FRAME_PAYLOAD_BYTES_MAX || length > stream.sendWindow) return false;
    if (length > this.sendWindow || this.isCongested) return false;
    const buffer = this.#reserve(FRAME_HEAD_BYTES + length);
    this.#head(buffer, length, FrameType.DATA, 0, stream.id);
    const at = this.#used + FRAME_HEAD_BYTES;
    buffer[at] = 0;
    buffer.writeUInt32BE(message.length, at + 1);
    buffer.set(message, at + MESSAGE_HEAD_BYTES);
    this.#countData(stream, length);
    return true;
  }

  /** The stream has queued bytes and may send: it gets its turns. */
  join(stream: Outgoing): void {
    if (stream.isInRing || stream.queuedBytes === 0 || stream.sendWindow <= 0) return;
    stream.isInRing = true;
    this.#ring.push(stream);
    this.wantTurn();
  }

  /**
   * Puts queued DATA into the buffer, one frame for each stream in turn, while anything lets it; a
   * kernel that takes all there is ends it as well, so that others get their turn.
   */
  pump(): void {
    const ring = this.#ring;
    let served = 0;
    let left = this.#limits.sentBytesPerTurn;
    while (served < ring.length && this.sendWindow > 0 && !this.isCongested) {
      if (left <= 0) {
        this.wantTurn();
        break;
      }
      const stream = ring[served++] as Outgoing;
      stream.isInRing = false;
      const length = Math.min(
        stream.queuedBytes,
        stream.sendWindow,
        this.sendWindow,
        FRAME_PAYLOAD_BYTES_MAX,
      );
      if (length <= 0) continue;
      left -= length;
      const buffer = this.#reserve(FRAME_HEAD_BYTES + length);
      this.#head(buffer, length, FrameType.DATA, 0, stream.id);
      stream.takeQueued(buffer, this.#used + FRAME_HEAD_BYTES, length);
      this.#countData(stream, length);
      if (stream.queuedBytes === 0) stream.queueEmptied();
      else this.join(stream);
      if (served === 1024) served = dropServed(ring, served);
    }
    dropServed(ring, served);
  }

  /** Hands the buffer to the socket. */
  flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    const used = this.#socket.destroyed ? 0 : this.#used;
    this.#used = 0;
    if (used > COPY_BYTES_MAX) {
      this.#socket.write(buffer.subarray(0, used));
      return;
    }
    if (used > 0) this.#socket.write(Buffer.from(buffer.subarray(0, used)));
    this.#pool.giveBack(buffer);
  }

  /** The connection is gone: nothing will be sent. */
  close(): void {
    if (this.#buffer !== undefined) this.#pool.giveBack(this.#buffer);
    this.#buffer = undefined;
    this.#used = 0;
    this.#ring.length = 0;
  }

  #countData(stream: Outgoing, length: number): void {
    this.#used += FRAME_HEAD_BYTES + length;
    this.sendWindow -= length;
    stream.sendWindow -= length;
    this.framesSent++;
  }

  /** The buffer, with room for `size` bytes behind #used. */
  #reserve(size: number): Buffer {
    if (this.#used + size > OUTPUT_BUFFER_BYTES) this.flush();
    if (this.#buffer === undefined) {
      this.#buffer = this.#pool.take();
      this.wantTurn();
    }
    return this.#buffer;
  }

  #head(buffer: Buffer, length: number, type: number, flags: number, streamId: number): void {
    const at = this.#used;
    buffer[at] = length >> 16;
    buffer[at + 1] = length >> 8;
    buffer[at + 2] = length;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    buffer[at + 5] = streamId >> 24;
    buffer[at + 6] = streamId >> 16;
    buffer[at + 7] = streamId >> 8;
    buffer[at + 8] = streamId;
  }
}

/** Forgets the first `served` entries; returns the new place of what follows. */
function dropServed(ring: Outgoing[], served: number): number {
  if (served > 0) ring.splice(0, served);
  return 0;
}
