// Simple tokens: 16 random letters and the index of a log entry. Every member applies the entry and
// so knows the token; none of them writes it down. Using one gives it its whole time again, on the
// member where it is used.
import type { Identity } from "../auth/identity.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { MaybeSoon, Tokens } from "./tokens.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const PREFIX_LETTERS = 16;
const SWEEP_MS = 1000;
const TTL_SECONDS_DEFAULT = 300;
/** Tokens that live at once; the one that was used longest ago makes room. */
export const SIMPLE_TOKENS_MAX = 200_000;
const SHAPE = /^[^.]*\.(\d{1,20})$/;

export interface SimpleTokensOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** `--auth-token-ttl`; 0 is the default. */
  readonly ttlSeconds: number;
  readonly appliedIndex: () => number;
  /** Resolves when all that was acknowledged anywhere before the call is applied here. */
  readonly catchUp: () => Promise<void>;
}

interface Held {
  readonly username: string;
  expiresMs: number;
}

export class SimpleTokens implements Tokens {
  readonly #options: SimpleTokensOptions;
  readonly #ttlMs: number;
  readonly #stopSweep: Cancel;
  /** The next to expire first, since all live equally long. */
  readonly #held = new Map<string, Held>();

  constructor(options: SimpleTokensOptions) {
    const { clock, ttlSeconds } = options;
    this.#options = options;
    this.#ttlMs = (ttlSeconds > 0 ? ttlSeconds : TTL_SECONDS_DEFAULT) * 1000;
    this.#stopSweep = clock.every(SWEEP_MS, () => this.#sweep());
  }

  get count(): number {
    return this.#held.size;
  }

  newPrefix(): string {
    const { random } = this.#options;
    const letter = () => LETTERS.charAt(random.below(LETTERS.length));
    return Array.from({ length: PREFIX_LETTERS }, letter).join("");
  }

  holder(token: string, authRevision: () => number): MaybeSoon<Identity | undefined> {
    const known = this.#use(token, authRevision);
    if (known !== undefined || !this.#mayStillCome(token)) return known;
    return this.#options.catchUp().then(() => this.#use(token, authRevision));
  }

  issue(_username: string, _authRevision: number, logged: string): string {
    return logged;
  }

  assigned(username: string, token: string): void {
    this.#held.delete(token);
    if (this.#held.size >= SIMPLE_TOKENS_MAX) {
      for (const oldest of this.#held.keys()) {
        this.#held.delete(oldest);
        break;
      }
    }
    this.#held.set(token, { username, expiresMs: this.#nowMs() + this.#ttlMs });
  }

  userChanged(username: string): void {
    for (const [token, held] of this.#held) {
      if (held.username === username) this.#held.delete(token);
    }
  }

  disabled(): void {
    this.#held.clear();
  }

  stateReplaced(): void {
    this.#held.clear();
  }

  close(): void {
    this.#stopSweep();
  }

  #use(token: string, authRevision: () => number): Identity | undefined {
    const held = this.#held.get(token);
    if (held === undefined) return undefined;
    held.expiresMs = this.#nowMs() + this.#ttlMs;
    this.#held.delete(token);
    this.#held.set(token, held);
    return { username: held.username, authRevision: authRevision() };
  }

  /** Given out by another member, for an entry that this one has not applied yet. */
  #mayStillCome(token: string): boolean {
    const index = SHAPE.exec(token)?.[1];
    return index !== undefined && BigInt(index) >= BigInt(this.#options.appliedIndex());
  }

  #sweep(): void {
    const nowMs = this.#nowMs();
    for (const [token, { expiresMs }] of this.#held) {
      if (expiresMs >= nowMs) return;
      this.#held.delete(token);
    }
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}
