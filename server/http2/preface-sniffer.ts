import type { Socket } from "node:net";
import type { Guest } from "../base/guest-list.ts";
import { PREFACE } from "./protocol.ts";

const TLS_HANDSHAKE = 0x16;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

export interface SniffOutcome {
  /** The preface has been read; `rest` is what came behind it. */
  http2(rest: Buffer): void;
  /** What may be a request of HTTP/1: all of it is given back to the socket. */
  http1(): void;
  /** The first record of a TLS handshake, given back as well. */
  tls(): void;
  /** Nothing that anybody here speaks. */
  foreign(): void;
  /** In any case, before the two above, and when the socket closes. */
  done(): void;
}

/** Reads the first bytes of a connection to see who is to serve it. */
export class PrefaceSniffer implements Guest {
  readonly arrivedMs: number;
  readonly hasAsked = false;
  readonly isWaiting = true;
  readonly #socket: Socket;
  readonly #outcome: SniffOutcome;
  #seen: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, arrivedMs: number, outcome: SniffOutcome) {
    this.#socket = socket;
    this.arrivedMs = arrivedMs;
    this.#outcome = outcome;
    socket.on("data", this.#read);
    socket.on("close", this.#closed);
  }

  /** No longer than a preface is what it may say here. */
  get heardMs(): number {
    return this.arrivedMs;
  }

  destroy(): void {
    this.#end();
    this.#socket.destroy();
  }

  readonly #read = (chunk: Buffer): void => {
    const seen = this.#seen.length === 0 ? chunk : Buffer.concat([this.#seen, chunk]);
    const compared = Math.min(seen.length, PREFACE.length);
    const isHttp2 = seen.compare(PREFACE, 0, compared, 0, compared) === 0;
    if (isHttp2 && compared < PREFACE.length) {
      this.#seen = seen;
      return;
    }
    this.#end();
    if (isHttp2) {
      this.#outcome.http2(seen.subarray(PREFACE.length));
      return;
    }
    this.#socket.pause();
    this.#socket.unshift(seen);
    const first = seen[0] ?? 0;
    if (first >= UPPER_A && first <= UPPER_Z) this.#outcome.http1();
    else if (first === TLS_HANDSHAKE) this.#outcome.tls();
    else this.#outcome.foreign();
  };

  readonly #closed = (): void => this.#end();

  #end(): void {
    this.#socket.off("data", this.#read);
    this.#socket.off("close", this.#closed);
    this.#outcome.done();
  }
}
