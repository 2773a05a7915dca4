// Whether somebody who gives a name and a password is who they say, and what the log has of it.
import type { Credentials } from "../schema/session.ts";
import { tell } from "./audit-log.ts";
import type { LoginThrottle } from "./login-throttle.ts";
import { PasswordsBusy } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import type { Users } from "./users.ts";

const BUSY_RETRY_SECONDS = 5;

export type SignIn =
  | { readonly outcome: "signed-in"; readonly user: string }
  | { readonly outcome: "refused" }
  /** Nobody has looked at the password. */
  | { readonly outcome: "throttled"; readonly seconds: number };

/** `address`: whose try it is. */
export async function signIn(
  { users, throttle }: { readonly users: Users; readonly throttle: LoginThrottle },
  { username, password }: Credentials,
  address: string,
): Promise<SignIn> {
  // What nobody is called may be a password that went into the wrong field.
  const user = users.has(username) ? username : undefined;
  const pause = throttle.begin(username, address);
  if (pause !== undefined) {
    const { seconds, isNews } = pause;
    if (isNews) tell("sign-in throttled", { user, address, seconds });
    return { outcome: "throttled", seconds };
  }
  let isRight: boolean;
  try {
    isRight = await users.verify(username, password);
  } catch (error) {
    throttle.notMade(username, address);
    if (!(error instanceof PasswordsBusy)) throw error;
    return { outcome: "throttled", seconds: BUSY_RETRY_SECONDS };
  }
  if (!isRight) {
    tell("sign-in refused", { user, address });
    return { outcome: "refused" };
  }
  throttle.succeeded(username, address);
  return { outcome: "signed-in", user: username };
}

/**
 * For whom `signIn` has let in. Returns the session's id. Throws when it cannot be stored: nobody
 * is signed in then, and the log does not say so.
 */
export function beginSession(
  { sessions }: { readonly sessions: Pick<Sessions, "start"> },
  user: string,
  address: string,
): string {
  const id = sessions.start(user);
  tell("signed in", { user, address });
  return id;
}
