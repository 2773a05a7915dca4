// WebSocket's frames (RFC 6455): what a client sends, taken apart, and what it is sent.

/** What a client sent is no WebSocket, or too much of it. */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  readonly code: CloseCode;

  constructor(code: CloseCode, text: string) {
    super(text);
    this.code = code;
  }
}

export const CloseCode = {
  NORMAL: 1000,
  PROTOCOL_ERROR: 1002,
  TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  TRY_AGAIN_LATER: 1013,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MASK_BYTES = 4;
const HEAD_BYTES_MIN = 2;
const SHORT_MAX = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const NOTHING: Buffer = Buffer.alloc(0);

export interface FrameSink {
  /** One whole message, text or bytes alike. */
  message(bytes: Buffer): void;
  ping(payload: Buffer): void;
  close(): void;
}

/** Reads a client's frames, however they arrive. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #messageBytesMax: number;
  /** Bytes of a frame that is not all there yet, in [0, length). */
  #held: Buffer = NOTHING;
  #length = 0;
  /** With fewer there is nothing to be done. */
  #needed = HEAD_BYTES_MIN;
  /** Of a message in several frames, in [0, gatheredBytes): a client chooses how many they are. */
  #gathered: Buffer = NOTHING;
  #gatheredBytes = 0;
  #isWithin = false;

  constructor(sink: FrameSink, messageBytesMax: number) {
    this.#sink = sink;
    this.#messageBytesMax = messageBytesMax;
  }

  /** In memory, for what is not whole. */
  get heldBytes(): number {
    return this.#held.length + this.#gathered.length;
  }

  /** @throws WebSocketError */
  read(bytes: Buffer): void {
    if (this.#length > 0) {
      this.#hold(bytes);
      if (this.#length < this.#needed) return;
    }
    const seen = this.#length > 0 ? this.#held.subarray(0, this.#length) : bytes;
    this.#length = 0;
    let at = 0;
    for (;;) {
      const length = this.#frame(seen.subarray(at));
      if (length === 0) break;
      at += length;
    }
    if (at === seen.length) this.#held = NOTHING;
    else this.#hold(seen.subarray(at));
  }

  #hold(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * length, this.#needed));
      grown.set(this.#held.subarray(0, this.#length));
      this.#held = grown;
    }
    this.#held.set(bytes, this.#length);
    this.#length = length;
  }

  /** Handles the frame that begins here; its length, or 0 when it is not all there. */
  #frame(seen: Buffer): number {
    this.#needed = HEAD_BYTES_MIN;
    if (seen.length < HEAD_BYTES_MIN) return 0;
    const first = seen[0] as number;
    const short = (seen[1] as number) & ~MASKED;
    if ((first & RESERVED) !== 0) throw protocolError("reserved bits are set");
    if (((seen[1] as number) & MASKED) === 0) throw protocolError("a frame without a mask");
    const head = headBytes(short);
    this.#needed = head;
    if (seen.length < head) return 0;
    const length = payloadBytes(seen, short);
    if (length + this.#gatheredBytes > this.#messageBytesMax) {
      throw new WebSocketError(CloseCode.TOO_BIG, "a message that is too large");
    }
    this.#needed = head + length;
    if (seen.length < head + length) return 0;
    const payload = Buffer.from(seen.subarray(head, head + length));
    for (let i = 0; i < length; i++) {
      payload[i] = (payload[i] as number) ^ (seen[head - MASK_BYTES + (i & 3)] as number);
    }
    this.#take(first & 0x0f, (first & FINAL) !== 0, payload);
    return head + length;
  }

  #take(opcode: number, isFinal: boolean, payload: Buffer): void {
    if (opcode >= Opcode.CLOSE) {
      if (!isFinal || payload.length > SHORT_MAX) throw protocolError("a control frame in parts");
      if (opcode === Opcode.CLOSE) this.#sink.close();
      else if (opcode === Opcode.PING) this.#sink.ping(payload);
      else if (opcode !== Opcode.PONG) throw protocolError("an unknown opcode");
      return;
    }
    if (opcode > Opcode.BINARY) throw protocolError("an unknown opcode");
    if (this.#isWithin !== (opcode === Opcode.CONTINUATION)) {
      throw protocolError("a message within a message");
    }
    const isWhole = isFinal && !this.#isWithin;
    this.#isWithin = !isFinal;
    if (isWhole) return this.#sink.message(payload);
    this.#gather(payload);
    if (!isFinal) return;
    const message = this.#gathered.subarray(0, this.#gatheredBytes);
    this.#gathered = NOTHING;
    this.#gatheredBytes = 0;
    this.#sink.message(message);
  }

  #gather(payload: Buffer): void {
    const length = this.#gatheredBytes + payload.length;
    if (length > this.#gathered.length) {
      const grown = Buffer.allocUnsafe(Math.min(2 * length, this.#messageBytesMax));
      grown.set(this.#gathered.subarray(0, this.#gatheredBytes));
      this.#gathered = grown;
    }
    this.#gathered.set(payload, this.#gatheredBytes);
    this.#gatheredBytes = length;
  }
}

/** Opcode, length and mask. */
function headBytes(short: number): number {
  if (short === LENGTH_64) return HEAD_BYTES_MIN + 8 + MASK_BYTES;
  return HEAD_BYTES_MIN + (short === LENGTH_16 ? 2 : 0) + MASK_BYTES;
}

function payloadBytes(seen: Buffer, short: number): number {
  if (short === LENGTH_64) return Number(seen.readBigUInt64BE(HEAD_BYTES_MIN));
  return short === LENGTH_16 ? seen.readUInt16BE(HEAD_BYTES_MIN) : short;
}

/** A message, or one of the parts in which it is sent. */
export function textFrame(text: string, { isFirst = true, isLast = true } = {}): Buffer {
  return frame(isFirst ? Opcode.TEXT : Opcode.CONTINUATION, Buffer.from(text), isLast);
}

export function pongFrame(payload: Buffer): Buffer {
  return frame(Opcode.PONG, payload);
}

export function closeFrame(code: CloseCode): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return frame(Opcode.CLOSE, payload);
}

function frame(opcode: number, payload: Buffer, isFinal = true): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length <= SHORT_MAX ? 2 : length <= 0xffff ? 4 : 10);
  head[0] = isFinal ? FINAL | opcode : opcode;
  if (head.length === 2) head[1] = length;
  else if (head.length === 4) {
    head[1] = LENGTH_16;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = LENGTH_64;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

function protocolError(text: string): WebSocketError {
  return new WebSocketError(CloseCode.PROTOCOL_ERROR, text);
}
