import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** @param certificateName CN of the client's certificate where one was demanded and verified */
export type Accepted = (socket: TLSSocket, certificateName: string | undefined) => void;

/** A connection that is not through its handshake yet. */
export interface Pending {
  readonly socket: Socket;
  /** Both ends. */
  readonly key: string;
  /** The client's host. */
  readonly address: string;
  readonly remote: string;
  readonly sinceMs: number;
  readonly accepted: Accepted;
  /** It is the library's. */
  isStarted: boolean;
}

/** Oldest first. */
interface Crowd {
  readonly all: Set<Pending>;
  /** Whose first message is here. */
  readonly ready: Set<Pending>;
}

/**
 * Who waits for a handshake. Each host has its turn, one of its connections at a time, so that a
 * host that comes with many keeps only itself waiting.
 */
export class PendingHandshakes {
  readonly #byKey = new Map<string, Pending>();
  /** The host whose turn is next comes first. */
  readonly #crowds = new Map<string, Crowd>();

  get size(): number {
    return this.#byKey.size;
  }

  find(key: string): Pending | undefined {
    return this.#byKey.get(key);
  }

  values(): Iterable<Pending> {
    return this.#byKey.values();
  }

  add(pending: Pending): void {
    this.#byKey.set(pending.key, pending);
    const crowd = this.#crowds.get(pending.address) ?? { all: new Set(), ready: new Set() };
    crowd.all.add(pending);
    this.#crowds.set(pending.address, crowd);
  }

  /** Harmless when it is not here. */
  delete(pending: Pending): void {
    if (this.#byKey.get(pending.key) === pending) this.#byKey.delete(pending.key);
    const crowd = this.#crowds.get(pending.address);
    crowd?.all.delete(pending);
    crowd?.ready.delete(pending);
    if (crowd?.all.size === 0) this.#crowds.delete(pending.address);
  }

  setReady(pending: Pending): void {
    this.#crowds.get(pending.address)?.ready.add(pending);
  }

  /** Whose turn it is: it stays here, but is ready no more. */
  takeReady(): Pending | undefined {
    for (const [address, crowd] of this.#crowds) {
      const [pending] = crowd.ready;
      if (pending === undefined) continue;
      crowd.ready.delete(pending);
      this.#crowds.delete(address);
      this.#crowds.set(address, crowd);
      return pending;
    }
    return undefined;
  }

  /** Who has to make room: the oldest of the host that has most here. */
  leastWelcome(): Pending | undefined {
    let largest: Crowd | undefined;
    for (const crowd of this.#crowds.values()) {
      if (largest === undefined || crowd.all.size > largest.all.size) largest = crowd;
    }
    const [oldest] = largest?.all ?? [];
    return oldest;
  }
}
