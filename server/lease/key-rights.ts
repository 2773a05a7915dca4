/** What somebody may do with a key. */
export type Right = "readable" | "writable";

/** Whose right it is, by the users and roles of a revision of theirs. */
export interface Holder {
  readonly username: string;
  readonly authRevision: number;
}

interface KnownRight extends Holder {
  /** Keys that came to the lease since. */
  readonly added: Set<string>;
}

/**
 * Who was found to have a right to all keys of a lease, so that a lease with many keys is not
 * judged as a whole each time that it is renewed or given another. The last finding alone is known.
 */
export class KeyRights {
  readonly #keys: ReadonlySet<string>;
  readonly #known = new Map<Right, KnownRight>();

  /** @param keys those on the lease */
  constructor(keys: ReadonlySet<string>) {
    this.#keys = keys;
  }

  added(name: string): void {
    for (const { added } of this.#known.values()) added.add(name);
  }

  removed(name: string): void {
    for (const { added } of this.#known.values()) added.delete(name);
  }

  /** The keys of which it is not known whether the holder has the right, and one of the others. */
  *unjudged(right: Right, { username, authRevision }: Holder): Iterable<string> {
    const known = this.#known.get(right);
    if (known?.username !== username || known.authRevision !== authRevision) {
      yield* this.#keys;
      return;
    }
    const [first] = this.#keys;
    if (first !== undefined) yield first;
    yield* known.added;
  }

  /** The holder has the right to all keys that are there now. */
  judged(right: Right, { username, authRevision }: Holder): void {
    const known = this.#known.get(right);
    if (known?.username === username && known.authRevision === authRevision) {
      known.added.clear();
      return;
    }
    this.#known.set(right, { username, authRevision, added: new Set() });
  }
}
