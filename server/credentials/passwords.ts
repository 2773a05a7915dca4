import { compare, genSalt, hash } from "bcrypt";
import { EtcdError } from "../errors.ts";

/** More than so many bytes are no password. */
const PASSWORD_BYTES_MAX = 72;
/** bcrypt works in the same threads as the log's syncs, which must never all wait for it. */
const AT_ONCE_MAX = 2;
/** Calls that wait for their turn; further ones are refused with TooManyRequests. */
export const WAITING_MAX = 1000;
export const COST_MIN = 4;
export const COST_MAX = 31;
export const COST_DEFAULT = 10;

/** Whether bcrypt can work at this cost. */
export function isPossibleCost(cost: number): boolean {
  return cost >= COST_MIN && cost <= COST_MAX;
}

/** Hashing and comparing passwords, both slow on purpose, beside the event loop. */
export class Passwords {
  readonly #cost: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param cost `--bcrypt-cost`; see isPossibleCost */
  constructor(cost: number) {
    this.#cost = cost;
  }

  /** @throws EtcdError PasswordTooLong, TooManyRequests */
  hash(password: string): Promise<Buffer> {
    const bytes = Buffer.from(password);
    if (bytes.length > PASSWORD_BYTES_MAX) throw new EtcdError("PasswordTooLong");
    // The letter that Go writes.
    return this.#inTurn(async () => Buffer.from(await hash(bytes, await genSalt(this.#cost, "a"))));
  }

  /** @throws EtcdError TooManyRequests */
  isRight(password: string, hashed: Buffer): Promise<boolean> {
    const bytes = Buffer.from(password).subarray(0, PASSWORD_BYTES_MAX);
    return this.#inTurn(() => compare(bytes, hashed.toString("latin1")));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw new EtcdError("TooManyRequests");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
