import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Guest } from "../base/guest-list.ts";

/** One connection to the peer port: whether it asks for something or only sits there. */
export class PeerGuest implements Guest {
  readonly arrivedMs: number;
  readonly #socket: Socket;
  #request: IncomingMessage | undefined;
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

  /** A request's head is here. */
  asks(request: IncomingMessage, nowMs: number): void {
    this.#request = request;
    this.#heardMs = nowMs;
  }

  answered(nowMs: number): void {
    this.#hasAsked = this.hasAsked;
    this.#request = undefined;
    this.#heardMs = nowMs;
  }
}
