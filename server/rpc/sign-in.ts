import type { AuthStore } from "../auth/auth-store.ts";
import type { Log } from "../base/log.ts";
import type { Passwords } from "../credentials/passwords.ts";
import type { TurnTaker } from "../credentials/turns.ts";
import { EtcdError } from "../errors.ts";

/** Whoever fails to sign in chooses the name: so much of it is logged. */
const LOGGED_NAME_MAX = 256;

export interface SignInParts {
  readonly auth: Pick<AuthStore, "isEnabled" | "user" | "revision">;
  readonly passwords: Pick<Passwords, "isRight">;
  readonly log: Log;
}

/**
 * A refusal is logged in etcd's lines, by which guessing of passwords is noticed.
 * @returns the auth revision at which the password was right
 * @throws EtcdError AuthNotEnabled, AuthFailed, NoPasswordUser, and as `Passwords.isRight`
 */
export async function checkPassword(
  parts: SignInParts,
  name: string,
  password: string,
  caller: TurnTaker,
): Promise<number> {
  const { auth, passwords } = parts;
  if (!auth.isEnabled) throw new EtcdError("AuthNotEnabled");
  const user = auth.user(name);
  if (user === undefined) throw refused(parts, name, "AuthFailed");
  if (user.options?.noPassword === true) throw refused(parts, name, "NoPasswordUser");
  const { revision } = auth;
  if (!(await passwords.isRight(password, user.password, caller))) {
    parts.log.info("invalid password", { "user-name": name });
    throw refused(parts, name, "AuthFailed");
  }
  return revision;
}

function refused({ log }: SignInParts, name: string, code: "AuthFailed" | "NoPasswordUser") {
  const error = new EtcdError(code);
  log.warn("invalid authentication was requested", {
    user: name.slice(0, LOGGED_NAME_MAX),
    error: error.message.replace(/^etcdserver:/, "auth:"),
  });
  return error;
}
