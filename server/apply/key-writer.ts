import { must } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { RangeQuery, RangeResult } from "../mvcc/key-space.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { OperationCounts, OperationTally } from "../mvcc/operation-counts.ts";
import type { RangeCursor } from "../mvcc/range-cursor.ts";
import type { MvccStore } from "../mvcc/store.ts";
import { type TxnResult, type WriteTxn } from "../mvcc/write-txn.ts";
import type { PutRequest } from "../proto/gen/rpc.ts";
import type { AnswerRoom } from "./answer-room.ts";
import type { RangeSource } from "./range.ts";
import type { ReplicatedState } from "./replicated-state.ts";

export interface DeletedRange {
  readonly count: number;
  readonly records: readonly KeyValueRecord[];
}

/** The key changes of one log entry, with what leases hear of them. Reads see own writes. */
export class KeyWriter implements RangeSource {
  readonly compactRevision: number;
  readonly lessor: Lessor;
  readonly #kv: MvccStore;
  readonly #txn: WriteTxn;
  readonly #counts: OperationCounts;
  #tally: OperationTally = emptyTally();

  constructor({ kv, lessor, operationCounts }: ReplicatedState) {
    this.compactRevision = kv.compactRevision;
    this.#kv = kv;
    this.#txn = kv.begin();
    this.lessor = lessor;
    this.#counts = operationCounts;
  }

  /** The store's, or the next once anything was changed. */
  get revision(): number {
    return this.#txn.revision;
  }

  range(query: RangeQuery): RangeResult {
    this.#tally.ranges++;
    return this.#txn.range(query);
  }

  /** As `range`, pausing. */
  ranging(query: RangeQuery): Steps<RangeResult> {
    this.#tally.ranges++;
    return this.#txn.ranging(query);
  }

  /** A further part of a range that was begun with `ranging`. */
  rangingOn(query: RangeQuery): Steps<RangeResult> {
    return this.#txn.ranging(query);
  }

  openRange(query: RangeQuery): RangeCursor {
    this.#tally.ranges++;
    return this.#kv.openRange(query);
  }

  /** As `rangingOn`, of a revision before this entry. */
  openRangeOn(query: RangeQuery): RangeCursor {
    return this.#kv.openRange(query);
  }

  /** One that is left out here and read in etcd. */
  countRange(): void {
    this.#tally.ranges++;
  }

  /** Whether it is time for a pause. */
  isPauseDue(): boolean {
    return this.#txn.isPauseDue();
  }

  /**
   * What was checked before cannot fail here; what an operation in between removed counts as empty.
   * @returns the record that was overwritten, when the request asks for it
   */
  put(request: PutRequest): KeyValueRecord | undefined {
    const { key, ignoreValue, ignoreLease, prevKv } = request;
    const isPreviousNeeded = ignoreValue || ignoreLease || prevKv;
    if (isPreviousNeeded) this.#tally.ranges++;
    const previous = isPreviousNeeded ? this.#txn.get(key) : undefined;
    if (previous !== undefined) this.#txn.spend(previous.bytes.length);
    const value = ignoreValue ? (previous?.value ?? EMPTY_BYTES) : request.value;
    const lease = ignoreLease ? (previous?.lease ?? 0n) : request.lease;
    const change = this.#txn.put(key, value, lease);
    this.#tally.puts++;
    this.#tally.putBytes += key.length + value.length;
    if (lease === 0n) this.lessor.detach(change.key);
    else this.lessor.attach(lease, change.key);
    return previous;
  }

  /**
   * @param room for what was deleted, in key order; what it does not hold is left out, and without
   * it only the count is returned
   */
  *deletingRange(key: Buffer, rangeEnd: Buffer, room?: AnswerRoom): Steps<DeletedRange> {
    const changes = yield* this.#txn.deletingRange(key, rangeEnd);
    this.#tally.deletes++;
    if (room !== undefined) this.#tally.ranges++;
    let records: KeyValueRecord[] = [];
    for (const change of changes) {
      this.lessor.detach(change.key);
      let bytes = 0;
      if (room?.isOpen === true) {
        const previous = must(change.previous, "what was deleted now is still in its table");
        bytes = previous.bytes.length;
        if (room.take(bytes)) records.push(previous);
        else records = [];
      }
      this.#txn.spend(bytes);
      if (this.isPauseDue()) yield;
    }
    return { count: changes.length, records };
  }

  /** What was counted so far is one transaction in etcd's eyes, what follows another. */
  settleCounts(): void {
    this.#counts.add(this.#tally);
    this.#tally = emptyTally();
  }

  end(): TxnResult {
    this.settleCounts();
    return this.#txn.end();
  }
}

function emptyTally(): OperationTally {
  return { ranges: 0, puts: 0, deletes: 0, putBytes: 0 };
}

/** Throws LeaseNotFound; 0n stands for no lease. */
export function checkLeaseExists(lessor: Lessor, lease: bigint): void {
  if (lease !== 0n && !lessor.has(lease)) throw new EtcdError("LeaseNotFound");
}

/** Whether the put keeps something of a key that does not exist. */
export function isKeyMissing(source: RangeSource, request: PutRequest): boolean {
  if (!request.ignoreValue && !request.ignoreLease) return false;
  const query = { key: request.key, rangeEnd: EMPTY_BYTES, revision: 0, limit: 1, countOnly: true };
  return source.range(query).count === 0;
}
