import { createHash } from "node:crypto";
import { hashSync } from "bcrypt";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { encodeText } from "../base/text.ts";
import { EtcdError } from "../errors.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SALT_CHARACTERS = 22;
const COST = 10;
/** What bcrypt looks at; Go's reads no further either. */
const PASSWORD_BYTES_MAX = 72;

/** What a request in the log says of a new password: hashed by its proposer, or not yet. */
export interface PasswordField {
  /** The user's. */
  readonly name: string;
  readonly password: string;
  /** Base64 of the hash. */
  readonly hashedPassword: string;
}

/**
 * The hash to store, which may be empty: nobody can sign in with it.
 * @throws EtcdError NoPasswordUser where the field cannot be read; the text is etcd's
 */
export function storedHash({ name, password, hashedPassword }: PasswordField): Buffer {
  if (password !== "" && hashedPassword === "") return Buffer.from(hashHere(name, password));
  const text = hashedPassword.replaceAll(/[\r\n]/g, "");
  if (!BASE64.test(text)) throw new EtcdError("NoPasswordUser");
  return text === "" ? EMPTY_BYTES : Buffer.from(text, "base64");
}

/**
 * Members of etcd 3.4 leave the hashing to whoever applies the entry. It must come out the same on
 * every member of ours, so the salt is drawn from the user and the password.
 */
function hashHere(name: string, password: string): string {
  const bytes = encodeText(password).subarray(0, PASSWORD_BYTES_MAX);
  const digest = createHash("sha256")
    .update(encodeText(`${name}\0`))
    .update(bytes)
    .digest();
  const salt = Array.from({ length: SALT_CHARACTERS }, (_, at) => {
    const bits = (digest[at] ?? 0) & (at === SALT_CHARACTERS - 1 ? 0x30 : 0x3f);
    return BCRYPT_ALPHABET[bits];
  });
  return hashSync(bytes, `$2a$${COST}$${salt.join("")}`);
}
