// What a signed token claims, read as etcd's library reads it.
import type { Identity } from "../auth/identity.ts";

/** Whoever signed a token may have put anything else into it, and anything in place of these. */
interface Claims {
  readonly username?: unknown;
  readonly revision?: unknown;
  readonly exp?: unknown;
  readonly nbf?: unknown;
  readonly iat?: unknown;
}

export interface Claimed {
  readonly identity: Identity;
  /** Seconds of the Unix clock; infinite where the token names no end. */
  readonly expiresAt: number;
}

/** Behind it Go's seconds begin again, long ago. */
const SECONDS_MAX = 2 ** 63 - 62_135_596_800;

/**
 * @param payload that was signed
 * @param nowSeconds of the Unix clock
 * @returns undefined where it says of nobody that he may call now
 */
export function claimedBy(payload: Uint8Array, nowSeconds: number): Claimed | undefined {
  const claims = claimsOf(payload);
  if (claims === undefined) return undefined;
  const { username, revision } = claims;
  if (typeof username !== "string" || typeof revision !== "number" || revision < 0) {
    return undefined;
  }
  const authRevision = Math.trunc(revision);
  if (!Number.isSafeInteger(authRevision)) return undefined;
  const expiresAt = momentOf(claims.exp, Number.POSITIVE_INFINITY);
  const begins = [claims.nbf, claims.iat].map((begin) => momentOf(begin, Number.NEGATIVE_INFINITY));
  if (!(nowSeconds < expiresAt) || !begins.every((begin) => begin <= nowSeconds)) return undefined;
  // As Go reads JSON: no token names a user by bytes that are no UTF-8.
  return { identity: { username: username.toWellFormed(), authRevision }, expiresAt };
}

/** A byte order mark is no JSON. */
function claimsOf(payload: Uint8Array): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString());
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @returns whole seconds; NaN, which is before and after nothing, where it is no number */
function momentOf(claim: unknown, unclaimed: number): number {
  if (claim === undefined || claim === 0) return unclaimed;
  if (typeof claim !== "number" || !Number.isFinite(claim)) return Number.NaN;
  return claim > SECONDS_MAX ? Number.NEGATIVE_INFINITY : Math.floor(claim);
}
