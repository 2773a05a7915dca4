import type { Random } from "../base/random.ts";

// Which ranges hold a key: a tree over the ranges' starts in which every node knows the furthest
// end below it, so that whole branches are skipped. Kept shallow by random priorities (a treap): as
// long as nobody who chooses ranges can foresee them, a million ranges are some 60 levels deep, which
// is also how deep the functions below call themselves.

const PRIORITIES = 2 ** 32;

interface Node<T> {
  readonly start: string;
  /** Absent: open to the end of all keys. */
  readonly end: string | undefined;
  readonly items: Set<T>;
  readonly priority: number;
  /** Of the whole branch. */
  furthestEnd: string | undefined;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
}

/** Items under ranges [start, end) of keys; keys are latin-1 strings of their bytes. */
export class IntervalIndex<T> {
  readonly #random: Random;
  #root: Node<T> | undefined;

  /** @param random not to be foreseen by those who choose the ranges */
  constructor(random: Random) {
    this.#random = random;
  }

  add(start: string, end: string | undefined, item: T): void {
    const node = find(this.#root, start, end);
    if (node !== undefined) {
      node.items.add(item);
      return;
    }
    const priority = this.#random.below(PRIORITIES);
    const items = new Set([item]);
    const added = {
      start,
      end,
      items,
      priority,
      furthestEnd: end,
      left: undefined,
      right: undefined,
    };
    this.#root = insert(this.#root, added);
  }

  /** False when it was not there. */
  delete(start: string, end: string | undefined, item: T): boolean {
    const node = find(this.#root, start, end);
    if (node?.items.delete(item) !== true) return false;
    if (node.items.size === 0) this.#root = remove(this.#root, start, end);
    return true;
  }

  /** All items under just this range. */
  deleteAll(start: string, end: string | undefined): void {
    this.#root = remove(this.#root, start, end);
  }

  /** The items under just this range. */
  get(start: string, end: string | undefined): ReadonlySet<T> | undefined {
    return find(this.#root, start, end)?.items;
  }

  /**
   * Calls back for every range that holds `key`, with its items, until that returns false. Nothing
   * may be added or deleted meanwhile.
   */
  match(key: string, callback: (items: ReadonlySet<T>) => boolean): void {
    visit(this.#root, key, callback);
  }

  /** The items of all ranges, range by range. */
  *[Symbol.iterator](): Generator<ReadonlySet<T>> {
    const above = [this.#root];
    for (let node = above.pop(); node !== undefined; node = above.pop()) {
      yield node.items;
      if (node.left !== undefined) above.push(node.left);
      if (node.right !== undefined) above.push(node.right);
    }
  }
}

/** False when it was told to stop. */
function visit<T>(
  node: Node<T> | undefined,
  key: string,
  callback: (items: ReadonlySet<T>) => boolean,
): boolean {
  if (node === undefined || !isBelow(key, node.furthestEnd)) return true;
  if (!visit(node.left, key, callback)) return false;
  if (key < node.start) return true;
  if (isBelow(key, node.end) && !callback(node.items)) return false;
  return visit(node.right, key, callback);
}

function isBelow(key: string, end: string | undefined): boolean {
  return end === undefined || key < end;
}

/** Order of the tree: by start, then by end, an open end last. */
function order(aStart: string, aEnd: string | undefined, node: Node<unknown>): number {
  if (aStart !== node.start) return aStart < node.start ? -1 : 1;
  if (aEnd === node.end) return 0;
  if (aEnd === undefined) return 1;
  return node.end === undefined || aEnd < node.end ? -1 : 1;
}

function find<T>(
  root: Node<T> | undefined,
  start: string,
  end: string | undefined,
): Node<T> | undefined {
  let node = root;
  while (node !== undefined) {
    const sign = order(start, end, node);
    if (sign === 0) return node;
    node = sign < 0 ? node.left : node.right;
  }
  return undefined;
}

function insert<T>(node: Node<T> | undefined, added: Node<T>): Node<T> {
  if (node === undefined) return added;
  if (added.priority > node.priority) {
    const [left, right] = split(node, added.start, added.end);
    added.left = left;
    added.right = right;
    return refreshed(added);
  }
  if (order(added.start, added.end, node) < 0) node.left = insert(node.left, added);
  else node.right = insert(node.right, added);
  return refreshed(node);
}

function remove<T>(
  node: Node<T> | undefined,
  start: string,
  end: string | undefined,
): Node<T> | undefined {
  if (node === undefined) return undefined;
  const sign = order(start, end, node);
  if (sign === 0) return merge(node.left, node.right);
  if (sign < 0) node.left = remove(node.left, start, end);
  else node.right = remove(node.right, start, end);
  return refreshed(node);
}

/** The branch in two: before the range, and behind it. */
function split<T>(
  node: Node<T> | undefined,
  start: string,
  end: string | undefined,
): [Node<T> | undefined, Node<T> | undefined] {
  if (node === undefined) return [undefined, undefined];
  if (order(start, end, node) < 0) {
    const [left, right] = split(node.left, start, end);
    node.left = right;
    return [left, refreshed(node)];
  }
  const [left, right] = split(node.right, start, end);
  node.right = left;
  return [refreshed(node), right];
}

function merge<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return refreshed(left);
  }
  right.left = merge(left, right.left);
  return refreshed(right);
}

function refreshed<T>(node: Node<T>): Node<T> {
  node.furthestEnd = further(node.end, further(endOf(node.left), endOf(node.right)));
  return node;
}

/** A branch that is not there ends before every key. */
function endOf(node: Node<unknown> | undefined): string | undefined {
  return node === undefined ? "" : node.furthestEnd;
}

function further(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return undefined;
  return a < b ? b : a;
}
