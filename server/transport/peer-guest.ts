import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Guest } from "../base/guest-list.ts";

/** Requests of one connection at a time; a peer sends the next one after the answer. */
const PIPELINED_MAX = 8;

/** One connection to the peer port: whether it asks for something or only sits there. */
export class PeerGuest implements Guest {
  readonly arrivedMs: number;
  readonly #socket: Socket;
  #request: IncomingMessage | undefined;
  #unansweredCount = 0;
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

  /** A request's head is here. False when it is one too many, which ends the connection. */
  asks(request: IncomingMessage, nowMs: number): boolean {
    this.#unansweredCount++;
    if (this.#unansweredCount > PIPELINED_MAX) {
      this.destroy();
      return false;
    }
    this.#request = request;
    this.#heardMs = nowMs;
    return true;
  }

  answered(nowMs: number): void {
    this.#unansweredCount--;
    this.#hasAsked = this.hasAsked;
    this.#request = undefined;
    this.#heardMs = nowMs;
  }
}
