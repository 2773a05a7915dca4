import type { Random } from "../base/random.ts";
import { IntervalIndex } from "./interval-index.ts";
import type { Watcher } from "./watcher.ts";

/** Watchers by what they watch. Those of the same key or range are a crowd. */
export class WatcherGroup {
  readonly #random: Random;
  #byKey = new Map<string, Set<Watcher>>();
  #byRange: IntervalIndex<Watcher>;
  #size = 0;
  #foundCount = 0;

  /** @param random not to be foreseen by those who choose what to watch */
  constructor(random: Random) {
    this.#random = random;
    this.#byRange = new IntervalIndex(random);
  }

  get size(): number {
    return this.#size;
  }

  /** Those that `match` finds. */
  get foundCount(): number {
    return this.#foundCount;
  }

  /** Those that were hidden. */
  get hiddenCount(): number {
    return this.#size - this.#foundCount;
  }

  /** One that is not here. */
  add(watcher: Watcher): void {
    this.#size++;
    this.#foundCount++;
    const { key, range } = watcher;
    if (range !== undefined) {
      this.#byRange.add(key, range.end, watcher);
      return;
    }
    const sameKey = this.#byKey.get(key);
    if (sameKey === undefined) this.#byKey.set(key, new Set([watcher]));
    else sameKey.add(watcher);
  }

  /** One that is here. */
  delete(watcher: Watcher): void {
    this.#size--;
    if (this.#unlist(watcher)) this.#foundCount--;
  }

  /**
   * Calls back for every crowd that watches `key`, until that returns false; nobody may join, leave
   * or be hidden meanwhile.
   */
  match(key: string, callback: (crowd: ReadonlySet<Watcher>) => boolean): void {
    const sameKey = this.#byKey.get(key);
    if (sameKey !== undefined && !callback(sameKey)) return;
    this.#byRange.match(key, callback);
  }

  /** Its watchers stay, but are not found until they are deleted and added again. */
  hide(crowd: ReadonlySet<Watcher>): void {
    const [first] = crowd;
    if (first === undefined) return;
    const { key, range } = first;
    if (range === undefined) this.#byKey.delete(key);
    else this.#byRange.deleteAll(key, range.end);
    this.#foundCount -= crowd.size;
  }

  /** Hides everybody who was found. @returns their crowds, which stay as they are now */
  hideAll(): Iterable<ReadonlySet<Watcher>> {
    const [byKey, byRange] = [this.#byKey, this.#byRange];
    this.#byKey = new Map();
    this.#byRange = new IntervalIndex(this.#random);
    this.#foundCount = 0;
    return crowds(byKey, byRange);
  }

  /** Whether it is here, but is not found. */
  isHidden(watcher: Watcher): boolean {
    const { key, range } = watcher;
    const crowd = range === undefined ? this.#byKey.get(key) : this.#byRange.get(key, range.end);
    return crowd?.has(watcher) !== true;
  }

  /** False when it was hidden. */
  #unlist(watcher: Watcher): boolean {
    const { key, range } = watcher;
    if (range !== undefined) return this.#byRange.delete(key, range.end, watcher);
    const sameKey = this.#byKey.get(key);
    if (sameKey?.delete(watcher) !== true) return false;
    if (sameKey.size === 0) this.#byKey.delete(key);
    return true;
  }
}

function* crowds(
  byKey: ReadonlyMap<string, ReadonlySet<Watcher>>,
  byRange: IntervalIndex<Watcher>,
): Generator<ReadonlySet<Watcher>> {
  yield* byKey.values();
  yield* byRange;
}
