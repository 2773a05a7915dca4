// A transaction in three passes. First every compare, nested ones included, is decided on the state
// before the transaction: that fixes the path, which operations run. Then the path is checked. Only
// then does it run, in order, and nothing can fail any more: all of it happens or nothing.
import type { Access } from "../auth/access.ts";
import { must } from "../base/assert.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { Lessor } from "../lease/lessor.ts";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { compareAll } from "./compare.ts";
import { checkLeaseExists, isKeyMissing, type KeyWriter } from "./key-writer.ts";
import { checkRevision, encodeAnswer, type RangeSource, rangeQuery, recordBytes } from "./range.ts";
import {
  encodeDeleteRange,
  encodePut,
  encodeResponseOp,
  encodeTxn,
  ResponseKind,
} from "./response.ts";

/** Which branch runs, and the same for the nested transactions of that branch, in order. */
interface Path {
  readonly hasSucceeded: boolean;
  readonly operations: readonly RequestOp[];
  readonly nested: readonly Path[];
}

export interface TxnAnswer {
  /** TxnResponse without its header. */
  readonly body: Buffer;
  /** What the client gets instead: an own range that cannot be read. The writes stand. */
  readonly error: EtcdError | undefined;
}

export interface ReadOnlyTxn {
  readonly hasSucceeded: boolean;
  /** What is to be read, all of it in the state of now. */
  readonly ranges: readonly RangeRequest[];
}

/** Decides a transaction of ranges only. Throws Compacted or FutureRev. */
export function decideReadOnlyTxn(source: RangeSource, request: TxnRequest): ReadOnlyTxn {
  const { hasSucceeded, operations } = choosePath(source, request);
  const ranges = operations.map(({ requestRange }) =>
    must(requestRange, "a read-only transaction holds ranges only"),
  );
  for (const { revision } of ranges) checkRevision(source, revision);
  return { hasSucceeded, ranges };
}

/** @param answers RangeResponses without their headers, read at `revision` */
export function encodeReadOnlyTxn(
  hasSucceeded: boolean,
  revision: number,
  answers: readonly Buffer[],
): Buffer {
  const encode = (body: Buffer) => encodeResponseOp(ResponseKind.RANGE, revision, body);
  return encodeTxn(hasSucceeded, answers.map(encode));
}

/**
 * Runs a transaction from the log. Throws what makes all of it void: a put with an unknown lease or
 * on a missing key with ignore_value or ignore_lease, or a nested range that cannot be read.
 *
 * A range on the top level never voids the writes: etcd 3.4 to 3.6 drops those ranges before
 * checking on every member but the proposer's, so a member that minded them would end up with
 * another state than the rest. They are checked before a transaction is proposed; if that no longer
 * holds, the writes stand and the client is told the error instead of the answer.
 */
export function* runTxn(writer: KeyWriter, request: TxnRequest, access: Access): Steps<TxnAnswer> {
  const path = choosePath(writer, request);
  checkPuts(writer, writer.lessor, path);
  for (const nested of path.nested) checkRanges(writer, nested);
  const error = ownRangeError(writer, path, access);
  writer.settleCounts();
  return { body: yield* execute(writer, path, error !== undefined), error };
}

/** Throws what would void the transaction if it ran now, and what its own ranges would. */
export function checkTxnNow(source: RangeSource, lessor: Lessor, request: TxnRequest): void {
  const path = choosePath(source, request);
  checkPuts(source, lessor, path);
  checkRanges(source, path);
}

/**
 * Bytes that the larger branch puts, by etcd's estimate of its cost on disk: nested transactions
 * cost nothing there, and every member must refuse the same.
 */
export function txnCost(request: TxnRequest): number {
  return Math.max(branchCost(request.success), branchCost(request.failure));
}

/** etcd's estimate of what a Put adds to the database, in bytes. */
export function putCost(request: PutRequest): number {
  return PUT_OVERHEAD_BYTES + request.key.length + request.value.length;
}

const PUT_OVERHEAD_BYTES = 256;

function branchCost(operations: readonly RequestOp[]): number {
  let cost = 0;
  for (const { requestPut } of operations) {
    if (requestPut !== undefined) cost += putCost(requestPut);
  }
  return cost;
}

function choosePath(source: RangeSource, request: TxnRequest): Path {
  const hasSucceeded = compareAll(source, request.compare);
  const operations = hasSucceeded ? request.success : request.failure;
  const nested: Path[] = [];
  for (const { requestTxn } of operations) {
    if (requestTxn !== undefined) nested.push(choosePath(source, requestTxn));
  }
  return { hasSucceeded, operations, nested };
}

function checkPuts(source: RangeSource, lessor: Lessor, path: Path): void {
  inOrder(path, ({ requestPut }) => {
    if (requestPut === undefined) return;
    if (isKeyMissing(source, requestPut)) throw new EtcdError("KeyNotFound");
    checkLeaseExists(lessor, requestPut.lease);
  });
}

function checkRanges(source: RangeSource, path: Path): void {
  inOrder(path, ({ requestRange }) => {
    if (requestRange !== undefined) checkRevision(source, requestRange.revision);
  });
}

/** Every operation that runs, a nested transaction's where it stands: the first fault decides. */
function inOrder(path: Path, visit: (operation: RequestOp) => void): void {
  let nested = 0;
  for (const operation of path.operations) {
    if (operation.requestTxn === undefined) visit(operation);
    else inOrder(must(path.nested[nested++], "every nested transaction has its path"), visit);
  }
}

function ownRangeError(source: RangeSource, path: Path, access: Access): EtcdError | undefined {
  try {
    for (const { requestRange } of path.operations) {
      if (requestRange !== undefined) access.checkRead(requestRange.key, requestRange.rangeEnd);
    }
    for (const { requestRange } of path.operations) {
      if (requestRange !== undefined) checkRevision(source, requestRange.revision);
    }
    return undefined;
  } catch (error) {
    if (error instanceof EtcdError) return error;
    throw error;
  }
}

function* execute(writer: KeyWriter, path: Path, skipOwnRanges: boolean): Steps<Buffer> {
  const responses: Buffer[] = [];
  let nested = 0;
  for (const operation of path.operations) {
    const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
    if (requestRange !== undefined) {
      if (skipOwnRanges) continue;
      const found = yield* writer.ranging(rangeQuery(requestRange));
      const body = encodeAnswer(found, requestRange);
      responses.push(encodeResponseOp(ResponseKind.RANGE, writer.revision, body));
    } else if (requestPut !== undefined) responses.push(executePut(writer, requestPut));
    else if (requestDeleteRange !== undefined) {
      responses.push(yield* executeDelete(writer, requestDeleteRange));
    } else if (requestTxn !== undefined) {
      const inner = must(path.nested[nested++], "every nested transaction has its path");
      const body = yield* execute(writer, inner, false);
      responses.push(encodeResponseOp(ResponseKind.TXN, 0, body));
    }
    if (writer.isPauseDue()) yield;
  }
  return encodeTxn(path.hasSucceeded, responses);
}

function executePut(writer: KeyWriter, request: PutRequest): Buffer {
  const body = runPut(writer, request);
  return encodeResponseOp(ResponseKind.PUT, writer.revision, body);
}

function* executeDelete(writer: KeyWriter, request: DeleteRangeRequest): Steps<Buffer> {
  const body = yield* runDeleteRange(writer, request);
  return encodeResponseOp(ResponseKind.DELETE_RANGE, writer.revision, body);
}

/** The PutResponse without its header. */
export function runPut(writer: KeyWriter, request: PutRequest): Buffer {
  const previous = writer.put(request);
  return encodePut(request.prevKv ? previous?.bytes : undefined);
}

/** The DeleteRangeResponse without its header. */
export function* runDeleteRange(writer: KeyWriter, request: DeleteRangeRequest): Steps<Buffer> {
  const { key, rangeEnd, prevKv } = request;
  const { count, records } = yield* writer.deletingRange(key, rangeEnd, prevKv);
  return encodeDeleteRange(count, recordBytes(records, false));
}
