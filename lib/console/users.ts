// The console's own users; so far one, `admin`.
//
// The first password. Whoever starts the console may set QUORATE_ADMIN_PASSWORD: `npm start` sets
// it to a generated one while the console's folder does not exist, prints it once the console is
// up, and never again. The console takes it only while it knows no admin, and keeps nothing but
// its scrypt hash; on later starts the variable changes nothing. Without the variable the console
// generates a password itself and writes it to its output.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { hashPassword, PasswordHash, verifyPassword } from "./passwords.ts";
import type { ConsoleStore, RecordKey } from "./store.ts";

export const ADMIN = "admin";

const UserRecord = z.object({ name: z.string(), password: PasswordHash });

export class Users {
  readonly #store: ConsoleStore;

  constructor(store: ConsoleStore) {
    this.#store = store;
  }

  has(name: string): boolean {
    return this.#store.get(keyOf(name)) !== undefined;
  }

  async setPassword(name: string, password: string): Promise<void> {
    this.#store.put(keyOf(name), { name, password: await hashPassword(password) });
  }

  /** Takes the same time for a user that does not exist. Throws PasswordsBusy. */
  async verify(name: string, password: string): Promise<boolean> {
    const record = UserRecord.safeParse(this.#store.get(keyOf(name)));
    return verifyPassword(password, record.data?.password);
  }
}

/** Makes sure that somebody can sign in. Returns a password that nobody has been told yet. */
export async function ensureAdmin(
  users: Users,
  firstPassword: string | undefined,
): Promise<string | undefined> {
  if (users.has(ADMIN)) return undefined;
  const password = firstPassword ?? randomBytes(15).toString("base64url");
  await users.setPassword(ADMIN, password);
  return firstPassword === undefined ? password : undefined;
}

function keyOf(name: string): RecordKey {
  return ["user", name];
}
