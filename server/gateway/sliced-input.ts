// A read of a socket may hold two thousand requests, and Node's parser takes all of a read in one go:
// fifty milliseconds, for nothing where only the first of them are answered. So it is given a read
// in slices, and nothing of it any more when the socket has been destroyed.
import type { Socket } from "node:net";

const SLICE_BYTES = 1024;

export class SlicedInput {
  readonly #socket: Socket;
  readonly #parse: (chunk: Buffer) => void;
  #isOver = false;

  /** @param socket that a server of Node's has begun to serve; it hands its reads over from now on */
  constructor(socket: Socket) {
    this.#socket = socket;
    const [parse] = socket.listeners("data");
    this.#parse = parse as (chunk: Buffer) => void;
    socket.off("data", this.#parse);
    socket.on("data", this.#read);
  }

  /** Somebody else reads the socket; what is left of a read is given back to it. */
  end(): void {
    this.#isOver = true;
    this.#socket.off("data", this.#read);
  }

  readonly #read = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length && !this.#socket.destroyed; at += SLICE_BYTES) {
      if (this.#isOver) {
        this.#socket.unshift(chunk.subarray(at));
        return;
      }
      this.#parse.call(this.#socket, chunk.subarray(at, at + SLICE_BYTES));
    }
  };
}
