// Who is signed in. The cookie names a session; the session lives here, so that signing out ends
// it at once wherever the cookie has gone. Only a hash of its id is stored.
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
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

  constructor(store: ConsoleStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Returns the id, which is kept nowhere. */
  start(user: string): string {
    this.#makeRoom();
    const id = randomBytes(ID_BYTES).toString("base64url");
    const now = this.#now();
    this.#store.put(keyOf(id), { user, createdAt: now, usedAt: now });
    return id;
  }

  /** Counts as a use: for what somebody does. */
  resume(id: string): LiveSession | undefined {
    const record = this.#live(id);
    if (record === undefined) return undefined;
    const now = this.#now();
    const touched = { ...record, usedAt: now };
    if (now - record.usedAt >= TOUCH_MS) this.#store.putIfPossible(keyOf(id), touched);
    return { user: record.user, expiresAt: expiryOf(touched) };
  }

  /** No use: for what an open page does by itself, whoever sits before it. */
  peek(id: string): LiveSession | undefined {
    const record = this.#live(id);
    return record && { user: record.user, expiresAt: expiryOf(record) };
  }

  end(id: string): void {
    this.#store.remove(keyOf(id));
  }

  #live(id: string): SessionRecord | undefined {
    const record = SessionRecord.safeParse(this.#store.get(keyOf(id))).data;
    if (record === undefined || expiryOf(record) > this.#now()) return record;
    this.#store.remove(keyOf(id));
    return undefined;
  }

  /** Drops what has expired, and the oldest while there are too many. */
  #makeRoom(): void {
    const now = this.#now();
    const live: { id: string; record: SessionRecord }[] = [];
    for (const { id, record } of this.#all()) {
      if (record === undefined || expiryOf(record) <= now) this.#store.remove(["session", id]);
      else live.push({ id, record });
    }
    live.sort((a, b) => a.record.usedAt - b.record.usedAt);
    for (const { id } of live.slice(0, Math.max(0, live.length - SESSIONS_MAX + 1))) {
      this.#store.remove(["session", id]);
    }
  }

  #all(): { id: string; record: SessionRecord | undefined }[] {
    return this.#store.list("session").map(({ id, value }) => ({
      id,
      record: SessionRecord.safeParse(value).data,
    }));
  }
}

function expiryOf(record: SessionRecord): number {
  return Math.min(record.usedAt + IDLE_MS, record.createdAt + LIFETIME_MS);
}

function keyOf(id: string): RecordKey {
  return ["session", createHash("sha256").update(id).digest("base64url")];
}
