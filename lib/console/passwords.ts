import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { z } from "zod";

/** Memory-hard: 64 MiB and two rounds per try (N = 2^16, r = 8, p = 2). */
const COST = { N: 65_536, r: 8, p: 2 };
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** Each try holds 64 MiB; more at once would let a flood of sign-ins use up the memory. */
const HASHES_AT_ONCE = 2;
const WAITING_MAX = 32;

export const PasswordHash = z.object({
  algorithm: z.literal("scrypt"),
  N: z.number(),
  r: z.number(),
  p: z.number(),
  salt: z.string(),
  hash: z.string(),
});
export type PasswordHash = z.infer<typeof PasswordHash>;

export class PasswordsBusy extends Error {
  override readonly name = "PasswordsBusy";

  /** Next gives pages and routes each a copy of this class; to all of them it is the same error. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "PasswordsBusy";
  }
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  return {
    algorithm: "scrypt",
    ...COST,
    salt: salt.toString("base64"),
    hash: hash.toString("base64"),
  };
}

/** Does the same work whether there is something to compare with or not. */
export async function verifyPassword(
  password: string,
  known: PasswordHash | undefined,
): Promise<boolean> {
  const salt = known === undefined ? Buffer.alloc(SALT_BYTES) : Buffer.from(known.salt, "base64");
  const found = await derive(password, salt, known ?? COST);
  const wanted = known === undefined ? randomBytes(HASH_BYTES) : Buffer.from(known.hash, "base64");
  return timingSafeEqual(found, wanted) && known !== undefined;
}

let running = 0;
const waiting: (() => void)[] = [];

/** Throws PasswordsBusy when too many wait already. */
async function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  if (running >= HASHES_AT_ONCE) {
    if (waiting.length >= WAITING_MAX) throw new PasswordsBusy("too many sign-ins at once");
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running++;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const { N, r, p } = cost;
      const options: ScryptOptions = { N, r, p, maxmem: MEMORY_BYTES_MAX } as ScryptOptions;
      scrypt(password.normalize("NFC"), salt, HASH_BYTES, options, (error, hash) => {
        if (error === null) resolve(hash);
        else reject(error);
      });
    });
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
