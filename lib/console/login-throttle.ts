// Against guessing passwords: so many failures per account and address, then a pause in which even
// the right password is refused. An address is locked out for an account, never the account as a
// whole, so that a flood from elsewhere cannot keep its owner out.

const FAILURES_MAX = 10;
/** Over all accounts: one address trying many names. */
const ADDRESS_FAILURES_MAX = 50;
const WINDOW_MS = 15 * 60_000;
/** Beyond this the oldest are forgotten. */
const ENTRIES_MAX = 20_000;

interface Entry {
  failures: number;
  /** When the window ends and the count starts anew. */
  until: number;
}

export class LoginThrottle {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();

  /** `now` in ms, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Counts a try as failed in advance, so that tries in parallel are all counted. Returns the
   * seconds to wait when it must not be made at all, else 0.
   */
  begin(account: string, address: string): number {
    const own = this.#entry(ownKey(account, address));
    const shared = this.#entry(addressKey(address));
    const locked = [
      ...(own.failures >= FAILURES_MAX ? [own] : []),
      ...(shared.failures >= ADDRESS_FAILURES_MAX ? [shared] : []),
    ];
    if (locked.length > 0) {
      const until = Math.max(...locked.map((entry) => entry.until));
      return Math.max(1, Math.ceil((until - this.#now()) / 1000));
    }
    own.failures++;
    shared.failures++;
    return 0;
  }

  succeeded(account: string, address: string): void {
    this.#entries.delete(ownKey(account, address));
    const shared = this.#entries.get(addressKey(address));
    if (shared !== undefined) shared.failures = Math.max(0, shared.failures - 1);
  }

  #entry(key: string): Entry {
    const now = this.#now();
    const known = this.#entries.get(key);
    if (known !== undefined && known.until > now) return known;
    this.#entries.delete(key);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size >= ENTRIES_MAX && oldest !== undefined) this.#entries.delete(oldest);
    const entry = { failures: 0, until: now + WINDOW_MS };
    this.#entries.set(key, entry);
    return entry;
  }
}

function ownKey(account: string, address: string): string {
  return JSON.stringify([address, account]);
}

function addressKey(address: string): string {
  return JSON.stringify([address]);
}
