import type { Watcher } from "./watcher.ts";

interface LateCrowds {
  readonly revision: number;
  readonly watchers: Iterator<Watcher>;
}

export interface LateWatcher {
  readonly watcher: Watcher;
  /** The first that it was not told of. */
  readonly revision: number;
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
  add(revision: number, crowds: Iterable<ReadonlySet<Watcher>>): void {
    this.#crowds.push({ revision, watchers: members(crowds) });
  }

  /** The next of those who wait longest. */
  take(): LateWatcher | undefined {
    for (;;) {
      const [first] = this.#crowds;
      if (first === undefined) return undefined;
      const next = first.watchers.next();
      if (next.done !== true) return { watcher: next.value, revision: first.revision };
      this.#crowds.shift();
    }
  }
}

function* members(crowds: Iterable<ReadonlySet<Watcher>>): Generator<Watcher> {
  for (const crowd of crowds) yield* crowd;
}
