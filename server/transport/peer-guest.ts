import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Guest } from "../base/guest-list.ts";

/** Requests of one connection at a time; a peer sends the next one after the answer. */
const PIPELINED_MAX = 8;

/** One connection to the peer port: whether it asks for something or only sits there. */
export class PeerGuest implements Guest {
  readonly arrivedMs: number;
  readonly #socket: Socket;
  #request: IncomingMessage | undefined;
  #response: ServerResponse | undefined;
  #unansweredCount = 0;
  #isEnding = false;
  /** Called when all that was asked is answered. */
  #end: (() => void) | undefined;
  #hasAsked = false;
  #heardMs: number;

  constructor(socket: Socket, nowMs: number) {
    this.#socket = socket;
    this.arrivedMs = nowMs;
    this.#heardMs = nowMs;
  }

  get hasAsked(): boolean {
    return this.#hasAsked || this.#request?.complete === true;
  }

  get isWaiting(): boolean {
    return this.#request?.complete !== true;
  }

  get heardMs(): number {
    return this.#heardMs;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** A body is on its way. */
  get isSending(): boolean {
    return this.#request?.complete === false;
  }

  /** Nothing has been said yet of the one request that is to be answered. */
  get isUntold(): boolean {
    return this.#unansweredCount === 1 && this.#response?.headersSent === false;
  }

  /** What comes now is not answered. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** A request's head is here. False when it is one too many, which ends the connection. */
  asks(request: IncomingMessage, response: ServerResponse, nowMs: number): boolean {
    this.#unansweredCount++;
    if (this.#unansweredCount > PIPELINED_MAX) {
      this.destroy();
      return false;
    }
    this.#request = request;
    this.#response = response;
    this.#heardMs = nowMs;
    return true;
  }

  /** Nothing is asked any more: `end` is called when all that was asked before is answered. */
  endsBy(end: () => void): void {
    this.#isEnding = true;
    if (this.#unansweredCount === 0) end();
    else this.#end = end;
  }

  answered(nowMs: number): void {
    this.#unansweredCount--;
    this.#hasAsked = this.hasAsked;
    this.#request = undefined;
    this.#response = undefined;
    this.#heardMs = nowMs;
    if (this.#unansweredCount === 0) this.#end?.();
  }
}
