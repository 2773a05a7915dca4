import type { Entry } from "../raft/entry.ts";

/** Entries that are committed and not yet applied, in order. */
export class Backlog {
  #entries: Entry[] = [];
  #at = 0;

  get first(): Entry | undefined {
    return this.#entries[this.#at];
  }

  push(entries: Iterable<Entry>): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The first one is applied. */
  shift(): void {
    this.#at++;
    if (this.#at < this.#entries.length) return;
    this.#entries = [];
    this.#at = 0;
  }

  /** A snapshot holds what these up to `index` would do. */
  dropUpTo(index: number): void {
    this.#entries = this.#entries.slice(this.#at).filter((entry) => entry.index > index);
    this.#at = 0;
  }
}
