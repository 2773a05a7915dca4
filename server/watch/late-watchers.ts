import type { Watcher } from "./watcher.ts";

/**
 * A revision that some were not told in its turn, although their streams had room: what they missed
 * is kept from compaction until each has been told, has left, or reads too slowly himself.
 */
export class Lateness {
  /** Those who are late, and whoever may still become so. */
  #holders = 0;
  #release: (() => void) | undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Whether all since then can still be read. */
  get isKept(): boolean {
    return this.#release !== undefined;
  }

  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    if (--this.#holders === 0) this.end();
  }

  end(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

interface LateCrowds {
  readonly revision: number;
  readonly lateness: Lateness | undefined;
  readonly watchers: Iterator<Watcher>;
}

export interface LateWatcher {
  readonly watcher: Watcher;
  /** The first that it was not told of. */
  readonly revision: number;
  /** Absent where what it missed may be compacted already. */
  readonly lateness: Lateness | undefined;
}

/**
 * Crowds that missed a revision because they were too many for its turn. They are put behind whole,
 * at no cost for each watcher; what is to be done for each can be done in slices.
 */
export class LateWatchers {
  /** By revision. */
  readonly #crowds: LateCrowds[] = [];

  /** The first revision that somebody missed. */
  get revision(): number | undefined {
    return this.#crowds[0]?.revision;
  }

  /** @param crowds may not change; those who left meanwhile come all the same */
  add(revision: number, crowds: Iterable<ReadonlySet<Watcher>>, lateness?: Lateness): void {
    lateness?.hold();
    this.#crowds.push({ revision, lateness, watchers: members(crowds) });
  }

  /** The next of those who wait longest. */
  take(): LateWatcher | undefined {
    for (;;) {
      const [first] = this.#crowds;
      if (first === undefined) return undefined;
      const { revision, lateness, watchers } = first;
      const next = watchers.next();
      if (next.done !== true) return { watcher: next.value, revision, lateness };
      this.#crowds.shift();
      lateness?.letGo();
    }
  }
}

function* members(crowds: Iterable<ReadonlySet<Watcher>>): Generator<Watcher> {
  for (const crowd of crowds) yield* crowd;
}
