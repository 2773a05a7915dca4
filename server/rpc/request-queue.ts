import { EtcdError } from "../errors.ts";

/** Requests of one stream that wait behind one that takes longer; then the stream is ended. */
const WAITING_MAX = 10_000;

/** Handles the requests of one stream in their order: at once, unless an earlier one takes longer. */
export class RequestQueue<Request> {
  readonly #handle: (request: Request) => void | Promise<void>;
  readonly #fail: (error: unknown) => void;
  #waiting: Request[] = [];
  #isBusy = false;
  #isClosed = false;

  /**
   * @param handle may throw or reject
   * @param fail told of what `handle` threw when `push` could no longer throw it; once
   */
  constructor(handle: (request: Request) => void | Promise<void>, fail: (error: unknown) => void) {
    this.#handle = handle;
    this.#fail = fail;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws EtcdError TooManyRequests, and what handling the request throws at once */
  push(request: Request): void {
    if (this.#isClosed) return;
    if (!this.#isBusy) this.#start(request);
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(request);
    else throw new EtcdError("TooManyRequests");
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  #start(request: Request): void {
    const pending = this.#handle(request);
    if (pending instanceof Promise) void this.#wait(pending);
  }

  async #wait(pending: Promise<void>): Promise<void> {
    this.#isBusy = true;
    try {
      await pending;
      this.#isBusy = false;
      while (!this.#isBusy && !this.#isClosed) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        this.#start(next);
      }
    } catch (error) {
      if (this.#isClosed) return;
      this.close();
      this.#fail(error);
    }
  }
}
