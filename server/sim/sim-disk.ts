import { assert } from "../base/assert.ts";
import type { SeededRandom } from "../base/random.ts";
import type { Entry, HardState } from "../raft/entry.ts";
import type { LogPosition } from "../raft/log.ts";
import type { Append } from "../raft/ready.ts";

type WalRecord =
  | { readonly kind: "base"; readonly position: LogPosition }
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "hardState"; readonly hardState: HardState };

/**
 * A write-ahead log that promises what the real one does, and not more: records reach the disk in
 * order; what was synced survives; of the rest a crash keeps some prefix.
 */
export class SimDisk {
  #base: LogPosition = { index: 0, term: 0 };
  #entries: Entry[] = [];
  #hardState: HardState = { term: 0, vote: 0n, commit: 0 };
  /** Written, not synced; oldest first. */
  #unsynced: WalRecord[] = [];
  readonly #onOverwrite: (entry: Entry) => void;

  /** `onOverwrite` hears of every synced entry that is taken back. */
  constructor(onOverwrite: (entry: Entry) => void) {
    this.#onOverwrite = onOverwrite;
  }

  get base(): LogPosition {
    return this.#base;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  /** The write has begun: a crash may keep any part of it. */
  write(append: Append): void {
    const { snapshot, entries, hardState } = append;
    if (snapshot !== undefined) this.#unsynced.push({ kind: "base", position: snapshot });
    for (const entry of entries) this.#unsynced.push({ kind: "entry", entry });
    if (hardState !== undefined) this.#unsynced.push({ kind: "hardState", hardState });
  }

  /** Everything written is durable now. */
  sync(): void {
    for (const record of this.#unsynced) this.#keep(record);
    this.#unsynced = [];
  }

  crash(random: SeededRandom, mayKeepBase: boolean): void {
    let kept = random.below(this.#unsynced.length + 1);
    if (!mayKeepBase) {
      const base = this.#unsynced.findIndex((record) => record.kind === "base");
      if (base >= 0) kept = Math.min(kept, base);
    }
    for (const record of this.#unsynced.slice(0, kept)) this.#keep(record);
    this.#unsynced = [];
  }

  #keep(record: WalRecord): void {
    switch (record.kind) {
      case "base":
        this.restart(record.position);
        return;
      case "entry":
        this.#keepEntry(record.entry);
        return;
      case "hardState":
        this.#hardState = record.hardState;
        return;
    }
  }

  #keepEntry(entry: Entry): void {
    const place = entry.index - this.#base.index - 1;
    assert(place >= 0, "an entry that the engine holds is written again");
    assert(place <= this.#entries.length, "an entry is written behind a gap");
    for (const overwritten of this.#entries.slice(place)) this.#onOverwrite(overwritten);
    this.#entries.length = place;
    this.#entries.push(entry);
  }

  /** Forgets the whole log in favour of what stands for everything up to `base`. */
  restart(base: LogPosition): void {
    this.#base = { index: base.index, term: base.term };
    this.#entries = [];
  }

  /** Everything through `index` is durable in the engine. */
  release(index: number): void {
    const term = this.term(index);
    if (index <= this.#base.index || term === undefined) return;
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { index, term };
  }

  term(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  /** Is the entry here, or part of what the base stands for? */
  holds(position: LogPosition): boolean {
    return position.index <= this.#base.index || this.term(position.index) === position.term;
  }
}
