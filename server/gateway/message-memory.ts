import { must } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { costliest, type Holder } from "../http2/memory-shares.ts";

/** What one connection holds of it. */
export interface MessageShare {
  /** So many bytes in all from now on. May end this connection, or another. */
  hold(bytes: number): void;
  /** The connection holds nothing any more. */
  leave(): void;
}

interface Member extends Holder {
  heldBytes: number;
  takenMs: number;
  /** Ends the connection, which leaves. */
  readonly close: () => void;
}

/**
 * Of messages that have not come whole, what all connections hold together. Beyond the limit one of
 * the host that holds most has to go.
 */
export class MessageMemory {
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #members = new Set<Member>();
  #held = 0;

  constructor(bytesMax: number, clock: Clock) {
    this.#bytesMax = bytesMax;
    this.#clock = clock;
  }

  get heldBytes(): number {
    return this.#held;
  }

  enter(host: string, close: () => void): MessageShare {
    const member: Member = { host, heldBytes: 0, takenMs: this.#clock.monotonic(), close };
    this.#members.add(member);
    return {
      hold: (bytes) => this.#hold(member, bytes),
      leave: () => this.#leave(member),
    };
  }

  #hold(member: Member, bytes: number): void {
    if (!this.#members.has(member)) return;
    if (bytes < member.heldBytes) member.takenMs = this.#clock.monotonic();
    this.#held += bytes - member.heldBytes;
    member.heldBytes = bytes;
    while (this.#held > this.#bytesMax) {
      const victim = must(costliest(this.#members), "bytes are held only for connections");
      this.#leave(victim);
      victim.close();
    }
  }

  #leave(member: Member): void {
    if (this.#members.delete(member)) this.#held -= member.heldBytes;
  }
}
