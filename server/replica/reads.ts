// Linearizable reads. A read may be answered from local state once this member has applied as far
// as the cluster had committed when the read arrived. The leader knows how far that is, after a
// quorum confirmed that it still leads.
//
//   arrive ──► next ──► round (one in flight) ──► confirmed at index i ──► applied ≥ i ──► answer
//
// All reads that arrive while a round is in flight share the next one. A round is repeated every
// 500 ms, each time under a fresh id: an answer to an earlier attempt counts as well, since it too
// was given after the reads of the round had arrived. A change of leader fails the round. What is
// confirmed waits to be applied for as long as its caller does; who has none waits for the timeout.
import { decodeUint64, encodeUint64 } from "../base/bytes.ts";
import { EtcdError } from "../errors.ts";

/** Reads that wait at once; further ones are refused with TooManyRequests. */
export const READS_MAX = 100_000;
const RETRY_MS = 500;

/** Whose read it is: a client ends it when he likes. */
export interface ReadCaller {
  readonly isCanceled: boolean;
}

export interface WaitingRead {
  readonly resolve: () => void;
  readonly reject: (error: EtcdError) => void;
  readonly caller: ReadCaller | undefined;
}

interface Round {
  readonly reads: readonly WaitingRead[];
  readonly startedMs: number;
  /** Every attempt's id. */
  readonly ids: Set<bigint>;
  attemptedMs: number;
  /** Whether raft took any attempt, so that a leader may know of it. */
  isSent: boolean;
}

interface Confirmed {
  readonly index: number;
  readonly reads: readonly WaitingRead[];
  readonly startedMs: number;
}

export class Reads {
  readonly #timeoutMs: number;
  readonly #nextId: () => bigint;
  #next: WaitingRead[] = [];
  #round: Round | undefined;
  #confirmed: Confirmed[] = [];
  #count = 0;
  #expiredCount = 0;
  #failedCount = 0;

  /** @param timeoutMs from the start of a round until it fails, and confirmed reads without caller */
  constructor(timeoutMs: number, nextId: () => bigint) {
    this.#timeoutMs = timeoutMs;
    this.#nextId = nextId;
  }

  get count(): number {
    return this.#count;
  }

  /** Rounds that no quorum confirmed in time. */
  get expiredCount(): number {
    return this.#expiredCount;
  }

  /** Rounds that a change of leader made void. */
  get failedCount(): number {
    return this.#failedCount;
  }

  /** Whether `submit` has something to ask raft for. */
  isDue(nowMs: number): boolean {
    if (this.#round === undefined) return this.#next.length > 0;
    return nowMs - this.#round.attemptedMs >= RETRY_MS;
  }

  /** Throws TooManyRequests when a limit is reached; then the read is never settled. */
  add(read: WaitingRead): void {
    if (this.#count >= READS_MAX) throw new EtcdError("TooManyRequests");
    this.#count++;
    this.#next.push(read);
  }

  /** Starts the next round, or repeats one that had no answer. */
  submit(readIndex: (context: Buffer) => boolean, nowMs: number): void {
    if (!this.isDue(nowMs)) return;
    if (this.#round === undefined) {
      const reads = this.#next;
      this.#next = [];
      this.#round = { reads, startedMs: nowMs, ids: new Set(), attemptedMs: nowMs, isSent: false };
    }
    this.#attempt(this.#round, readIndex, nowMs);
  }

  /** Repeats the round at once: the leader could not know an index before its term's first commit. */
  repeat(readIndex: (context: Buffer) => boolean, nowMs: number): void {
    if (this.#round !== undefined) this.#attempt(this.#round, readIndex, nowMs);
  }

  /** A quorum confirmed: the reads of the round are good once `index` is applied. */
  confirm(index: number, context: Buffer): void {
    const round = this.#round;
    if (round === undefined || context.length !== 8) return;
    if (!round.ids.has(decodeUint64(context))) return;
    this.#round = undefined;
    this.#confirmed.push({ index, reads: round.reads, startedMs: round.startedMs });
  }

  /** Answers what waits for an index up to `appliedIndex`. */
  advance(appliedIndex: number): void {
    if (this.#confirmed.length === 0) return;
    const isReady = ({ index }: Confirmed) => index <= appliedIndex;
    const ready = this.#confirmed.filter(isReady);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((each) => !isReady(each));
    for (const { reads } of ready) this.#finish(reads, undefined);
  }

  /** Another member leads: what an earlier leader was asked is void. */
  leaderChanged(): void {
    const round = this.#round;
    if (round === undefined || !round.isSent) return;
    this.#round = undefined;
    this.#failedCount++;
    this.#finish(round.reads, new EtcdError("LeaderChanged"));
  }

  expire(nowMs: number): void {
    const isLate = ({ startedMs }: { startedMs: number }) => nowMs - startedMs >= this.#timeoutMs;
    const round = this.#round;
    if (round !== undefined && isLate(round)) {
      this.#round = undefined;
      this.#expiredCount++;
      this.#finish(round.reads, new EtcdError("Timeout"));
    }
    const late = this.#confirmed.filter(isLate);
    if (late.length === 0) return;
    const kept = late.map((each) => ({ ...each, reads: each.reads.filter(isAwaited) }));
    this.#confirmed = [
      ...kept.filter(({ reads }) => reads.length > 0),
      ...this.#confirmed.filter((each) => !isLate(each)),
    ];
    const ended = late.flatMap(({ reads }) => reads.filter((read) => !isAwaited(read)));
    this.#finish(ended, new EtcdError("Timeout"));
  }

  failAll(error: EtcdError): void {
    const all = [
      ...this.#confirmed.flatMap(({ reads }) => reads),
      ...(this.#round?.reads ?? []),
      ...this.#next,
    ];
    this.#confirmed = [];
    this.#round = undefined;
    this.#next = [];
    this.#finish(all, error);
  }

  #attempt(round: Round, readIndex: (context: Buffer) => boolean, nowMs: number): void {
    const id = this.#nextId();
    round.ids.add(id);
    round.attemptedMs = nowMs;
    if (readIndex(encodeUint64(id))) round.isSent = true;
  }

  #finish(reads: readonly WaitingRead[], error: EtcdError | undefined): void {
    this.#count -= reads.length;
    for (const { resolve, reject } of reads) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }
}

function isAwaited({ caller }: WaitingRead): boolean {
  return caller !== undefined && !caller.isCanceled;
}
