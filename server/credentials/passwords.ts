import { compare, genSalt, hash } from "bcrypt";
import { encodeText } from "../base/text.ts";
import { EtcdError } from "../errors.ts";
import { Turns, type TurnTaker } from "./turns.ts";

/** More than so many bytes are no password. */
const PASSWORD_BYTES_MAX = 72;
/** bcrypt works in the same threads as the log's syncs, which must never all wait for it. */
const AT_ONCE_MAX = 2;
/** Calls that wait for their turn. */
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
  readonly #turns = new Turns(AT_ONCE_MAX, WAITING_MAX);

  /** @param cost `--bcrypt-cost`; see isPossibleCost */
  constructor(cost: number) {
    this.#cost = cost;
  }

  /** @throws EtcdError PasswordTooLong, and as `Turns.take` */
  hash(password: string, caller: TurnTaker): Promise<Buffer> {
    const bytes = encodeText(password);
    if (bytes.length > PASSWORD_BYTES_MAX) throw new EtcdError("PasswordTooLong");
    // The letter that Go writes.
    return this.#turns.take(caller, async () =>
      Buffer.from(await hash(bytes, await genSalt(this.#cost, "a"))),
    );
  }

  /** @throws EtcdError as `Turns.take` */
  isRight(password: string, hashed: Buffer, caller: TurnTaker): Promise<boolean> {
    const bytes = encodeText(password).subarray(0, PASSWORD_BYTES_MAX);
    return this.#turns.take(caller, () => compare(bytes, hashed.toString("latin1")));
  }
}
