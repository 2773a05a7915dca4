// JSON web tokens: signed statements of who somebody is and at which auth revision that was found.
// They need no log and no memory, only a key that all members share.
import { hash } from "node:crypto";
import { compactVerify, SignJWT } from "jose";
import { JOSEError } from "jose/errors";
import type { Identity } from "../auth/identity.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import { fingerprint } from "./fingerprint.ts";
import { type Claimed, claimedBy } from "./jwt-claims.ts";
import type { JwtKeys } from "./jwt-keys.ts";
import type { MaybeSoon, Tokens } from "./tokens.ts";

/** Tokens whose signature need not be verified again; the one longest in makes room. */
export const VERIFIED_MAX = 10_000;
/** Longer ones are nobody's: a token is a name, two numbers and a signature. */
const TOKEN_CHARACTERS_MAX = 16 * 1024;
/** The library decodes base64 that is padded or has blanks in it, and so one token in many forms. */
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const SWEEP_MS = 60_000;

export interface JwtTokensOptions {
  readonly keys: JwtKeys;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class JwtTokens implements Tokens {
  readonly #options: JwtTokensOptions;
  readonly #stopSweep: Cancel;
  /** By the hash of the token, which may be long. */
  readonly #verified = new Map<string, Claimed>();

  constructor(options: JwtTokensOptions) {
    this.#options = options;
    this.#stopSweep = options.clock.every(SWEEP_MS, () => this.#sweep());
  }

  get verifiedCount(): number {
    return this.#verified.size;
  }

  newPrefix(): string {
    return "";
  }

  holder(token: string): MaybeSoon<Identity | undefined> {
    if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
    const hashed = hash("sha256", token, "base64");
    const known = this.#verified.get(hashed);
    if (known === undefined) return this.#verify(token, hashed);
    if (known.expiresAt > this.#nowSeconds()) return known.identity;
    this.#verified.delete(hashed);
    return undefined;
  }

  async issue(username: string, authRevision: number): Promise<string> {
    const { keys, ttlMs, clock } = this.#options;
    if (keys.signing === undefined) throw new EtcdError("VerifyOnlyKey");
    const expiresAt = Math.floor((clock.now() + ttlMs) / 1000);
    return new SignJWT({ username: username.toWellFormed(), revision: authRevision })
      .setProtectedHeader({ alg: keys.method, typ: "JWT" })
      .setExpirationTime(expiresAt)
      .sign(keys.signing);
  }

  assigned(): void {}
  userChanged(): void {}
  disabled(): void {}
  stateReplaced(): void {}

  close(): void {
    this.#stopSweep();
  }

  async #verify(token: string, hashed: string): Promise<Identity | undefined> {
    if (!SHAPE.test(token)) return this.#refused(token, "not a signed token");
    const { keys } = this.#options;
    try {
      const { payload } = await compactVerify(token, keys.verifying, { algorithms: [keys.method] });
      const claimed = claimedBy(payload, this.#nowSeconds());
      if (claimed === undefined) return this.#refused(token, "nobody may call by its claims now");
      this.#remember(hashed, claimed);
      return claimed.identity;
    } catch (error) {
      if (!(error instanceof JOSEError)) throw error;
      return this.#refused(token, error.code);
    }
  }

  #refused(token: string, error: string): undefined {
    const fields = { "token-fingerprint": fingerprint(token), error };
    this.#options.log.warn("failed to parse a JWT token", fields);
    return undefined;
  }

  #remember(hashed: string, claimed: Claimed): void {
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size < VERIFIED_MAX) break;
      this.#verified.delete(oldest);
    }
    this.#verified.set(hashed, claimed);
  }

  #sweep(): void {
    const nowSeconds = this.#nowSeconds();
    for (const [hashed, { expiresAt }] of this.#verified) {
      if (expiresAt <= nowSeconds) this.#verified.delete(hashed);
    }
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock.now() / 1000);
  }
}
