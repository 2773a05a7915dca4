import type { Outbox } from "./outbox.ts";
import { FrameType, WINDOW_DEFAULT } from "./protocol.ts";
import type { Stream } from "./stream.ts";

/**
 * Receive windows of a connection's streams. Each stream has HTTP/2's default window, enough for
 * most messages; what a longer one lacks is granted once its length is known, out of a budget, in
 * the order of asking. So a peer can make us hold the default for each stream plus the budget, and
 * many long messages sent at once finish one after the other instead of all getting stuck.
 */
export class ReceiveGrants {
  readonly #outbox: Outbox;
  readonly #bytesMax: number;
  readonly #waiting = new Set<Stream>();
  #granted = 0;

  constructor(outbox: Outbox, bytesMax: number) {
    this.#outbox = outbox;
    this.#bytesMax = bytesMax;
  }

  /** To be called when the stream has received something and may send on. */
  replenish(stream: Stream): void {
    if (stream.isParked) return;
    if (stream.missingBytes > stream.receiveWindow) {
      if (!this.#waiting.has(stream) && !this.#grant(stream)) this.#waiting.add(stream);
    } else if (stream.missingBytes === 0) {
      this.release(stream);
      if (stream.receiveWindow < WINDOW_DEFAULT / 2) {
        this.#extend(stream, WINDOW_DEFAULT - stream.receiveWindow);
      }
    }
  }

  /** The message is complete, or the stream is gone: others may have its grant. */
  release(stream: Stream): void {
    this.#waiting.delete(stream);
    if (stream.grantedBytes === 0) return;
    this.#granted -= stream.grantedBytes;
    stream.grantedBytes = 0;
    for (const next of this.#waiting) {
      if (!this.#grant(next)) return;
      this.#waiting.delete(next);
    }
  }

  #grant(stream: Stream): boolean {
    const lacking = stream.missingBytes - stream.receiveWindow;
    // Alone, a message of any permitted length must get through.
    if (this.#granted > 0 && this.#granted + lacking > this.#bytesMax) return false;
    this.#granted += lacking;
    stream.grantedBytes += lacking;
    this.#extend(stream, lacking);
    return true;
  }

  #extend(stream: Stream, bytes: number): void {
    stream.receiveWindow += bytes;
    this.#outbox.numberFrame(FrameType.WINDOW_UPDATE, stream.id, bytes);
  }
}
