// Who is signed in. The cookie names a session; the session lives here, so that signing out ends
// it at once wherever the cookie has gone. Only a hash of its id is stored.
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { tell } from "./audit-log.ts";
import type { ConsoleStore, RecordKey } from "./store.ts";

export const IDLE_MS = 30 * 60_000;
export const LIFETIME_MS = 12 * 3_600_000;
/** How stale the stored time of last use may be: a write per request would be one too many. */
const TOUCH_MS = 60_000;
const SESSIONS_MAX = 1_000;
const ID_BYTES = 32;

const SessionRecord = z.object({ user: z.string(), createdAt: z.number(), usedAt: z.number() });
type SessionRecord = z.infer<typeof SessionRecord>;

export interface LiveSession {
  readonly user: string;
  readonly expiresAt: number;
}

/** All times in ms since 1970. */
export class Sessions {
  readonly #store: ConsoleStore;
  readonly #now: () => number;
  /** Times of last use that could not be stored, by the id in the store: they count over its own. */
  readonly #unstoredUse = new Map<string, number>();
  /** What has ended and could not be removed, by the id in the store. */
  readonly #unstoredEnd = new Set<string>();

  constructor(store: ConsoleStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Returns the id, which is kept nowhere. */
  start(user: string): string {
    this.#makeRoom();
    const id = randomBytes(ID_BYTES).toString("base64url");
    const now = this.#now();
    this.#store.put(keyOf(storedId(id)), { user, createdAt: now, usedAt: now });
    return id;
  }

  /** Counts as a use: for what somebody does. */
  resume(id: string): LiveSession | undefined {
    const stored = storedId(id);
    const record = this.#live(stored);
    if (record === undefined) return undefined;
    const now = this.#now();
    const touched = { ...record, usedAt: now };
    if (now - record.usedAt >= TOUCH_MS) this.#touch(stored, touched);
    return { user: record.user, expiresAt: expiryOf(touched) };
  }

  /** No use: for what an open page does by itself, whoever sits before it. */
  peek(id: string): LiveSession | undefined {
    const record = this.#live(storedId(id));
    return record && { user: record.user, expiresAt: expiryOf(record) };
  }

  /** Where it cannot be removed it is refused from now on all the same. */
  end(id: string): void {
    const stored = storedId(id);
    const record = this.#live(stored);
    this.#unstoredEnd.add(stored);
    this.#drop(stored);
    if (record === undefined || !this.#unstoredEnd.has(stored)) return;
    const msg = "a session that has ended is still stored, and may count again after a restart";
    tell(msg, { user: record.user });
  }

  #live(stored: string): SessionRecord | undefined {
    const record = this.#recordOf(stored, this.#store.get(keyOf(stored)));
    if (record === undefined) return undefined;
    if (!this.#unstoredEnd.has(stored) && expiryOf(record) > this.#now()) return record;
    this.#drop(stored);
    return undefined;
  }

  #touch(stored: string, touched: SessionRecord): void {
    if (this.#store.putIfPossible(keyOf(stored), touched)) this.#unstoredUse.delete(stored);
    else this.#unstoredUse.set(stored, touched.usedAt);
  }

  /** Where it cannot be removed it stays, and stays expired or ended. */
  #drop(stored: string): void {
    if (this.#store.removeIfPossible(keyOf(stored))) this.#unstoredEnd.delete(stored);
    this.#unstoredUse.delete(stored);
  }

  #recordOf(stored: string, value: unknown): SessionRecord | undefined {
    const record = SessionRecord.safeParse(value).data;
    const usedAt = this.#unstoredUse.get(stored);
    return record === undefined || usedAt === undefined ? record : { ...record, usedAt };
  }

  /** Drops what has expired, and the oldest while there are too many. */
  #makeRoom(): void {
    const now = this.#now();
    const live: { id: string; record: SessionRecord }[] = [];
    for (const { id, record } of this.#all()) {
      const hasEnded = record === undefined || this.#unstoredEnd.has(id);
      if (hasEnded || expiryOf(record) <= now) this.#drop(id);
      else live.push({ id, record });
    }
    live.sort((a, b) => a.record.usedAt - b.record.usedAt);
    for (const { id } of live.slice(0, Math.max(0, live.length - SESSIONS_MAX + 1))) {
      this.#drop(id);
    }
  }

  #all(): { id: string; record: SessionRecord | undefined }[] {
    return this.#store.list("session").map(({ id, value }) => ({
      id,
      record: this.#recordOf(id, value),
    }));
  }
}

function expiryOf(record: SessionRecord): number {
  return Math.min(record.usedAt + IDLE_MS, record.createdAt + LIFETIME_MS);
}

function storedId(id: string): string {
  return createHash("sha256").update(id).digest("base64url");
}

function keyOf(stored: string): RecordKey {
  return ["session", stored];
}
