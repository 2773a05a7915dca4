/** Something with a time at which it has to be looked at. */
export interface Timed {
  /** Monotonic ms. */
  dueAt: number;
}

/** The earliest first (binary heap). An item's `dueAt` does not change while it is in here. */
export class ExpiryQueue<T extends Timed> {
  #heap: T[] = [];

  get length(): number {
    return this.#heap.length;
  }

  push(item: T): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as T;
      if (above.dueAt <= item.dueAt) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  /** The first item if it is due. */
  popDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueAt > nowMs) return undefined;
    const last = this.#heap.pop() as T;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  /** Drops what is not wanted any more, due or not. */
  retain(isWanted: (item: T) => boolean): void {
    const wanted = this.#heap.filter(isWanted);
    this.#heap = [];
    for (const item of wanted) this.push(item);
  }

  clear(): void {
    this.#heap = [];
  }

  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && (heap[right] as T).dueAt < (heap[child] as T).dueAt) child = right;
      if ((heap[child] as T).dueAt >= item.dueAt) break;
      heap[at] = heap[child] as T;
      at = child;
    }
    heap[at] = item;
  }
}
