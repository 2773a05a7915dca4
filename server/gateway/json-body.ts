import type { BytePool } from "../base/byte-pool.ts";
import type { MessageDescriptor } from "../proto/descriptors.ts";
import { decodeJson } from "../proto/json-decoder.ts";
import { JsonScanner, JsonSyntaxError } from "../proto/json-scanner.ts";
import { MessageTooLargeError } from "../proto/message-builder.ts";

export interface JsonBodyOptions {
  readonly message: MessageDescriptor;
  /** Of what is kept of all bodies until a value is whole. */
  readonly pool: BytePool;
  /** Of one value, as JSON. */
  readonly valueBytesMax: number;
  /** Of one value, in protobuf. */
  readonly messageBytesMax: number;
}

const CAPACITY_MIN = 4096;
const NOTHING = Buffer.alloc(0);
const SPACE = 0x20;

/** The messages in a request's body: JSON values one behind the other, however they arrive. */
export class JsonBody {
  readonly #options: JsonBodyOptions;
  readonly #scanner = new JsonScanner();
  /** The present value, as far as it was scanned without finding its end. */
  #kept: Buffer = NOTHING;
  #length = 0;

  constructor(options: JsonBodyOptions) {
    this.#options = options;
  }

  /**
   * The messages that are whole with these bytes, as protobuf.
   * @throws JsonSyntaxError, JsonShapeError, MessageTooLargeError
   */
  *push(bytes: Buffer): Generator<Buffer> {
    let from = 0;
    while (from < bytes.length) {
      const end = this.#scanner.scan(bytes, from);
      if (this.#length > 0 || end === undefined) this.#keep(bytes.subarray(from, end));
      if (end === undefined) return;
      yield this.#decode(this.#length > 0 ? this.#take() : bytes.subarray(from, end));
      from = end;
    }
  }

  /**
   * The body is over: its last message, if only that could show its end.
   * @throws JsonSyntaxError when it ends within a value, JsonShapeError, MessageTooLargeError
   */
  finish(): Buffer | undefined {
    if (this.#scanner.end()) return this.#decode(this.#take());
    if (this.#scanner.hasBegun) throw new JsonSyntaxError("unexpected EOF");
    return undefined;
  }

  close(): void {
    this.#options.pool.give(this.#kept.length);
    this.#kept = NOTHING;
    this.#length = 0;
  }

  #keep(bytes: Buffer): void {
    if (!this.#scanner.hasBegun && this.#length === 0) return;
    const { pool, valueBytesMax } = this.#options;
    const length = this.#length + bytes.length;
    if (length > valueBytesMax) throw new MessageTooLargeError(length);
    if (length > this.#kept.length) {
      const capacity = Math.max(CAPACITY_MIN, Math.min(2 * length, valueBytesMax));
      if (!pool.take(capacity - this.#kept.length)) throw new MessageTooLargeError(length);
      const grown = Buffer.allocUnsafe(capacity);
      grown.set(this.#kept.subarray(0, this.#length));
      this.#kept = grown;
    }
    this.#kept.set(bytes, this.#length);
    this.#length = length;
  }

  #take(): Buffer {
    const value = this.#kept.subarray(0, this.#length);
    this.close();
    return value;
  }

  #decode(value: Buffer): Buffer {
    const { message, valueBytesMax, messageBytesMax } = this.#options;
    if (value.length > valueBytesMax) throw new MessageTooLargeError(value.length);
    let start = 0;
    while (start < value.length && (value[start] as number) <= SPACE) start++;
    return decodeJson(message, value.subarray(start), messageBytesMax);
  }
}
