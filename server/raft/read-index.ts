// Linearizable reads without a log entry. A read asked for at commit index i may be answered once a
// majority confirms, after the question, that this member still leads: then nothing newer than i was
// acknowledged elsewhere before the question.
//
// Confirmations travel with heartbeats. Each question gets the next number; a heartbeat carries the
// newest one and its answer confirms that question and all before it. The numbers are the leader's
// own, never the askers' contexts: an asker that uses one twice cannot have an old confirmation
// counted for a new question.
//
// Until the leader has committed an entry of its own term it does not know what was acknowledged
// before; questions wait, unnumbered.

import { decodeUint64, EMPTY_BYTES, encodeUint64 } from "../base/bytes.ts";
import type { Entry } from "./entry.ts";

/** Unanswered questions; beyond it they are dropped and the asker asks again. */
export const READS_PENDING_MAX = 4096;

/** A question: entries[0].data is the asker's context. */
export interface ReadQuestion {
  readonly from: bigint;
  readonly entries: readonly Entry[];
}

export interface ReadAnswer extends ReadQuestion {
  readonly index: number;
}

interface NumberedRead extends ReadAnswer {
  readonly number: number;
}

export class ReadRequests {
  #postponed: ReadQuestion[] = [];
  #asked: NumberedRead[] = [];
  #newest = 0;
  #announced = 0;
  readonly #confirmed = new Map<bigint, number>();

  get count(): number {
    return this.#postponed.length + this.#asked.length;
  }

  postpone(question: ReadQuestion): boolean {
    if (this.count >= READS_PENDING_MAX) return false;
    this.#postponed.push(question);
    return true;
  }

  takePostponed(): readonly ReadQuestion[] {
    const postponed = this.#postponed;
    this.#postponed = [];
    return postponed;
  }

  ask(question: ReadQuestion, commit: number): boolean {
    if (this.count >= READS_PENDING_MAX) return false;
    this.#newest++;
    this.#asked.push({ ...question, index: commit, number: this.#newest });
    return true;
  }

  /** Has something been asked that no heartbeat announced yet? */
  get isUnannounced(): boolean {
    return this.#newest > this.#announced;
  }

  /** For the heartbeats that are sent now; empty when nobody waits. */
  announce(): Buffer {
    this.#announced = this.#newest;
    return this.#asked.length === 0 ? EMPTY_BYTES : encodeUint64(BigInt(this.#newest));
  }

  /** False: the context is none of ours. */
  confirm(id: bigint, context: Buffer): boolean {
    if (context.length !== 8) return false;
    const number = Number(decodeUint64(context));
    if (number > this.#announced || number <= this.confirmedBy(id)) return false;
    this.#confirmed.set(id, number);
    return true;
  }

  /** The newest question after which this member was heard to follow us. */
  confirmedBy(id: bigint): number {
    return this.#confirmed.get(id) ?? 0;
  }

  /** All questions up to the number that a majority confirmed. */
  release(number: number): readonly ReadAnswer[] {
    let count = 0;
    while (count < this.#asked.length && (this.#asked[count] as NumberedRead).number <= number) {
      count++;
    }
    return this.#asked.splice(0, count);
  }

  get newest(): number {
    return this.#newest;
  }
}
