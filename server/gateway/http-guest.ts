import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Guest } from "../base/guest-list.ts";
import type { Http1Exchange } from "./exchange.ts";

/** Requests of one connection that wait until those before them are answered. */
const PIPELINED_MAX = 32;
/**
 * A request's head must be there in this time, its body must not pause for longer before the answer
 * begins, and a kept connection must be used again.
 */
const REQUEST_MS = 30_000;
/** An answer of which nothing is taken for so long is not wanted. */
const ANSWER_MS = 120_000;

/** A request of which the head is here. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly exchange: Http1Exchange;
}

/** What the two of them say now, of a connection that has changed its protocol. */
export interface Dialogue {
  /** The client has said something. */
  readonly isBegun: boolean;
  /** The last has been said, and the client is to close. */
  readonly isOver: boolean;
}

/** One connection of HTTP/1: whose turn it is, and since when. */
export class HttpGuest implements Guest {
  readonly arrivedMs: number;
  readonly #socket: Socket;
  /** Being answered. */
  #asked: Asked | undefined;
  #waiting: Asked[] = [];
  /** Waits for all of them: no request comes behind it. */
  #last: (() => void) | undefined;
  #dialogue: Dialogue | undefined;
  #hasAsked = false;
  /** Since when it is whose turn it is, or something moved. */
  #sinceMs: number;
  #bytesRead: number;
  #bytesTaken = 0;
  /** An answer waits, and in the last period the peer took nothing of it. */
  #isUnread = false;

  constructor(socket: Socket, nowMs: number) {
    this.#socket = socket;
    this.arrivedMs = nowMs;
    this.#sinceMs = nowMs;
    this.#bytesRead = socket.bytesRead;
  }

  get hasAsked(): boolean {
    return (
      this.#hasAsked || this.#asked?.request.complete === true || this.#dialogue?.isBegun === true
    );
  }

  get isWaiting(): boolean {
    return this.#isUnread || !this.#isOurTurn;
  }

  get heardMs(): number {
    return this.#sinceMs;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The request of which the body is on its way. */
  get sending(): Asked | undefined {
    const newest = this.#waiting.at(-1) ?? this.#asked;
    return newest?.request.complete === false ? newest : undefined;
  }

  /** False when it has to wait until those before it are answered. */
  asks(asked: Asked, nowMs: number): boolean {
    if (this.#asked === undefined) {
      this.#asked = asked;
      this.#turns(nowMs);
      return true;
    }
    if (this.#waiting.length < PIPELINED_MAX) this.#waiting.push(asked);
    else this.destroy();
    return false;
  }

  /** An answer is over, or nobody wants it; returns what is to be answered next. */
  answered(nowMs: number): Asked | undefined {
    this.#hasAsked = this.hasAsked;
    this.#asked = this.#waiting.shift();
    this.#turns(nowMs);
    if (this.#asked === undefined) this.#last?.();
    return this.#asked;
  }

  /** Nothing is asked any more: `end` is called when all that was asked before is answered. */
  endsBy(end: () => void): void {
    if (this.#asked === undefined) end();
    else this.#last = end;
  }

  /** Asks for another protocol: `begin` is called when all that was asked before is answered. */
  upgrades(begin: () => void): void {
    this.endsBy(begin);
    // Node's server no longer hears of the socket, but what it answers still waits for it.
    this.#socket.on("drain", () => this.#asked?.response.emit("drain"));
  }

  /** The connection is gone: what waits will not be answered. */
  left(): void {
    this.#waiting = [];
    this.#last = undefined;
  }

  changesProtocol(dialogue: Dialogue, nowMs: number): void {
    this.#dialogue = dialogue;
    this.#turns(nowMs);
  }

  /** Once a second: a peer that has had its time is gone. */
  sweep(nowMs: number): void {
    const isOurTurn = this.#isOurTurn;
    const limitMs = isOurTurn ? ANSWER_MS : REQUEST_MS;
    if (isOurTurn ? this.#isReading() : this.#isSending()) this.#sinceMs = nowMs;
    if (nowMs - this.#sinceMs > limitMs) this.destroy();
  }

  get #isOurTurn(): boolean {
    if (this.#dialogue !== undefined) {
      const { isBegun, isOver } = this.#dialogue;
      return isOver ? this.#socket.writableLength > 0 : isBegun;
    }
    if (this.#asked === undefined) return false;
    const { request, response } = this.#asked;
    return request.complete || response.headersSent || this.#last !== undefined;
  }

  /** A head may take only so long in all; of a body, each part. */
  #isSending(): boolean {
    const isMoving = this.#asked !== undefined && this.#socket.bytesRead !== this.#bytesRead;
    this.#bytesRead = this.#socket.bytesRead;
    return isMoving;
  }

  #isReading(): boolean {
    const { bytesWritten, writableLength } = this.#socket;
    const taken = bytesWritten - writableLength;
    this.#isUnread = writableLength > 0 && taken === this.#bytesTaken;
    this.#bytesTaken = taken;
    return !this.#isUnread;
  }

  #turns(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#bytesRead = this.#socket.bytesRead;
    this.#isUnread = false;
  }
}
