import { must } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { EtcdError } from "../errors.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { RangeQuery, RangeResult } from "../mvcc/key-space.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import type { MvccStore } from "../mvcc/store.ts";
import type { TxnResult, WriteTxn } from "../mvcc/write-txn.ts";
import type { PutRequest } from "../proto/gen/rpc.ts";
import type { RangeSource } from "./range.ts";

export interface DeletedRange {
  readonly count: number;
  readonly records: readonly KeyValueRecord[];
}

/** The key changes of one log entry, with what leases hear of them. Reads see own writes. */
export class KeyWriter implements RangeSource {
  readonly compactRevision: number;
  readonly lessor: Lessor;
  readonly #txn: WriteTxn;

  constructor(store: MvccStore, lessor: Lessor) {
    this.compactRevision = store.compactRevision;
    this.#txn = store.begin();
    this.lessor = lessor;
  }

  /** The store's, or the next once anything was changed. */
  get revision(): number {
    return this.#txn.revision;
  }

  range(query: RangeQuery): RangeResult {
    return this.#txn.range(query);
  }

  /**
   * What was checked before cannot fail here; what an operation in between removed counts as empty.
   * @returns the record that was overwritten, when the request asks for it
   */
  put(request: PutRequest): KeyValueRecord | undefined {
    const { key, ignoreValue, ignoreLease, prevKv } = request;
    const isPreviousNeeded = ignoreValue || ignoreLease || prevKv;
    const previous = isPreviousNeeded ? this.#txn.get(key) : undefined;
    const value = ignoreValue ? (previous?.value ?? EMPTY_BYTES) : request.value;
    const lease = ignoreLease ? (previous?.lease ?? 0n) : request.lease;
    const change = this.#txn.put(key, value, lease);
    if (lease === 0n) this.lessor.detach(change.key);
    else this.lessor.attach(lease, change.key);
    return previous;
  }

  /** @param wantsRecords whether to return what was deleted, in key order; else only the count */
  deleteRange(key: Buffer, rangeEnd: Buffer, wantsRecords: boolean): DeletedRange {
    const changes = this.#txn.deleteRange(key, rangeEnd);
    const records: KeyValueRecord[] = [];
    for (const change of changes) {
      this.lessor.detach(change.key);
      if (!wantsRecords) continue;
      records.push(must(change.previous, "what was deleted now is still in its table"));
    }
    return { count: changes.length, records };
  }

  end(): TxnResult {
    return this.#txn.end();
  }
}

/** Throws LeaseNotFound; 0n stands for no lease. */
export function checkLeaseExists(lessor: Lessor, lease: bigint): void {
  if (lease !== 0n && !lessor.has(lease)) throw new EtcdError("LeaseNotFound");
}

/** Throws KeyNotFound when the put keeps something of a key that does not exist. */
export function checkKeyExists(source: RangeSource, request: PutRequest): void {
  if (!request.ignoreValue && !request.ignoreLease) return;
  const query = { key: request.key, rangeEnd: EMPTY_BYTES, revision: 0, limit: 1, countOnly: true };
  if (source.range(query).count === 0) throw new EtcdError("KeyNotFound");
}
