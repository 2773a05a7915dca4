import { EtcdError } from "../errors.ts";

/** Whoever waits for something to be worked out for him. */
export interface TurnTaker {
  /** His address with its port, `10.0.0.7:51234`. */
  readonly remote: string;
  /** He is gone: an answer would reach nobody. */
  readonly isCanceled: boolean;
  /** Set while he waits. */
  onCancel: (() => void) | undefined;
}

interface Waiting {
  readonly begin: () => void;
  readonly refuse: (error: EtcdError) => void;
}

/**
 * Work of which little can be done at once. Hosts whose callers wait take turns, and where no place
 * is left the host with the most gives one up: whoever asks for much keeps nobody else from it. Who
 * goes while he waits leaves his place.
 */
export class Turns {
  readonly #atOnceMax: number;
  readonly #waitingMax: number;
  /** The host whose turn is next first; of each the callers in their order, at least one. */
  readonly #hosts = new Map<string, Set<Waiting>>();
  #waitingCount = 0;
  #running = 0;

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax;
    this.#waitingMax = waitingMax;
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** @throws EtcdError Canceled, TooManyRequests, and what the work throws */
  async take<T>(taker: TurnTaker, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnceMax) this.#running++;
    else await this.#wait(taker);
    try {
      if (taker.isCanceled) throw new EtcdError("Canceled");
      return await work();
    } finally {
      this.#next();
    }
  }

  async #wait(taker: TurnTaker): Promise<void> {
    const host = hostOf(taker);
    if (this.#waitingCount >= this.#waitingMax) this.#makeRoom(host);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { begin: resolve, refuse: reject };
    const others = this.#hosts.get(host);
    if (others === undefined) this.#hosts.set(host, new Set([waiting]));
    else others.add(waiting);
    this.#waitingCount++;
    taker.onCancel = () => {
      if (this.#leave(host, waiting)) waiting.refuse(new EtcdError("Canceled"));
    };
    try {
      await promise;
    } finally {
      taker.onCancel = undefined;
    }
  }

  /** @throws EtcdError TooManyRequests where no host has more places than this one */
  #makeRoom(host: string): void {
    let most = host;
    let places = this.#hosts.get(host)?.size ?? 0;
    for (const [other, { size }] of this.#hosts) if (size > places) [most, places] = [other, size];
    if (most === host) throw new EtcdError("TooManyRequests");
    this.#first(most)?.refuse(new EtcdError("TooManyRequests"));
  }

  #next(): void {
    for (const [host, callers] of this.#hosts) {
      const next = this.#first(host);
      this.#hosts.delete(host);
      if (callers.size > 0) this.#hosts.set(host, callers);
      next?.begin();
      return;
    }
    this.#running--;
  }

  /** Takes the one who has waited longest of a host's callers. */
  #first(host: string): Waiting | undefined {
    for (const waiting of this.#hosts.get(host) ?? []) {
      this.#leave(host, waiting);
      return waiting;
    }
    return undefined;
  }

  /** False where he does not wait any more. */
  #leave(host: string, waiting: Waiting): boolean {
    const callers = this.#hosts.get(host);
    if (callers?.delete(waiting) !== true) return false;
    this.#waitingCount--;
    if (callers.size === 0) this.#hosts.delete(host);
    return true;
  }
}

function hostOf({ remote }: TurnTaker): string {
  return remote.slice(0, remote.lastIndexOf(":"));
}
