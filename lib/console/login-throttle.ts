// Against guessing passwords: so many failures per account and address, then a pause in which even
// the right password is refused. An address is locked out for an account, never the account as a
// whole, so that a flood from elsewhere cannot keep its owner out.

const FAILURES_MAX = 10;
/** Over all accounts: one address trying many names. */
const ADDRESS_FAILURES_MAX = 50;
const WINDOW_MS = 15 * 60_000;
/**
 * Beyond this the oldest that lock nobody out are forgotten. Checking a password is so slow that no
 * flood can lock as many within a window.
 */
const ENTRIES_MAX = 20_000;

interface Entry {
  readonly failuresMax: number;
  failures: number;
  /** When the window ends and the count starts anew. */
  readonly until: number;
  isTold: boolean;
}

/** Why a try must not be made. */
export interface Pause {
  readonly seconds: number;
  /** The first refusal of its window: worth a line in the log. */
  readonly isNews: boolean;
}

export class LoginThrottle {
  readonly #now: () => number;
  /** In the order in which they end. */
  readonly #entries = new Map<string, Entry>();
  #fullToldUntil = 0;

  /** `now` in ms, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Counts a try as failed in advance, so that tries in parallel are all counted. Returns a pause
   * when it must not be made at all.
   */
  begin(account: string, address: string): Pause | undefined {
    const keys = keysOf(account, address);
    const locked = [keys.shared, keys.own].flatMap((key) => {
      const entry = this.#live(key);
      return entry !== undefined && isLocked(entry) ? [entry] : [];
    });
    if (locked.length > 0) {
      const isNews = locked.some(({ isTold }) => !isTold);
      for (const entry of locked) entry.isTold = true;
      return { seconds: this.#secondsTo(Math.max(...locked.map(({ until }) => until))), isNews };
    }
    const missing = [keys.shared, keys.own].filter((key) => this.#live(key) === undefined);
    if (!this.#makeRoom(missing.length, keys)) return this.#full();
    this.#entry(keys.shared, ADDRESS_FAILURES_MAX).failures++;
    this.#entry(keys.own, FAILURES_MAX).failures++;
    return undefined;
  }

  succeeded(account: string, address: string): void {
    const keys = keysOf(account, address);
    this.#entries.delete(keys.own);
    this.#takeBack(keys.shared);
  }

  /** The try that has begun was not made: nobody has looked at the password. */
  notMade(account: string, address: string): void {
    const keys = keysOf(account, address);
    this.#takeBack(keys.own);
    this.#takeBack(keys.shared);
  }

  #takeBack(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.failures--;
    if (entry.failures <= 0) this.#entries.delete(key);
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > this.#now() ? entry : undefined;
  }

  #entry(key: string, failuresMax: number): Entry {
    const known = this.#live(key);
    if (known !== undefined) return known;
    this.#entries.delete(key);
    const until = this.#now() + WINDOW_MS;
    const entry = { failuresMax, failures: 0, until, isTold: false };
    this.#entries.set(key, entry);
    return entry;
  }

  /** False when all that are kept lock somebody out. */
  #makeRoom(count: number, { own, shared }: Keys): boolean {
    let excess = this.#entries.size + count - ENTRIES_MAX;
    if (excess <= 0) return true;
    const now = this.#now();
    for (const [key, entry] of this.#entries) {
      if (key === own || key === shared) continue;
      if (entry.until > now && isLocked(entry)) continue;
      this.#entries.delete(key);
      if (--excess <= 0) return true;
    }
    return false;
  }

  #full(): Pause {
    const now = this.#now();
    const [first] = this.#entries.values();
    const until = first?.until ?? now;
    const isNews = now >= this.#fullToldUntil;
    if (isNews) this.#fullToldUntil = now + WINDOW_MS;
    return { seconds: this.#secondsTo(until), isNews };
  }

  #secondsTo(until: number): number {
    return Math.max(1, Math.ceil((until - this.#now()) / 1000));
  }
}

function isLocked({ failures, failuresMax }: Entry): boolean {
  return failures >= failuresMax;
}

interface Keys {
  readonly own: string;
  readonly shared: string;
}

function keysOf(account: string, address: string): Keys {
  const place = placeOf(address);
  return { own: JSON.stringify([place, account]), shared: JSON.stringify([place]) };
}

/** Who has one IPv6 address has the 2^64 of its subnet; a mapped IPv4 address is that address. */
function placeOf(address: string): string {
  const [bare = ""] = address.split("%");
  const host = `http://[${bare}]`;
  if (!/^[\da-f:.]*:[\da-f:.]*$/i.test(bare) || !URL.canParse(host)) return address;
  const [head = "", tail] = new URL(host).hostname.slice(1, -1).split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  const groups = [...before, ...zeros, ...after];
  if (groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff") {
    const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
