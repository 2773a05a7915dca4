// A reply of lines, each pulled when the reader wants it: whoever reads slowly holds back the work
// that the lines tell of.
import { Problem } from "./problem.ts";
import { logUnexpected } from "./reply.ts";
import { onShutdown } from "./shutdown.ts";

/** A reader that takes nothing for so long is cut off. */
const STALLED_MS = 30_000;
const encoder = new TextEncoder();

export interface LineOptions {
  readonly requestId: string;
  /** Each becomes a line of JSON. */
  readonly lines: AsyncGenerator<unknown>;
  /**
   * Called once when the reader has gone or takes nothing, or the process is told to end. The lines
   * must soon come to their end then; at the end of the process what they still say is sent.
   */
  readonly stop: (why: Error) => void;
}

export function lineReply(options: LineOptions): Response {
  const stream = new LineStream(options);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => stream.start(controller),
    pull: () => stream.pull(),
    cancel: () => stream.end(new Error("the reader has gone")),
  });
  return new Response(body, {
    headers: { "content-type": "application/x-ndjson; charset=utf-8", "x-accel-buffering": "no" },
  });
}

class LineStream {
  readonly #options: LineOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #stalled: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  readonly #forgetShutdown: () => void;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#forgetShutdown = onShutdown(() => void this.#shutDown());
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  async pull(): Promise<void> {
    clearTimeout(this.#stalled);
    await this.#takeLine();
    if (this.#isOver) return;
    this.#stalled = setTimeout(() => this.#cutOff(), STALLED_MS);
  }

  /** What the lines do at their end, they do only when they are asked to end. */
  async end(why: Error): Promise<void> {
    if (this.#isOver) return;
    this.#leave();
    this.#options.stop(why);
    try {
      await this.#options.lines.return(undefined);
    } catch (error) {
      logUnexpected(error, this.#options.requestId);
    }
  }

  async #takeLine(): Promise<void> {
    try {
      const next = await this.#options.lines.next();
      if (this.#isOver) return;
      if (next.done !== true) {
        this.#controller?.enqueue(encoder.encode(`${JSON.stringify(next.value)}\n`));
        return;
      }
      this.#leave();
      this.#controller?.close();
    } catch (error) {
      logUnexpected(error, this.#options.requestId);
      if (this.#isOver) return;
      this.#leave();
      this.#controller?.error(error);
    }
  }

  #cutOff(): void {
    const why = new Error("the reader takes nothing");
    void this.end(why);
    this.#controller?.error(why);
  }

  /** There is no time left to wait for the reader. */
  async #shutDown(): Promise<void> {
    this.#options.stop(new Problem("unavailable", "the console is stopping"));
    while (!this.#isOver) await this.#takeLine();
  }

  #leave(): void {
    this.#isOver = true;
    clearTimeout(this.#stalled);
    this.#forgetShutdown();
  }
}
