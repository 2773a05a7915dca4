import type { Socket } from "node:net";
import { PREFACE } from "./protocol.ts";

export interface SniffOutcome {
  /** The preface has been read; `rest` is what came behind it. */
  http2(rest: Buffer): void;
  /** Something else: all of it is given back to the socket. */
  http1(): void;
  /** In any case, before the two above, and when the socket closes. */
  done(): void;
}

/** Reads the first bytes of a connection to see who is to serve it. */
export class PrefaceSniffer {
  readonly openedMs: number;
  readonly #socket: Socket;
  readonly #outcome: SniffOutcome;
  #seen: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, openedMs: number, outcome: SniffOutcome) {
    this.#socket = socket;
    this.openedMs = openedMs;
    this.#outcome = outcome;
    socket.on("data", this.#read);
    socket.on("close", this.#closed);
  }

  destroy(): void {
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
    if (isHttp2) this.#outcome.http2(seen.subarray(PREFACE.length));
    else {
      this.#socket.pause();
      this.#socket.unshift(seen);
      this.#outcome.http1();
    }
  };

  readonly #closed = (): void => this.#end();

  #end(): void {
    this.#socket.off("data", this.#read);
    this.#socket.off("close", this.#closed);
    this.#outcome.done();
  }
}
