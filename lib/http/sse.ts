// Server-sent events with an end-to-end brake. Messages are pulled: the next one is asked for only
// when the browser has taken the last, so that a slow reader holds back its own watch (which can
// resume) instead of filling our memory, and nothing is ever left out.
//
//   etcd ── flow control ──▶ followWatch ── pull ──▶ frames ── socket ──▶ browser
//
// A reader that takes nothing for a while is cut off; it comes back with Last-Event-ID.
import { logUnexpected } from "./reply.ts";
import { onShutdown } from "./shutdown.ts";

export interface SseMessage {
  readonly event: string;
  readonly data: unknown;
  /** Everything up to this id has been delivered. */
  readonly id?: string | undefined;
}

export interface SseOptions {
  readonly requestId: string;
  /** Must abort when `cancelled` is called. */
  readonly messages: AsyncGenerator<SseMessage>;
  /** Ends the source; called exactly once, whatever ended the stream. */
  readonly cancelled: () => void;
  /** Turns what the source throws into the last message. */
  readonly failure: (error: unknown) => SseMessage;
  /** Asked now and then: false ends the stream with `farewell`. */
  readonly isAllowed: () => Promise<boolean>;
  readonly farewell: SseMessage;
}

const HEARTBEAT_MS = 15_000;
const RECHECK_MS = 4_000;
const STALLED_MS = 30_000;
/** Small messages share a chunk; a stream of many events would otherwise be all overhead. */
const CHUNK_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export function sseReply(options: SseOptions): Response {
  const stream = new SseStream(options);
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => stream.start(controller),
      pull: () => stream.pull(),
      cancel: () => stream.stop(),
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "x-accel-buffering": "no",
      // Kept alive behind the stream, the connection would hold up the server's end.
      connection: "close",
    },
  });
}

/** One line of JSON, so that no key or value can forge a field. */
export function formatMessage(message: SseMessage): string {
  const id = message.id === undefined ? "" : `id: ${message.id}\n`;
  return `${id}event: ${message.event}\ndata: ${JSON.stringify(message.data)}\n\n`;
}

type Pending = Promise<IteratorResult<SseMessage>>;

class SseStream {
  readonly #options: SseOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #timers: ReturnType<typeof setInterval>[] = [];
  /** Asked for, and not handed out yet. */
  #pending: Pending | undefined;
  #sentAt = Date.now();
  #isStopped = false;
  /** The stream is over: nobody needs to end it any more. */
  readonly #forgetShutdown: () => void;

  constructor(options: SseOptions) {
    this.#options = options;
    this.#forgetShutdown = onShutdown(() => this.#close());
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#timers = [
      setInterval(() => this.#heartbeat(), HEARTBEAT_MS),
      setInterval(() => void this.#recheck(), RECHECK_MS),
    ];
  }

  /** Waits for one message, then adds what is there already. */
  async pull(): Promise<void> {
    let text = "";
    try {
      while (text.length < CHUNK_BYTES) {
        const pending = (this.#pending ??= this.#options.messages.next());
        const next = text === "" ? await pending : await settledNow(pending);
        if (next === undefined) break;
        this.#pending = undefined;
        if (next.done) {
          this.#send(text);
          this.#close();
          return;
        }
        text += formatMessage(next.value);
      }
      this.#send(text);
    } catch (error) {
      this.#pending = undefined;
      this.#send(text + formatMessage(this.#options.failure(error)));
      this.#close();
    }
  }

  /** The browser has gone, or we are done. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#forgetShutdown();
    for (const timer of this.#timers) clearInterval(timer);
    this.#options.cancelled();
    this.#options.messages.return(undefined).catch((error: unknown) => {
      logUnexpected(error, this.#options.requestId);
    });
  }

  #send(text: string): void {
    if (this.#isStopped || text === "") return;
    this.#sentAt = Date.now();
    this.#controller?.enqueue(encoder.encode(text));
  }

  #close(): void {
    if (this.#isStopped) return;
    this.#controller?.close();
    this.stop();
  }

  #heartbeat(): void {
    const wanted = this.#controller?.desiredSize ?? 0;
    if (wanted > 0) this.#send(": heartbeat\n\n");
    else if (Date.now() - this.#sentAt > STALLED_MS) this.#cutOff();
  }

  #cutOff(): void {
    if (this.#isStopped) return;
    this.#controller?.error(new Error("the reader takes nothing"));
    this.stop();
  }

  async #recheck(): Promise<void> {
    try {
      if (await this.#options.isAllowed()) return;
      this.#send(formatMessage(this.#options.farewell));
      this.#close();
    } catch (error) {
      logUnexpected(error, this.#options.requestId);
      this.#cutOff();
    }
  }
}

/** The result if it is there already. A rejection is left to whoever awaits the promise itself. */
async function settledNow(pending: Pending): Promise<IteratorResult<SseMessage> | undefined> {
  const later = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
  return Promise.race([pending, later]);
}
