import { randomBytes } from "node:crypto";
import type { ConsoleStore, RecordKey } from "./store.ts";

const SECRET_BYTES = 32;
const KEY: RecordKey = ["secret", "session-cookie"];

/** What session cookies are encrypted with: made once, and kept in the store. */
export function sessionSecret(store: ConsoleStore): string {
  const known = store.get(KEY);
  if (typeof known === "string") return known;
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  store.put(KEY, secret);
  return secret;
}
