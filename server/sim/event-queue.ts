/** What has a time at which it happens. */
export interface Timed {
  readonly at: number;
}

/** Earliest first; of two at the same time, the one that was pushed first. A binary heap. */
export class EventQueue<T extends Timed> {
  readonly #heap: { readonly event: T; readonly order: number }[] = [];
  #pushed = 0;

  get length(): number {
    return this.#heap.length;
  }

  push(event: T): void {
    const heap = this.#heap;
    const node = { event, order: this.#pushed++ };
    let at = heap.length;
    heap.push(node);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as typeof node;
      if (!isBefore(node, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = node;
  }

  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    return first.event;
  }

  #sink(node: { readonly event: T; readonly order: number }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as typeof node)) child++;
      const below = heap[child];
      if (below === undefined || !isBefore(below, node)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = node;
  }
}

function isBefore(
  a: { readonly event: Timed; readonly order: number },
  b: { readonly event: Timed; readonly order: number },
): boolean {
  return a.event.at < b.event.at || (a.event.at === b.event.at && a.order < b.order);
}
