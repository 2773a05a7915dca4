import { BoundedQueue } from "../base/queue.ts";
import type { Entry } from "../raft/entry.ts";

/** Entries that are committed and not yet applied, in order. */
export class Backlog {
  /** What is committed cannot be refused. */
  readonly #entries = new BoundedQueue<Entry>(Number.POSITIVE_INFINITY);

  get first(): Entry | undefined {
    return this.#entries.peek();
  }

  push(entries: Iterable<Entry>): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The first one is applied. */
  shift(): void {
    this.#entries.shift();
  }

  /** A snapshot holds what these up to `index` would do. */
  dropUpTo(index: number): void {
    this.push(this.#entries.drain().filter((entry) => entry.index > index));
  }
}
