import type { Entry, SnapshotMetadata } from "../raft/entry.ts";

interface Run {
  readonly from: number;
  readonly term: number;
}

/** Which term each entry of the log has, in a few numbers: one run per term. */
export class LogTerms {
  #runs: Run[] = [];
  #lastIndex = 0;

  append(entries: readonly Entry[]): void {
    for (const { index, term } of entries) {
      while (index <= (this.#runs.at(-1)?.from ?? 0)) this.#runs.pop();
      if (this.#runs.at(-1)?.term !== term) this.#runs.push({ from: index, term });
      this.#lastIndex = index;
    }
  }

  /** Whether the log has this very entry. */
  holds(snapshot: SnapshotMetadata): boolean {
    if (snapshot.index > this.#lastIndex) return false;
    return this.#runs.findLast((run) => run.from <= snapshot.index)?.term === snapshot.term;
  }

  /** The log up to here is in a snapshot; without `isHeld` nothing behind it is left either. */
  startAt(snapshot: SnapshotMetadata, isHeld: boolean): void {
    if (isHeld) {
      const first = this.#runs.findLastIndex((run) => run.from <= snapshot.index);
      this.#runs.splice(0, first);
    } else {
      this.#runs = [{ from: snapshot.index, term: snapshot.term }];
      this.#lastIndex = snapshot.index;
    }
  }
}
