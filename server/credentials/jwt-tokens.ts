// JSON web tokens: signed statements of who somebody is and at which auth revision that was found.
// They need no log and no memory, only a key that all members share.
import { jwtVerify, SignJWT } from "jose";
import { JOSEError } from "jose/errors";
import type { Identity } from "../auth/identity.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import { fingerprint } from "./fingerprint.ts";
import type { JwtKeys } from "./jwt-keys.ts";
import type { MaybeSoon, Tokens } from "./tokens.ts";

/** Tokens whose signature need not be verified again; the one longest in makes room. */
const VERIFIED_MAX = 10_000;
/** Longer ones are nobody's: a token is a name, two numbers and a signature. */
const TOKEN_CHARACTERS_MAX = 16 * 1024;

export interface JwtTokensOptions {
  readonly keys: JwtKeys;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Verified {
  readonly identity: Identity;
  /** Seconds of the Unix clock; infinite where the token names no end. */
  readonly expiresAt: number;
}

export class JwtTokens implements Tokens {
  readonly #options: JwtTokensOptions;
  readonly #verified = new Map<string, Verified>();

  constructor(options: JwtTokensOptions) {
    this.#options = options;
  }

  newPrefix(): string {
    return "";
  }

  holder(token: string): MaybeSoon<Identity | undefined> {
    const known = this.#verified.get(token);
    if (known === undefined) return this.#verify(token);
    if (known.expiresAt > this.#nowSeconds()) return known.identity;
    this.#verified.delete(token);
    return undefined;
  }

  async issue(username: string, authRevision: number): Promise<string> {
    const { keys, ttlMs, clock } = this.#options;
    if (keys.signing === undefined) throw new EtcdError("VerifyOnlyKey");
    const expiresAt = Math.floor((clock.now() + ttlMs) / 1000);
    return new SignJWT({ username, revision: authRevision })
      .setProtectedHeader({ alg: keys.method, typ: "JWT" })
      .setExpirationTime(expiresAt)
      .sign(keys.signing);
  }

  assigned(): void {}
  userChanged(): void {}
  disabled(): void {}
  stateReplaced(): void {}
  close(): void {}

  async #verify(token: string): Promise<Identity | undefined> {
    const { keys, clock, log } = this.#options;
    if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
    try {
      const { payload } = await jwtVerify(token, keys.verifying, {
        algorithms: [keys.method],
        currentDate: new Date(clock.now()),
      });
      const { username, revision, exp } = payload;
      if (typeof username !== "string" || typeof revision !== "number") return undefined;
      if (!Number.isSafeInteger(revision) || revision < 0) return undefined;
      const identity = { username, authRevision: revision };
      this.#remember(token, { identity, expiresAt: exp ?? Number.POSITIVE_INFINITY });
      return identity;
    } catch (error) {
      if (!(error instanceof JOSEError)) throw error;
      const fields = { "token-fingerprint": fingerprint(token), error: error.code };
      log.warn("failed to parse a JWT token", fields);
      return undefined;
    }
  }

  #remember(token: string, verified: Verified): void {
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size < VERIFIED_MAX) break;
      this.#verified.delete(oldest);
    }
    this.#verified.set(token, verified);
  }

  #nowSeconds(): number {
    return this.#options.clock.now() / 1000;
  }
}
