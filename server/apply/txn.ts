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
import { AnswerRoom } from "./answer-room.ts";
import { COMPARED_KEYS_MAX, ComparePace, comparing } from "./compare.ts";
import { gatherRange } from "./gathered-range.ts";
import { checkLeaseExists, isKeyMissing, type KeyWriter } from "./key-writer.ts";
import {
  checkRevision,
  encodingSlices,
  type RangeSource,
  type ReadableRevisions,
  recordBytes,
} from "./range.ts";
import {
  encodeDeleted,
  encodePrevious,
  encodePut,
  encodeResponseOp,
  encodeTxn,
  ResponseKind,
} from "./response.ts";

/** Which branch runs, and the same for the nested transactions of that branch. */
interface Path {
  readonly hasSucceeded: boolean;
  readonly operations: readonly RequestOp[];
  /** By the operation that is the transaction. */
  readonly nested: ReadonlyMap<RequestOp, Path>;
}

export interface TxnAnswer {
  /** TxnResponse without its header. */
  readonly chunks: readonly Buffer[];
  /** What the client gets instead: an own range that cannot be read. The writes stand. */
  readonly error: EtcdError | undefined;
}

export interface ReadOnlyTxn {
  readonly hasSucceeded: boolean;
  /** What is to be read, all of it in the state that decided. */
  readonly ranges: readonly RangeRequest[];
}

/** Decides a transaction of ranges only. Throws Compacted, FutureRev or TooManyOps. */
export function* decideReadOnlyTxn(source: RangeSource, request: TxnRequest): Steps<ReadOnlyTxn> {
  const pace = new ComparePace(source.revision, COMPARED_KEYS_MAX);
  const { hasSucceeded, operations } = yield* choosePath(source, request, pace);
  const ranges = operations.map(({ requestRange }) =>
    must(requestRange, "a read-only transaction holds ranges only"),
  );
  const decided = decidedOn(source, pace);
  for (const { revision } of ranges) checkRevision(decided, revision);
  return { hasSucceeded, ranges };
}

/** @param answers RangeResponses without their headers, read at `revision` */
export function encodeReadOnlyTxn(
  hasSucceeded: boolean,
  revision: number,
  answers: readonly (readonly Buffer[])[],
): readonly Buffer[] {
  const responses = answers.flatMap((answer) =>
    encodeResponseOp(ResponseKind.RANGE, revision, answer),
  );
  return encodeTxn(hasSucceeded, responses);
}

/**
 * Runs a transaction from the log. Throws what makes all of it void: a put with an unknown lease or
 * on a missing key with ignore_value or ignore_lease, or a nested range that cannot be read.
 *
 * A range on the top level never voids the writes: etcd 3.4 to 3.6 drops those ranges before
 * checking on every member but the proposer's, so a member that minded them would end up with
 * another state than the rest. They are checked before a transaction is proposed; if that no longer
 * holds, the writes stand and the client is told the error instead of the answer. So he is where
 * the answer has no room.
 */
export function* runTxn(
  writer: KeyWriter,
  request: TxnRequest,
  access: Access,
  room = new AnswerRoom(),
): Steps<TxnAnswer> {
  const path = yield* choosePath(writer, request);
  checkPuts(writer, writer.lessor, path);
  for (const nested of path.nested.values()) checkRanges(writer, nested);
  const error = ownRangeError(writer, path, access);
  writer.settleCounts();
  // Where nobody waits they are not even counted: etcd has taken them out.
  const readsOwn = error === undefined && room.isAwaited;
  const chunks = yield* execute(writer, path, readsOwn, room);
  return { chunks, error: error ?? roomError(room) };
}

/** What the client gets instead of an answer that has no room. */
export function roomError(room: AnswerRoom): EtcdError | undefined {
  return room.isExceeded ? new EtcdError("ResponseTooLarge") : undefined;
}

/** Throws TooManyOps where it takes more than so many keys to decide the transaction now. */
export function* checkCompares(
  source: RangeSource,
  request: TxnRequest,
  keysMax: number,
): Steps<void> {
  yield* choosePath(source, request, new ComparePace(source.revision, keysMax));
}

/**
 * Throws what would void the transaction if it ran now, and what its own ranges would. Where the
 * state has changed since its path was chosen, its puts are left to the log, which may refuse them.
 */
export function* checkTxnNow(
  source: RangeSource,
  lessor: Lessor,
  request: TxnRequest,
): Steps<void> {
  const pace = new ComparePace(source.revision);
  const path = yield* choosePath(source, request, pace);
  if (source.revision === pace.revision) checkPuts(source, lessor, path);
  checkRanges(decidedOn(source, pace), path);
}

/** A range belongs to the state that decided it; what was compacted since is gone for it too. */
function decidedOn({ compactRevision }: RangeSource, { revision }: ComparePace): ReadableRevisions {
  return { revision, compactRevision };
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

function* choosePath(
  source: RangeSource,
  request: TxnRequest,
  pace = new ComparePace(source.revision),
): Steps<Path> {
  const hasSucceeded = yield* comparing(source, request.compare, pace);
  const operations = hasSucceeded ? request.success : request.failure;
  const nested = new Map<RequestOp, Path>();
  for (const operation of operations) {
    const { requestTxn } = operation;
    if (requestTxn === undefined) continue;
    nested.set(operation, yield* choosePath(source, requestTxn, pace));
  }
  return { hasSucceeded, operations, nested };
}

function nestedPath(path: Path, operation: RequestOp): Path {
  return must(path.nested.get(operation), "every nested transaction has its path");
}

function checkPuts(source: RangeSource, lessor: Lessor, path: Path): void {
  inOrder(path, ({ requestPut }) => {
    if (requestPut === undefined) return;
    if (isKeyMissing(source, requestPut)) throw new EtcdError("KeyNotFound");
    checkLeaseExists(lessor, requestPut.lease);
  });
}

function checkRanges(source: ReadableRevisions, path: Path): void {
  inOrder(path, ({ requestRange }) => {
    if (requestRange !== undefined) checkRevision(source, requestRange.revision);
  });
}

/** Every operation that runs, a nested transaction's where it stands: the first fault decides. */
function inOrder(path: Path, visit: (operation: RequestOp) => void): void {
  for (const operation of path.operations) {
    if (operation.requestTxn === undefined) visit(operation);
    else inOrder(nestedPath(path, operation), visit);
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

/** @param readsOwn whether the ranges on this level are any */
function* execute(
  writer: KeyWriter,
  path: Path,
  readsOwn: boolean,
  room: AnswerRoom,
): Steps<readonly Buffer[]> {
  let responses: Buffer[] = [];
  for (const operation of path.operations) {
    const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
    let response: readonly Buffer[] | undefined;
    if (requestRange !== undefined) {
      if (!readsOwn) continue;
      response = yield* executeRange(writer, requestRange, room);
    } else if (requestPut !== undefined) response = executePut(writer, requestPut, room);
    else if (requestDeleteRange !== undefined) {
      response = yield* executeDelete(writer, requestDeleteRange, room);
    } else if (requestTxn !== undefined) {
      const body = yield* execute(writer, nestedPath(path, operation), true, room);
      if (room.isOpen) response = encodeResponseOp(ResponseKind.TXN, 0, body);
    }
    if (!room.isOpen) responses = [];
    else for (const chunk of response ?? []) responses.push(chunk);
    if (writer.isPauseDue()) yield;
  }
  return room.isOpen ? encodeTxn(path.hasSucceeded, responses) : [];
}

function* executeRange(
  writer: KeyWriter,
  request: RangeRequest,
  room: AnswerRoom,
): Steps<readonly Buffer[] | undefined> {
  if (!room.isOpen) {
    writer.countRange();
    return undefined;
  }
  const body = yield* gatherRange(writer, request, room);
  return body && encodeResponseOp(ResponseKind.RANGE, writer.revision, body);
}

function executePut(
  writer: KeyWriter,
  request: PutRequest,
  room: AnswerRoom,
): readonly Buffer[] | undefined {
  const body = runPut(writer, request);
  if (!room.take(body.length)) return undefined;
  return encodeResponseOp(ResponseKind.PUT, writer.revision, [body]);
}

function* executeDelete(
  writer: KeyWriter,
  request: DeleteRangeRequest,
  room: AnswerRoom,
): Steps<readonly Buffer[] | undefined> {
  const body = yield* runDeleteRange(writer, request, room);
  return room.isOpen
    ? encodeResponseOp(ResponseKind.DELETE_RANGE, writer.revision, body)
    : undefined;
}

/** The PutResponse without its header. */
export function runPut(writer: KeyWriter, request: PutRequest): Buffer {
  const previous = writer.put(request);
  return encodePut(request.prevKv ? previous?.bytes : undefined);
}

/** The DeleteRangeResponse without its header; of no use where `room` is not open any more. */
export function* runDeleteRange(
  writer: KeyWriter,
  request: DeleteRangeRequest,
  room = new AnswerRoom(),
): Steps<readonly Buffer[]> {
  const { key, rangeEnd, prevKv } = request;
  const { count, records } = yield* writer.deletingRange(key, rangeEnd, prevKv ? room : undefined);
  const previous = yield* encodingSlices(records, (slice) =>
    encodePrevious(recordBytes(slice, false)),
  );
  return [encodeDeleted(count), ...previous];
}
