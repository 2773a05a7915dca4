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
  /** When the step began that it is at: the handshake, or the checks behind it. */
  sinceMs: number;
  readonly accepted: Accepted;
  /** It is the library's, or was until its end. */
  isStarted: boolean;
  /** The log has said why it is not accepted. */
  isRejected: boolean;
}

/** The connections of one host, oldest first. */
interface Crowd {
  readonly all: Set<Pending>;
  /** Whose first message is here. */
  readonly ready: Set<Pending>;
  readonly started: Set<Pending>;
}

/** All who wait, or those of them whom the library keeps in mind. */
export type Share = "all" | "started";

/**
 * Who waits for a handshake. Each host has its turn, one of its connections at a time, so that a
 * host that comes with many keeps only itself waiting.
 */
export class PendingHandshakes {
  readonly #byKey = new Map<string, Pending>();
  /** The host whose turn is next comes first. */
  readonly #crowds = new Map<string, Crowd>();
  #startedCount = 0;

  get size(): number {
    return this.#byKey.size;
  }

  get startedCount(): number {
    return this.#startedCount;
  }

  find(key: string): Pending | undefined {
    return this.#byKey.get(key);
  }

  values(): Iterable<Pending> {
    return this.#byKey.values();
  }

  add(pending: Pending): void {
    this.#byKey.set(pending.key, pending);
    const crowd = this.#crowds.get(pending.address) ?? newCrowd();
    crowd.all.add(pending);
    this.#crowds.set(pending.address, crowd);
  }

  /** Harmless when it is not here. */
  delete(pending: Pending): void {
    if (this.#byKey.get(pending.key) === pending) this.#byKey.delete(pending.key);
    const crowd = this.#crowds.get(pending.address);
    crowd?.all.delete(pending);
    crowd?.ready.delete(pending);
    if (crowd?.started.delete(pending) === true) this.#startedCount--;
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

  /** It is the library's from now on. To be said once of one that is here. */
  setStarted(pending: Pending): void {
    pending.isStarted = true;
    this.#crowds.get(pending.address)?.started.add(pending);
    this.#startedCount++;
  }

  /** Who has to make room: of the host that has most of this share, the one longest in it. */
  leastWelcome(share: Share): Pending | undefined {
    let largest: Set<Pending> | undefined;
    for (const { [share]: pendings } of this.#crowds.values()) {
      if (largest === undefined || pendings.size > largest.size) largest = pendings;
    }
    const [oldest] = largest ?? [];
    return oldest;
  }
}

function newCrowd(): Crowd {
  return { all: new Set(), ready: new Set(), started: new Set() };
}
