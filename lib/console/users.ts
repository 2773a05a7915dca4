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

const GENERATED_BYTES = 15;
const UserRecord = z.object({ name: z.string(), password: PasswordHash });

export class Users {
  readonly #store: ConsoleStore;

  constructor(store: ConsoleStore) {
    this.#store = store;
  }

  has(name: string): boolean {
    return this.#store.get(keyOf(name)) !== undefined;
  }

  add(name: string, password: PasswordHash): void {
    this.#store.put(keyOf(name), { name, password });
  }

  /** Takes the same time for a user that does not exist. Throws PasswordsBusy. */
  async verify(name: string, password: string): Promise<boolean> {
    const record = UserRecord.safeParse(this.#store.get(keyOf(name)));
    return verifyPassword(password, record.data?.password);
  }
}

export interface FirstAdmin {
  readonly hash: PasswordHash;
  /** A generated password that nobody has been told yet. */
  readonly untold: string | undefined;
}

export async function firstAdmin(password: string | undefined): Promise<FirstAdmin> {
  const chosen = password ?? randomBytes(GENERATED_BYTES).toString("base64url");
  return { hash: await hashPassword(chosen), untold: password === undefined ? chosen : undefined };
}

function keyOf(name: string): RecordKey {
  return ["user", name];
}
