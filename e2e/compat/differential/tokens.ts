// Whose token goes with a request, as histories say it: a user's name for the newest token that was
// given for it, "~name" for the one before, "=text" for a text that is no token of anybody's.
import type { AuthenticateResponse } from "../../../server/proto/gen/rpc.ts";

/** Well-formed, and never given to anybody. */
const NOBODYS = "AAAAAAAAAAAAAAAA.1";
const OLDER = /^~/;
/** How it begins is chance; the rest is a place in the server's log. */
const FORM = /^[a-zA-Z]{16}\.\d+$/;

/** The tokens that one server has given in the course of a history. */
export class Tokens {
  /** Per user, the newest first. */
  readonly #given = new Map<string, readonly string[]>();
  readonly #asksAlways: boolean;
  #isAsked = false;

  /** @param asksAlways whether the server looks at tokens also while authentication is off */
  constructor(asksAlways: boolean) {
    this.#asksAlways = asksAlways;
  }

  of(caller: string | undefined): string | undefined {
    if (caller === undefined) return undefined;
    if (caller.startsWith("=")) return caller.slice(1);
    if (this.#asksAlways && !this.#isAsked) return undefined;
    const given = this.#given.get(caller.replace(OLDER, ""));
    return given?.[OLDER.test(caller) ? 1 : 0] ?? NOBODYS;
  }

  /** Changes on all servers at once, when on any of them another token may go with requests. */
  period(caller: string | undefined): string {
    if (caller === undefined || caller.startsWith("=")) return "";
    const count = this.#given.get(caller.replace(OLDER, ""))?.length ?? 0;
    return `${count} ${this.#isAsked}`;
  }

  /** Authentication is on from here, or off. */
  turned(isOn: boolean): void {
    this.#isAsked = isOn;
  }

  /** Returns the answer with the token named, if it has a token's form. */
  learn(name: string, answer: AuthenticateResponse): AuthenticateResponse {
    const { token } = answer;
    this.#given.set(name, [token, ...(this.#given.get(name) ?? [])]);
    return FORM.test(token) ? { ...answer, token: "@token" } : answer;
  }
}
