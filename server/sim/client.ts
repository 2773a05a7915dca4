import { assert } from "../base/assert.ts";
import { decodeUint64, encodeUint64 } from "../base/bytes.ts";
import type { SeededRandom } from "../base/random.ts";
import type { ReadState } from "../raft/ready.ts";
import type { Oracle } from "./oracle.ts";
import type { SimMember } from "./sim-member.ts";
import { encodeOperation, type Operation } from "./write-machine.ts";

/** A client that hears nothing for this long asks another member. */
const PATIENCE_MS = 1500;

/** Issues its writes one after the other, each again and again until it is acknowledged. */
export class Writer {
  readonly #client: number;
  #sequence = 1;
  #contact: SimMember | undefined;
  #epoch = 0;
  #deadline = 0;

  constructor(client: number) {
    this.#client = client;
  }

  get acknowledged(): number {
    return this.#sequence - 1;
  }

  /** Asks if it has nothing under way, or has waited for too long. */
  turn(now: number, members: readonly SimMember[], random: SeededRandom): SimMember | undefined {
    if (this.#contact !== undefined && now < this.#deadline) return undefined;
    const member = members[random.below(members.length)];
    if (member?.raft === undefined) return undefined;
    const bytes = encodeOperation({ client: this.#client, sequence: this.#sequence });
    if (!member.raft.propose([bytes])) return undefined;
    this.#contact = member;
    this.#epoch = member.epoch;
    this.#deadline = now + PATIENCE_MS;
    return member;
  }

  /** The member that was asked has applied the write: that is the acknowledgement. */
  applied(member: SimMember, { client, sequence }: Operation): void {
    const isMine = client === this.#client && sequence === this.#sequence;
    if (!isMine || member !== this.#contact || member.epoch !== this.#epoch) return;
    this.#sequence++;
    this.#contact = undefined;
  }
}

/** Asks for read indexes anywhere and knows the least that an honest answer may say. */
export class Reader {
  readonly #oracle: Oracle;
  readonly #floors = new Map<bigint, number>();
  #asked = 0n;
  #answered = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  get answered(): number {
    return this.#answered;
  }

  ask(member: SimMember): void {
    this.#asked++;
    this.#floors.set(this.#asked, this.#oracle.appliedMax);
    member.raft?.readIndex(encodeUint64(this.#asked));
  }

  heard({ index, context }: ReadState): void {
    const floor = this.#floors.get(decodeUint64(context));
    assert(floor !== undefined, "a read was answered that nobody asked");
    assert(index >= floor, `a read at ${index} misses what was applied through ${floor} before it`);
    this.#answered++;
  }
}
