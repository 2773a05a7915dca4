import type { Identity } from "../auth/identity.ts";
import type { TokenEvents } from "../auth/token-events.ts";
import { EtcdError } from "../errors.ts";

/** Mostly known at once. */
export type MaybeSoon<T> = T | Promise<T>;

/** One kind of token, as `--auth-token` chooses it. */
export interface Tokens extends TokenEvents {
  /** The random beginning of a token that the log completes; "" where the log has no part in it. */
  newPrefix(): string;
  /**
   * Whose token it is; undefined when it is nobody's, or no longer.
   * @param authRevision of whenever it is asked
   * @throws EtcdError when it could not be found out
   */
  holder(token: string, authRevision: () => number): MaybeSoon<Identity | undefined>;
  /**
   * Ends a sign-in.
   * @param logged the token that the log gave, if it did
   * @throws EtcdError VerifyOnlyKey, AuthFailed
   */
  issue(username: string, authRevision: number, logged: string): MaybeSoon<string>;
  /** Another state has taken the place of the one whose events were told; those between were not. */
  stateReplaced(): void;
  close(): void;
}

/** `--auth-token=''`: nobody can sign in, only certificates name a user. */
export class NoTokens implements Tokens {
  newPrefix(): string {
    return "";
  }

  holder(): undefined {
    return undefined;
  }

  issue(): never {
    throw new EtcdError("AuthFailed");
  }

  assigned(): void {}
  userChanged(): void {}
  disabled(): void {}
  stateReplaced(): void {}
  close(): void {}
}
