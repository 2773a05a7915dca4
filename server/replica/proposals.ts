import type { Outcome } from "../apply/outcome.ts";
import { EtcdError } from "../errors.ts";

/** Proposals that wait at once; further ones are refused with TooManyRequests. */
export const PROPOSALS_MAX = 20_000;
/** Bytes of all of them. */
export const PROPOSAL_BYTES_MAX = 256 * 1024 * 1024;

export type Settle = (outcome: Outcome | EtcdError) => void;

/** Whose proposal it is: a client gives up when he likes. */
export interface ProposalCaller {
  readonly isCanceled: boolean;
  /** Called once when that happens. */
  onCancel: (() => void) | undefined;
}

/** The outcome as a promise, of a proposal that `start` begins; what `start` throws rejects it. */
export function settled(start: (settle: Settle) => void): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    start((outcome) => {
      if (outcome instanceof EtcdError) reject(outcome);
      else if (outcome.error !== undefined) reject(outcome.error);
      else resolve(outcome);
    });
  });
}

/** What a proposal may ask for. */
export interface ProposalTerms {
  /** Refused with NotLeader, instead of being forwarded, unless this member leads. */
  readonly leaderOnly?: boolean;
  readonly caller?: ProposalCaller | undefined;
}

export interface ProposalRequest extends ProposalTerms {
  /** Unique in the cluster: the entry carries it. */
  readonly id: bigint;
  /** The data of the log entry. */
  readonly data: Buffer;
  readonly kind: "normal" | "confChange";
  readonly settle: Settle;
}

interface Waiting extends ProposalRequest {
  readonly startedMs: number;
  isSettled: boolean;
  /** Whether raft has it. */
  isTaken: boolean;
  /** Its caller has given up. */
  isAbandoned: boolean;
}

export interface ProposalTarget {
  readonly isLeader: boolean;
  propose(data: readonly Buffer[]): boolean;
  proposeConfChange(data: Buffer): boolean;
}

/**
 * Who waits for which entry. A proposal is handed to raft once; when raft does not take it (no
 * leader, or leadership is being handed over) it stays and is tried again, since nothing of it can
 * be in any log. From the moment raft took it, only applying it or time settles it, also when its
 * caller has given up: it counts against the limits until then, but among those that failed.
 */
export class Proposals {
  /** In the order of their start, so that the oldest is first to time out. */
  readonly #waiting = new Map<bigint, Waiting>();
  readonly #timeoutMs: number;
  #unsent: Waiting[] = [];
  #bytes = 0;
  #pendingCount = 0;
  #failedCount = 0;

  /** @param timeoutMs from the start of a proposal until it fails */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Proposals in raft for which somebody waits. Conf changes count neither here nor below, as in etcd. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Proposals that nobody saw applied in time, or whose callers gave up before. */
  get failedCount(): number {
    return this.#failedCount;
  }

  /** Throws TooManyRequests when a limit is reached; then `settle` is never called. */
  add(request: ProposalRequest, nowMs: number): void {
    const isFull = this.#waiting.size >= PROPOSALS_MAX;
    if (isFull || this.#bytes + request.data.length > PROPOSAL_BYTES_MAX) {
      throw new EtcdError("TooManyRequests");
    }
    const { id, data, kind, leaderOnly = false, settle, caller } = request;
    const state = { startedMs: nowMs, isSettled: false, isTaken: false, isAbandoned: false };
    const waiting = { id, data, kind, leaderOnly, settle, ...state };
    this.#waiting.set(id, waiting);
    this.#unsent.push(waiting);
    this.#bytes += data.length;
    if (caller === undefined) return;
    if (caller.isCanceled) this.#abandon(id);
    else caller.onCancel = () => this.#abandon(id);
  }

  /** Hands everything not yet sent to raft, as one batch where the kinds allow. */
  submit(raft: ProposalTarget): void {
    if (this.#unsent.length === 0) return;
    const unsent = this.#unsent;
    this.#unsent = [];
    let batch: Waiting[] = [];
    for (const waiting of unsent) {
      if (waiting.isSettled) continue;
      if (waiting.leaderOnly === true && !raft.isLeader) {
        this.settle(waiting.id, new EtcdError("NotLeader"));
      } else if (waiting.kind === "normal") batch.push(waiting);
      else {
        this.#submitBatch(raft, batch);
        batch = [];
        waiting.isTaken = raft.proposeConfChange(waiting.data);
        if (!waiting.isTaken) this.#unsent.push(waiting);
      }
    }
    this.#submitBatch(raft, batch);
  }

  /** Whether anybody waits under `id`. */
  has(id: bigint): boolean {
    return this.#waiting.get(id)?.isAbandoned === false;
  }

  /** Answers whoever waits under `id`; nobody may, e.g. when another member proposed it. */
  settle(id: bigint, outcome: Outcome | EtcdError): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#bytes -= waiting.data.length;
    waiting.isSettled = true;
    if (isPending(waiting)) this.#pendingCount--;
    waiting.settle(outcome);
  }

  /** @param errorFor chooses the text by when a proposal started that raft took */
  expire(nowMs: number, errorFor: (startedMs: number) => EtcdError): void {
    for (const waiting of this.#waiting.values()) {
      if (nowMs - waiting.startedMs < this.#timeoutMs) break;
      const { isTaken, isAbandoned, startedMs, kind } = waiting;
      if (!isAbandoned && kind === "normal") this.#failedCount++;
      this.settle(waiting.id, isTaken ? errorFor(startedMs) : new EtcdError("UnsentInTime"));
    }
  }

  failAll(error: EtcdError): void {
    for (const id of this.#waiting.keys()) this.settle(id, error);
  }

  #submitBatch(raft: ProposalTarget, batch: readonly Waiting[]): void {
    if (batch.length === 0) return;
    const isTaken = raft.propose(batch.map((waiting) => waiting.data));
    for (const waiting of batch) waiting.isTaken = isTaken;
    if (isTaken) this.#pendingCount += batch.length;
    else this.#unsent.push(...batch);
  }

  #abandon(id: bigint): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#failedCount++;
    if (isPending(waiting)) this.#pendingCount--;
    waiting.isAbandoned = true;
    if (!waiting.isTaken) this.settle(id, new EtcdError("Canceled"));
  }
}

function isPending({ kind, isTaken, isAbandoned }: Waiting): boolean {
  return kind === "normal" && isTaken && !isAbandoned;
}
