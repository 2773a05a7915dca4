// One request to the gateway as a call of the dispatcher, the same for which gRPC has its streams:
// guards, authentication, counters and limits hold for it without a second path.
import { AssertionError } from "../base/assert.ts";
import type { BytePool } from "../base/byte-pool.ts";
import { asBuffer } from "../base/bytes.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { EtcdError, Status } from "../errors.ts";
import { COPIED_BYTES_MAX } from "../http2/byte-queue.ts";
import type { GrpcCall, GrpcDispatch, GrpcHandler } from "../http2/grpc-call.ts";
import type { Metadata } from "../http2/metadata.ts";
import type { MethodDescriptor } from "../proto/descriptors.ts";
import { JsonTextError, jsonPieces } from "../proto/json-encoder.ts";
import { JsonDepthError, JsonShapeError } from "../proto/json-reader.ts";
import { JsonSyntaxError } from "../proto/json-scanner.ts";
import { MessageTooLargeError } from "../proto/message-builder.ts";
import type { Exchange } from "./exchange.ts";
import { JsonBody } from "./json-body.ts";
import { errorLine, errorReply } from "./json-errors.ts";
import { metadataOf } from "./json-metadata.ts";
import type { Reply } from "./reply.ts";

/** A longer answer is turned into JSON in slices of so much. */
const SLICE_CHARACTERS = 256 * 1024;
/** JSON that a request may have for each byte that its message may. */
const JSON_FACTOR = 4;
/** Who waits no longer need not be asked. */
const TIMEOUT_MS_MIN = 1;
const DEADLINE_TEXT = "context deadline exceeded";
const INTERNAL_TEXT = "internal error";
const HEADERS = {
  "Content-Type": "application/json",
  "Grpc-Metadata-Content-Type": "application/grpc",
};
/** Only inside of strings can these stand in JSON; Go escapes them in streams. */
const HTML_SENSITIVE = /[<>&\u2028\u2029]/g;

export interface JsonCallOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dispatch: GrpcDispatch;
  readonly pool: BytePool;
  /** Of one message, as gRPC counts. */
  readonly messageBytesMax: number;
}

export class JsonCall implements GrpcCall {
  readonly path: string;
  readonly remote: string;
  readonly metadata: Metadata;
  readonly deadlineMs: number | undefined;
  /** A certificate is no identity here: anyone behind a proxy would have the proxy's. */
  readonly peerCertificateName: undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  readonly #method: MethodDescriptor;
  readonly #exchange: Exchange;
  readonly #options: JsonCallOptions;
  readonly #body: JsonBody;
  readonly #cancelDeadline: Cancel | undefined;
  #handler: GrpcHandler | undefined;
  #answer: Buffer | undefined;
  #isOver = false;

  /** Answers the exchange, now or later. */
  static serve(method: MethodDescriptor, exchange: Exchange, options: JsonCallOptions): void {
    const { metadata, timeoutMs } = metadataOf(exchange);
    if (typeof timeoutMs === "string") {
      exchange.reply(errorReply(Status.INVALID_ARGUMENT, `invalid grpc-timeout: ${timeoutMs}`));
      return;
    }
    if (timeoutMs !== undefined && timeoutMs < TIMEOUT_MS_MIN) {
      exchange.reply(errorReply(Status.DEADLINE_EXCEEDED, DEADLINE_TEXT));
      return;
    }
    new JsonCall(method, exchange, options, metadata, timeoutMs).#readBody();
  }

  private constructor(
    method: MethodDescriptor,
    exchange: Exchange,
    options: JsonCallOptions,
    metadata: Metadata,
    timeoutMs: number | undefined,
  ) {
    const { clock, pool, messageBytesMax } = options;
    this.path = method.path;
    this.remote = exchange.remote;
    this.metadata = metadata;
    this.#method = method;
    this.#exchange = exchange;
    this.#options = options;
    this.#body = new JsonBody({
      message: method.request,
      pool,
      valueBytesMax: JSON_FACTOR * messageBytesMax,
      messageBytesMax,
    });
    if (timeoutMs !== undefined) {
      this.deadlineMs = clock.monotonic() + timeoutMs;
      this.#cancelDeadline = clock.after(timeoutMs, () => this.#expire());
    }
    exchange.onDrain = () => this.onDrain?.();
    exchange.onGone = () => this.#gone();
  }

  get backlogBytes(): number {
    return this.#exchange.backlogBytes;
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return;
    if (!this.#method.givesStream) {
      const isKept = message.length > COPIED_BYTES_MAX;
      this.#answer = isKept ? asBuffer(message) : Buffer.from(message);
      return;
    }
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
    try {
      this.#sendResult(bytes);
    } catch (thrown) {
      this.#logUnexpected(thrown);
      // What has been sent of the message ends with its line.
      if (this.#exchange.isStarted) this.#exchange.write("\n");
      this.fail(Status.INTERNAL, INTERNAL_TEXT);
      // Not at once: the service is in the middle of sending.
      this.#options.clock.soon(() => this.#handler?.cancel("canceled"));
    }
  }

  /** JSON is made of a whole message. */
  sendPieces(pieces: readonly Uint8Array[]): void {
    this.send(Buffer.concat(pieces));
  }

  end(): void {
    if (!this.#finish()) return;
    if (this.#answer !== undefined) void this.#reply(this.#answer);
    else {
      this.#start();
      this.#exchange.end();
    }
  }

  fail(status: Status, text: string): void {
    if (!this.#finish()) return;
    if (this.#exchange.isStarted) {
      this.#exchange.write(errorLine(status, text));
      this.#exchange.end();
    } else if (this.#method.givesStream) {
      const { body: _, ...reply } = errorReply(status, text);
      this.#exchange.reply({ ...reply, body: errorLine(status, text) });
    } else this.#exchange.reply(errorReply(status, text));
  }

  #readBody(): void {
    const step = (run: () => void): void => {
      if (this.#isOver) return;
      try {
        run();
      } catch (thrown) {
        this.#refuse(thrown);
      }
    };
    this.#exchange.readBody(
      (bytes) =>
        step(() => {
          for (const message of this.#body.push(bytes)) {
            this.#message(message);
            // What comes behind the last message that counts is not kept.
            if (this.#isOver) break;
          }
        }),
      () =>
        step(() => {
          const last = this.#body.finish();
          if (last !== undefined) this.#message(last);
          this.#halfClose();
        }),
      (text) =>
        step(() => {
          throw new JsonSyntaxError(text);
        }),
    );
  }

  /** Of a call without a stream of requests, the first message is the only one. */
  #message(message: Buffer): void {
    if (this.#isOver || (this.#handler !== undefined && !this.#method.takesStream)) return;
    this.#open().message(message);
  }

  #halfClose(): void {
    // Nothing at all stands for a message without any field.
    if (this.#handler === undefined && !this.#method.takesStream) this.#message(Buffer.alloc(0));
    if (!this.#isOver) this.#open().halfClose();
  }

  #open(): GrpcHandler {
    this.#handler ??= this.#options.dispatch(this);
    return this.#handler;
  }

  /**
   * The body is none: told as long as the service has not been asked, else the end of it. Anything
   * else that was thrown fails this call alone.
   */
  #refuse(thrown: unknown): void {
    this.#body.close();
    if (thrown instanceof MessageTooLargeError) {
      const limit = this.#options.messageBytesMax;
      const text = `grpc: received message larger than max (${thrown.bytes} vs. ${limit})`;
      this.#abort(Status.RESOURCE_EXHAUSTED, text);
    } else if (thrown instanceof JsonDepthError) {
      // Only transactions stand within each other.
      const { status, message } = new EtcdError("TooManyOps");
      this.#abort(status, message);
    } else if (thrown instanceof JsonSyntaxError || thrown instanceof JsonShapeError) {
      if (this.#handler === undefined) this.#decline(Status.INVALID_ARGUMENT, thrown.message);
      else if (this.#method.takesStream) this.#handler.halfClose();
    } else {
      this.#logUnexpected(thrown);
      this.#abort(Status.INTERNAL, INTERNAL_TEXT);
    }
  }

  #logUnexpected(thrown: unknown): void {
    if (thrown instanceof AssertionError) throw thrown;
    const { stack } = thrown instanceof Error ? thrown : { stack: undefined };
    const fields = { path: this.path, error: String(thrown), stack };
    this.#options.log.error("a call failed unexpectedly", fields);
  }

  /** Before there is a call: an only request that cannot be read comes to no stream of answers. */
  #decline(status: Status, text: string): void {
    if (this.#method.takesStream) this.fail(status, text);
    else if (this.#finish()) this.#exchange.reply(errorReply(status, text));
  }

  #abort(status: Status, text: string): void {
    if (this.#isOver) return;
    this.fail(status, text);
    this.#handler?.cancel("canceled");
  }

  #expire(): void {
    if (this.#isOver) return;
    this.fail(Status.DEADLINE_EXCEEDED, DEADLINE_TEXT);
    this.#handler?.cancel("deadline");
  }

  #gone(): void {
    if (this.#finish()) this.#handler?.cancel("canceled");
  }

  /** False when the call was over before. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#cancelDeadline?.();
    this.#body.close();
    return true;
  }

  #start(): void {
    if (!this.#exchange.isStarted) this.#exchange.start(200, HEADERS);
  }

  /** One message of a stream. Nobody waits in between: its service looks at the backlog. */
  #sendResult(bytes: Buffer): void {
    let slice = '{"result":';
    for (const piece of jsonPieces(this.#method.response, bytes)) {
      slice += piece;
      if (slice.length < SLICE_CHARACTERS) continue;
      this.#start();
      this.#exchange.write(escaped(slice));
      slice = "";
    }
    slice = escaped(slice);
    this.#start();
    this.#exchange.write(`${slice}}\n`);
  }

  async #reply(bytes: Buffer): Promise<void> {
    const exchange = this.#exchange;
    try {
      await this.#replyInSlices(bytes);
    } catch (thrown) {
      const isUnsayable = thrown instanceof JsonTextError;
      if (!isUnsayable) this.#logUnexpected(thrown);
      if (exchange.isStarted) exchange.abort();
      else if (isUnsayable) exchange.reply(unsayableReply(thrown));
      else exchange.reply(errorReply(Status.INTERNAL, INTERNAL_TEXT));
    }
  }

  async #replyInSlices(bytes: Buffer): Promise<void> {
    const exchange = this.#exchange;
    let isGone = false;
    let slice = "";
    for (const piece of jsonPieces(this.#method.response, bytes)) {
      slice += piece;
      if (slice.length < SLICE_CHARACTERS) continue;
      this.#start();
      exchange.write(slice);
      slice = "";
      await new Promise<void>((resolve) => {
        exchange.onDrain = resolve;
        exchange.onGone = () => {
          isGone = true;
          resolve();
        };
        if (exchange.backlogBytes === 0) this.#options.clock.soon(resolve);
      });
      if (isGone) return;
    }
    if (!exchange.isStarted) {
      exchange.reply({ status: 200, headers: HEADERS, body: slice });
      return;
    }
    exchange.write(slice);
    exchange.end();
  }
}

/** The call's own headers come before the error's, and etcd has them in both. */
function unsayableReply({ message }: JsonTextError): Reply {
  const name = "Grpc-Metadata-Content-Type";
  const reply = errorReply(Status.UNKNOWN, message);
  return { ...reply, headers: { ...reply.headers, [name]: `${HEADERS[name]}, ${HEADERS[name]}` } };
}

function escaped(json: string): string {
  return json.replace(HTML_SENSITIVE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
