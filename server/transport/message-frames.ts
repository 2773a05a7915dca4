// The stream for everything but appends: 8 bytes of length, then the message. Its heartbeat is a
// message of type HEARTBEAT from nobody to nobody.
import { decodeMessage, encodeMessage, messageSize, writeMessage } from "../proto/codec.ts";
import { WireError } from "../proto/wire.ts";
import { BLANK_MESSAGE, type Message } from "../raft/message.ts";
import { FrameInput } from "./frame-input.ts";
import {
  FRAME_BYTES_MAX,
  type FrameDecoder,
  type FrameEncoder,
  type MessageSink,
  writeLength,
} from "./frames.ts";

export class MessageEncoder implements FrameEncoder {
  readonly heartbeat: Buffer;

  constructor() {
    const bytes = encodeMessage(BLANK_MESSAGE);
    this.heartbeat = Buffer.allocUnsafe(8 + bytes.length);
    bytes.copy(this.heartbeat, writeLength(this.heartbeat, 0, bytes.length));
  }

  sizeMax(message: Message): number {
    return 8 + messageSize(message);
  }

  write(target: Buffer, offset: number, message: Message): number {
    const end = writeMessage(target, offset + 8, message);
    writeLength(target, offset, end - offset - 8);
    return end;
  }
}

export class MessageDecoder implements FrameDecoder {
  readonly #input = new FrameInput();
  readonly #sink: MessageSink;
  #length: number | undefined;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#input.push(chunk);
    for (;;) {
      this.#length ??= this.#input.takeUint64();
      if (this.#length === undefined) return;
      if (this.#length > FRAME_BYTES_MAX) throw new WireError("frame too long");
      const bytes = this.#input.take(this.#length);
      if (bytes === undefined) return;
      this.#length = undefined;
      const message = decodeMessage(bytes);
      if (message !== undefined && message.from !== 0n) this.#sink(message);
    }
  }
}
