import { assert } from "../base/assert.ts";
import { type ConfChange, ConfChangeType, type ConfState, type Entry } from "../raft/entry.ts";

export const CLIENT_COUNT = 3;

/** One write of one client, which issues its writes one after the other, each until it knows. */
export interface Operation {
  readonly client: number;
  readonly sequence: number;
}

export function encodeOperation({ client, sequence }: Operation): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = client;
  bytes.writeUInt32BE(sequence, 1);
  return bytes;
}

function decodeOperation(bytes: Buffer): Operation {
  return { client: bytes[0] as number, sequence: bytes.readUInt32BE(1) };
}

export function encodeConfChange({ type, nodeId }: ConfChange): Buffer {
  return Buffer.from([type, Number(nodeId)]);
}

export function decodeConfChange(bytes: Buffer): ConfChange {
  const type = Object.values(ConfChangeType).find((known) => known === bytes[0]);
  assert(type !== undefined, "a conf change has a type");
  return { type, nodeId: BigInt(bytes[1] as number) };
}

/**
 * What membership allows, decided when the entry is applied, as for real: a voter never becomes a
 * learner again, and two stay. (Users may go from two to one, but it can end an unlucky cluster: if
 * the leader that removes itself dies before the other one hears of the commit, the other one needs
 * the vote of a log that has gone further.)
 */
export function admitChange(change: ConfChange, { voters }: ConfState): ConfChange {
  const isVoter = voters.includes(change.nodeId);
  const isDemotion = change.type === ConfChangeType.ADD_LEARNER_NODE && isVoter;
  const isTooFew = change.type === ConfChangeType.REMOVE_NODE && isVoter && voters.length <= 2;
  return isDemotion || isTooFew ? { type: change.type, nodeId: 0n } : change;
}

/**
 * A state machine as small as one can be that still notices a lost, doubled or reordered entry: a
 * client's writes must arrive in sequence, and whoever sees a gap has lost one that was
 * acknowledged. The hash sums up everything applied so far.
 */
export class WriteMachine {
  #applied = 0;
  #term = 0;
  #hash = 0;
  #sequences: number[] = Array.from({ length: CLIENT_COUNT }, () => 0);
  confState: ConfState = { voters: [], learners: [] };

  get applied(): number {
    return this.#applied;
  }

  get term(): number {
    return this.#term;
  }

  get hash(): number {
    return this.#hash;
  }

  sequenceOf(client: number): number {
    return this.#sequences[client] ?? 0;
  }

  /** The write that the entry holds, if it is one; already done ones are done once. */
  apply(entry: Entry): Operation | undefined {
    assert(entry.index === this.#applied + 1, "entries are applied in order, each once");
    this.#applied = entry.index;
    this.#term = entry.term;
    this.#mix(entry.index);
    this.#mix(entry.term);
    if (entry.data.length !== 5) {
      for (const byte of entry.data) this.#mix(byte);
      return undefined;
    }
    const operation = decodeOperation(entry.data);
    const { client, sequence } = operation;
    const known = this.sequenceOf(client);
    const lost = `client ${client}: write ${known + 1} was acknowledged and lost`;
    assert(sequence <= known + 1, lost);
    if (sequence === known + 1) {
      this.#sequences[client] = sequence;
      this.#mix(sequence * CLIENT_COUNT + client);
    }
    return operation;
  }

  #mix(number: number): void {
    this.#hash = (Math.imul(this.#hash ^ number, 0x01000193) + 0x9e3779b9) >>> 0;
  }

  copy(): WriteMachine {
    const copy = new WriteMachine();
    copy.#applied = this.#applied;
    copy.#term = this.#term;
    copy.#hash = this.#hash;
    copy.#sequences = [...this.#sequences];
    copy.confState = this.confState;
    return copy;
  }
}
