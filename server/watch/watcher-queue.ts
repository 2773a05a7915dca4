import type { WatchStream } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";

/**
 * Watchers that catch up, by stream, so that one whose client does not read is passed over at once
 * however many watchers it has. Who was served stands behind the others, and so does its stream.
 */
export class WatcherQueue {
  readonly #byStream = new Map<WatchStream, Set<Watcher>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  [Symbol.iterator](): IterableIterator<[WatchStream, Set<Watcher>]> {
    return this.#byStream.entries();
  }

  add(watcher: Watcher): void {
    const watchers = this.#byStream.get(watcher.stream);
    if (watchers === undefined) this.#byStream.set(watcher.stream, new Set([watcher]));
    else if (watchers.has(watcher)) return;
    else watchers.add(watcher);
    this.#size++;
  }

  /** False when it was not there. */
  delete(watcher: Watcher): boolean {
    const watchers = this.#byStream.get(watcher.stream);
    if (watchers?.delete(watcher) !== true) return false;
    if (watchers.size === 0) this.#byStream.delete(watcher.stream);
    this.#size--;
    return true;
  }

  /** Behind all others. */
  requeue(watcher: Watcher): void {
    const { stream } = watcher;
    const watchers = this.#byStream.get(stream);
    if (watchers?.delete(watcher) !== true) return;
    watchers.add(watcher);
    this.#byStream.delete(stream);
    this.#byStream.set(stream, watchers);
  }
}
