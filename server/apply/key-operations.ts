import { authorizeDeleteRange, authorizePut, authorizeTxn } from "../admission/authorize.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { finish, type Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { Change } from "../mvcc/change.ts";
import {
  CompactionRequest,
  DeleteRangeRequest,
  type PutRequest,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import { AnswerRoom } from "./answer-room.ts";
import { checkLeaseExists, isKeyMissing, KeyWriter } from "./key-writer.ts";
import type { AnyOperation, Operation } from "./operation.ts";
import { NO_COST, NOT_JUDGED } from "./operation.ts";
import { type Outcome, refused, succeeded } from "./outcome.ts";
import { decodePut } from "./put-request.ts";
import type { ReplicatedState } from "./replicated-state.ts";
import { putCost, roomError, runDeleteRange, runPut, runTxn, txnCost } from "./txn.ts";

/** Told of every new revision, before the next entry is applied. Steps, where that takes turns. */
export type OnChanges = (revision: number, changes: readonly Change[]) => Steps<void> | undefined;

/**
 * Put, DeleteRange, Txn and Compaction.
 * @param answerBytesMax of one answer; absent: see AnswerRoom
 */
export function keyOperations(
  state: ReplicatedState,
  onChanges: OnChanges,
  onCompacted: () => void,
  answerBytesMax?: number,
): AnyOperation[] {
  const end: End = (writer) => {
    const { revision, changes } = writer.end();
    const telling = changes.length > 0 ? onChanges(revision, changes) : undefined;
    return { revision, telling };
  };
  return [
    put(state, end),
    deleteRange(state, end, answerBytesMax),
    txn(state, end, answerBytesMax),
    compaction(state, onCompacted),
  ];
}

type End = (writer: KeyWriter) => {
  readonly revision: number;
  readonly telling: Steps<void> | undefined;
};

function put(state: ReplicatedState, end: End): Operation<PutRequest> {
  return {
    field: InternalField.PUT,
    needsIntactState: true,
    decode: decodePut,
    cost: putCost,
    authorize: (request, access) => authorizePut(access, state.lessor, request),
    run: (request) =>
      write(state, end, (writer) => {
        checkLeaseExists(writer.lessor, request.lease);
        if (isKeyMissing(state.kv, request)) {
          // Where the put does not come to reading the key, looking for it was the read.
          state.operationCounts.read(1);
          throw new EtcdError("KeyNotFound");
        }
        return { chunks: [runPut(writer, request)], error: undefined };
      }),
  };
}

function deleteRange(
  state: ReplicatedState,
  end: End,
  answerBytesMax: number | undefined,
): Operation<DeleteRangeRequest> {
  return {
    field: InternalField.DELETE_RANGE,
    needsIntactState: true,
    decode: (bytes) => DeleteRangeRequest.decode(bytes),
    cost: NO_COST,
    authorize: (request, access) => authorizeDeleteRange(access, request),
    run: (request, { isAwaited }) =>
      writing(state, end, function* (writer) {
        const room = new AnswerRoom(isAwaited, answerBytesMax);
        const chunks = yield* runDeleteRange(writer, request, room);
        return { chunks, error: roomError(room) };
      }),
  };
}

function txn(
  state: ReplicatedState,
  end: End,
  answerBytesMax: number | undefined,
): Operation<TxnRequest> {
  return {
    field: InternalField.TXN,
    needsIntactState: true,
    decode: (bytes) => TxnRequest.decode(bytes),
    cost: txnCost,
    // Its own ranges never void it: see runTxn.
    authorize: (request, access) => authorizeTxn(access, state.lessor, request, "skipped"),
    run: (request, { access, isAwaited }) =>
      writing(state, end, (writer) =>
        runTxn(writer, request, access, new AnswerRoom(isAwaited, answerBytesMax)),
      ),
  };
}

function compaction(state: ReplicatedState, onCompacted: () => void): Operation<CompactionRequest> {
  return {
    field: InternalField.COMPACTION,
    needsIntactState: true,
    decode: (bytes) => CompactionRequest.decode(bytes),
    cost: NO_COST,
    authorize: NOT_JUDGED,
    run: ({ revision }) => {
      state.kv.compact(revision);
      // etcd learns the revision for its answer by a range.
      state.operationCounts.read(1);
      onCompacted();
      return succeeded(state.kv.revision, EMPTY_BYTES);
    },
  };
}

/** As `write`, pausing. */
function* writing(
  state: ReplicatedState,
  end: End,
  run: (writer: KeyWriter) => Steps<Pick<Outcome, "chunks" | "error">>,
): Steps<Outcome> {
  const writer = new KeyWriter(state);
  let result: Pick<Outcome, "chunks" | "error">;
  try {
    result = yield* run(writer);
  } catch (error) {
    writer.end();
    throw error;
  }
  const { revision, telling } = end(writer);
  if (telling !== undefined) yield* telling;
  return outcomeOf(result, revision);
}

/** Runs few changes as one revision; what throws EtcdError has changed nothing. */
function write(
  state: ReplicatedState,
  end: End,
  run: (writer: KeyWriter) => Pick<Outcome, "chunks" | "error">,
): Outcome {
  const writer = new KeyWriter(state);
  let result: Pick<Outcome, "chunks" | "error">;
  try {
    result = run(writer);
  } catch (error) {
    writer.end();
    throw error;
  }
  const { revision, telling } = end(writer);
  if (telling !== undefined) finish(telling);
  return outcomeOf(result, revision);
}

function outcomeOf(
  { chunks, error }: Pick<Outcome, "chunks" | "error">,
  revision: number,
): Outcome {
  return error === undefined ? { error, revision, chunks } : refused(error, revision);
}
