import { EtcdError } from "../errors.ts";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { RangeRequest_SortOrder, RangeRequest_SortTarget } from "../proto/gen/rpc.ts";
import { KeyList, KeySet } from "./key-set.ts";

/** Nested transactions deeper than this are refused before anything recurses over them. */
export const TXN_DEPTH_MAX = 128;

/** Whether a Range is well-formed. Throws EmptyKey or InvalidSortOption. */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw new EtcdError("EmptyKey");
  const { sortOrder, sortTarget } = request;
  const isKnownOrder = sortOrder >= 0 && sortOrder <= RangeRequest_SortOrder.DESCEND;
  const isKnownTarget = sortTarget >= 0 && sortTarget <= RangeRequest_SortTarget.VALUE;
  if (!isKnownOrder || !isKnownTarget) throw new EtcdError("InvalidSortOption");
}

/** Whether a Put is well-formed. Throws EmptyKey, ValueProvided or LeaseProvided. */
export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw new EtcdError("EmptyKey");
  if (request.ignoreValue && request.value.length > 0) throw new EtcdError("ValueProvided");
  if (request.ignoreLease && request.lease !== 0n) throw new EtcdError("LeaseProvided");
}

/** Whether a DeleteRange is well-formed. Throws EmptyKey. */
export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw new EtcdError("EmptyKey");
}

/**
 * Whether a Txn is well-formed: every operation like the standalone request, not more than `opsMax`
 * on each level (what one level uses is taken from the levels inside it), and no key written twice.
 * Throws TooManyOps, EmptyKey, KeyNotFound (an operation that holds nothing), DuplicateKey, or what
 * the operations' own checks throw.
 */
export function checkTxn(request: TxnRequest, opsMax: number): void {
  checkOperations(request, opsMax, 1);
  if (mayWriteTwice(request.success)) checkWrittenOnce(request.success);
  if (mayWriteTwice(request.failure)) checkWrittenOnce(request.failure);
}

function mayWriteTwice(operations: readonly RequestOp[]): boolean {
  let writes = 0;
  for (const { requestPut, requestDeleteRange, requestTxn } of operations) {
    if (requestTxn !== undefined) return true;
    if (requestPut !== undefined || requestDeleteRange !== undefined) writes++;
  }
  return writes > 1;
}

function checkOperations(request: TxnRequest, opsMax: number, depth: number): void {
  const { compare, success, failure } = request;
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > opsMax || depth > TXN_DEPTH_MAX) throw new EtcdError("TooManyOps");
  for (const { key } of compare) {
    if (key.length === 0) throw new EtcdError("EmptyKey");
  }
  for (const operation of success) checkOperation(operation, opsMax - ops, depth);
  for (const operation of failure) checkOperation(operation, opsMax - ops, depth);
}

function checkOperation(operation: RequestOp, opsMax: number, depth: number): void {
  const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
  if (requestRange) checkRange(requestRange);
  else if (requestPut) checkPut(requestPut);
  else if (requestDeleteRange) checkDeleteRange(requestDeleteRange);
  else if (requestTxn) checkOperations(requestTxn, opsMax, depth + 1);
  else throw new EtcdError("KeyNotFound");
}

/** What one list of operations writes, its nested transactions included. */
interface Writes {
  readonly puts: KeyList;
  readonly deletes: KeySet;
}

/**
 * No two puts on one key and no put on a key that the same list deletes, whatever their order.
 * What one branch of a nested transaction writes the other may put, since only one of them runs.
 */
function checkWrittenOnce(operations: readonly RequestOp[]): Writes {
  const writes: Writes = { puts: new KeyList(), deletes: new KeySet() };
  writes.deletes.add(operations.flatMap(({ requestDeleteRange }) => requestDeleteRange ?? []));
  for (const { requestTxn } of operations) {
    if (requestTxn === undefined) continue;
    const success = checkWrittenOnce(requestTxn.success);
    const failure = checkWrittenOnce(requestTxn.failure);
    success.puts.addAll(failure.puts);
    addPuts(writes, success.puts);
    // After the puts of both: what one branch deletes the other may put.
    writes.deletes.addAll(success.deletes);
    writes.deletes.addAll(failure.deletes);
  }
  const own = new KeyList();
  const isOnce = own.add(operations.flatMap(({ requestPut }) => requestPut?.key ?? []));
  if (!isOnce) throw new EtcdError("DuplicateKey");
  addPuts(writes, own);
  return writes;
}

function addPuts(writes: Writes, puts: KeyList): void {
  const isDeleted = writes.deletes.hasAny(puts);
  if (isDeleted || !writes.puts.addAll(puts)) throw new EtcdError("DuplicateKey");
}

/** Only ranges in both branches and nothing nested: answered without the log. */
export function isReadOnly(request: TxnRequest): boolean {
  const isRange = (operation: RequestOp) => operation.requestRange !== undefined;
  return request.success.every(isRange) && request.failure.every(isRange);
}

/** Whether a read-only Txn may be answered from local state: every one of its ranges says so. */
export function isSerializable(request: TxnRequest): boolean {
  const isLocal = (operation: RequestOp) => operation.requestRange?.serializable === true;
  return request.success.every(isLocal) && request.failure.every(isLocal);
}
