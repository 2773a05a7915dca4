// A read of a socket may hold two thousand requests, and Node's parser takes all of a read in one go:
// fifty milliseconds, for nothing where only the first of them are answered. So it is given a read
// in slices, and nothing of it any more when the socket has been destroyed, or when it has said what
// is no request: that is read and thrown away, so that the end of the connection is still seen.
import type { Duplex } from "node:stream";

/** As long as requests may begin in it. */
const SLICE_BYTES = 1024;
/** Within a body: the dearest end of one that a peer can choose costs a few milliseconds. */
const BODY_SLICE_BYTES = 16 * 1024;

export class SlicedInput {
  readonly #socket: Duplex;
  readonly #parse: (chunk: Buffer) => void;
  readonly #isInBody: () => boolean;
  #isOver = false;
  #isDiscarding = false;

  /**
   * @param socket that a server of Node's has begun to serve; it hands its reads over from now on
   * @param isInBody what comes belongs to a body, as far as is known
   */
  constructor(socket: Duplex, isInBody: () => boolean = () => false) {
    this.#socket = socket;
    this.#isInBody = isInBody;
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

  /** From now on nothing is parsed. */
  discard(): void {
    this.#isDiscarding = true;
  }

  readonly #read = (chunk: Buffer): void => {
    let at = 0;
    while (at < chunk.length && !this.#socket.destroyed) {
      if (this.#isDiscarding) return;
      if (this.#isOver) {
        this.#socket.unshift(chunk.subarray(at));
        return;
      }
      const end = at + (this.#isInBody() ? BODY_SLICE_BYTES : SLICE_BYTES);
      this.#parse.call(this.#socket, chunk.subarray(at, end));
      at = end;
    }
  };
}
