import { authorizeTxn } from "../admission/authorize.ts";
import {
  checkDeleteRange,
  checkPut,
  checkRange,
  checkTxn,
  isReadOnly,
  isSerializable,
} from "../admission/validate.ts";
import { mayCompareMuch } from "../apply/compare.ts";
import type { Outcome } from "../apply/outcome.ts";
import { decodePut, isExactPut } from "../apply/put-request.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { messageText, txnText } from "../apply/request-text.ts";
import { totalSize } from "../apply/response.ts";
import { putCost, txnCost } from "../apply/txn.ts";
import type { Clock } from "../base/clock.ts";
import { inTurns } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import {
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { Compactor } from "../replica/compactor.ts";
import type { Replica } from "../replica/replica.ts";
import type { SlowRequest, SlowRequests } from "../replica/slow-requests.ts";
import { decodeRequest, MalformedRequestError } from "./call-errors.ts";
import type { Callers } from "./callers.ts";
import type { CallContext, Dispatcher, OpenCall } from "./dispatch.ts";
import { COPIED_BYTES, type Headers } from "./header.ts";
import type { Proposer } from "./proposer.ts";
import type { RangeReader, RangeReply, TxnAnswer } from "./range-reader.ts";
import { rangeText, readTxnText } from "./response-text.ts";

const PUT_CODEC = { decode: decodePut };
/** What the generated decoders say of messages deeper within each other than they read. */
const DEPTH_TEXT = "protobuf decode recursion limit exceeded";
export interface KvServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly compactor: Compactor;
  readonly proposer: Proposer;
  readonly callers: Callers;
  readonly ranges: RangeReader;
  readonly headers: Headers;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly slowRequests: SlowRequests;
  readonly txnOpsMax: number;
}

export function registerKv(dispatcher: Dispatcher, options: KvServiceOptions): void {
  const service = new KvService(options);
  dispatcher.openUnary(KVDefinition, "put", (bytes, call) => service.put(bytes, call));
  dispatcher.rawUnary(KVDefinition, "range", (bytes, call) => service.range(bytes, call));
  dispatcher.rawUnary(KVDefinition, "deleteRange", (bytes, call) =>
    service.deleteRange(bytes, call),
  );
  dispatcher.rawUnary(KVDefinition, "txn", (bytes, call) => service.txn(bytes, call));
  dispatcher.rawUnary(KVDefinition, "compact", (bytes, call) => service.compact(bytes, call));
}

/** Bytes in, bytes out: admitted, proposed or read, and put behind a header. */
class KvService {
  readonly #options: KvServiceOptions;

  constructor(options: KvServiceOptions) {
    this.#options = options;
  }

  /** Without a promise where it can: most calls of a busy cluster are puts. */
  put(bytes: Buffer, call: OpenCall): Promise<Buffer> | undefined {
    const { proposer, headers } = this.#options;
    const request = decodeRequest(PUT_CODEC, bytes);
    const refusal = proposer.refusalFor(putCost(request));
    if (refusal !== undefined) return refusal;
    checkPut(request);
    const proposed = isExactPut(request, bytes) ? bytes : PutRequest.encode(request).finish();
    const settle = (outcome: Outcome | EtcdError) => {
      if (outcome instanceof EtcdError) call.answer(outcome);
      else call.answer(outcome.error ?? headers.reply(outcome));
    };
    const waiting = proposer.submit(call, InternalField.PUT, proposed, settle);
    return waiting?.then((outcome) => headers.reply(outcome));
  }

  async deleteRange(bytes: Buffer, call: CallContext): Promise<Buffer> {
    const { proposer } = this.#options;
    const request = decodeRequest(DeleteRangeRequest, bytes);
    checkDeleteRange(request);
    const proposed = DeleteRangeRequest.encode(request).finish();
    return this.#reply(await proposer.propose(call, InternalField.DELETE_RANGE, proposed));
  }

  async range(bytes: Buffer, call: CallContext): Promise<Buffer> {
    const request = decodeRequest(RangeRequest, bytes);
    checkRange(request);
    let records = 0;
    return this.#timed(
      async () => {
        const answer = await this.#range(request, call);
        records = answer.records;
        call.keyCount = answer.count;
        return this.#options.headers.replyInRoom(answer.revision, answer.bytes);
      },
      (response) => ({
        prefix: "read-only range ",
        request: messageText(request),
        response: response === undefined ? "" : rangeText(response, records),
      }),
      this.#options.metrics.observeRange,
    );
  }

  async #range(request: RangeRequest, call: CallContext): Promise<RangeReply> {
    const { replica, ranges, callers } = this.#options;
    if (!request.serializable) await replica.readBarrier(call);
    const access = await callers.access(call);
    access.checkRead(request.key, request.rangeEnd);
    const answer = ranges.read(request, call);
    const read = answer instanceof Promise ? await answer : answer;
    access.checkUnchanged();
    return read;
  }

  async txn(bytes: Buffer, call: CallContext): Promise<Buffer> {
    const { replica, state, proposer, callers, ranges, txnOpsMax } = this.#options;
    const request = decodeTxn(bytes);
    const refusal = proposer.refusalFor(txnCost(request));
    if (refusal !== undefined) return refusal;
    checkTxn(request, txnOpsMax);
    if (isReadOnly(request)) {
      let records: readonly number[] = [];
      return this.#timed(
        async () => {
          const answer = await this.#readTxn(request, call);
          records = answer.records;
          return this.#reply(answer);
        },
        (response) => ({
          prefix: "read-only txn ",
          request: txnText(request),
          response: response === undefined ? "" : readTxnText(response, records),
        }),
      );
    }
    await this.#authorizeRanges(request, call);
    if (!state.isReplacing && mayCompareMuch(state.kv, request)) {
      authorizeTxn(await callers.access(call), state.lessor, request, "skipped");
      await ranges.checkCompares(request, call);
    }
    // See runTxn: once in the log, such a range could no longer void the transaction.
    if (namesRevision(request)) {
      await replica.readBarrier(call);
      checkAlarms(state, request);
      await ranges.checkTxn(request, call);
    }
    const proposed = TxnRequest.encode(request).finish();
    return this.#reply(await proposer.propose(call, InternalField.TXN, proposed));
  }

  async compact(bytes: Buffer, call: CallContext): Promise<Buffer> {
    const { proposer, headers, compactor, state } = this.#options;
    const request = decodeRequest(CompactionRequest, bytes);
    const proposed = CompactionRequest.encode(request).finish();
    try {
      const { chunks } = await proposer.propose(call, InternalField.COMPACTION, proposed);
      if (request.physical) await compactor.finished(request.revision);
      return headers.reply({ revision: state.kv.revision, chunks });
    } catch (error) {
      // Somebody else's compaction has come as far, and its deletions are waited for too.
      const isDone = error instanceof EtcdError && error.code === "Compacted";
      if (isDone && request.physical) await compactor.finished(state.kv.compactRevision);
      throw error;
    }
  }

  #reply(outcome: Pick<Outcome, "revision" | "chunks">): Buffer | Promise<Buffer> {
    const { headers, clock } = this.#options;
    const isLong = totalSize(outcome.chunks) > COPIED_BYTES;
    return isLong ? inTurns(headers.replying(outcome), clock) : headers.reply(outcome);
  }

  /** Reads take their time where writes do too, and are warned of in the same words. */
  async #timed(
    read: () => Promise<Buffer>,
    describe: (response: Buffer | undefined) => Omit<SlowRequest, "error">,
    observe?: (seconds: number, isSuccess: boolean) => void,
  ): Promise<Buffer> {
    const { clock, slowRequests } = this.#options;
    const startedMs = clock.monotonic();
    let response: Buffer | undefined;
    let error: unknown;
    try {
      response = await read();
      return response;
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      const tookMs = clock.monotonic() - startedMs;
      observe?.(tookMs / 1000, error === undefined);
      slowRequests.check(tookMs, () => ({ ...describe(response), error }));
    }
  }

  /** All ranges of a transaction that writes nothing. */
  async #readTxn(request: TxnRequest, call: CallContext): Promise<TxnAnswer> {
    const { replica, state, callers, ranges } = this.#options;
    if (!isSerializable(request)) await replica.readBarrier(call);
    const access = await callers.access(call);
    authorizeTxn(access, state.lessor, request, "judged");
    const answer = await ranges.readTxn(request, call);
    access.checkUnchanged();
    return answer;
  }

  /**
   * Once in the log, a transaction's own ranges can no longer void it (see runTxn): whether they
   * may be read is judged before, and rights may have changed that this member has not heard of.
   * With nested ranges as well: what is then said of their revisions is for nobody else.
   */
  async #authorizeRanges(request: TxnRequest, call: CallContext): Promise<void> {
    const { replica, state, callers } = this.#options;
    if (!state.auth.isEnabled || !hasRange(request)) return;
    // Outside of what is tried again: a token that is none comes before all else.
    const access = await callers.access(call);
    try {
      authorizeTxn(access, state.lessor, request, "judged");
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await replica.readBarrier(call);
      checkAlarms(state, request);
      authorizeTxn(await callers.access(call), state.lessor, request, "judged");
    }
  }
}

/** What the log would refuse it with before it looked at rights. */
function checkAlarms({ alarms }: ReplicatedState, request: TxnRequest): void {
  if (alarms.isActive(AlarmType.CORRUPT)) throw new EtcdError("Corrupt");
  const isGrowing = txnCost(request) > 0;
  if (isGrowing && alarms.isActive(AlarmType.NOSPACE)) throw new EtcdError("NoSpace");
}

function hasRange({ success, failure }: TxnRequest): boolean {
  const isRange = ({ requestRange, requestTxn }: RequestOp): boolean =>
    requestRange !== undefined || (requestTxn !== undefined && hasRange(requestTxn));
  return success.some(isRange) || failure.some(isRange);
}

/** Whether any range of the transaction asks for another revision than the present one. */
function namesRevision({ success, failure }: TxnRequest): boolean {
  const names = ({ requestRange, requestTxn }: RequestOp): boolean =>
    (requestRange !== undefined && requestRange.revision !== 0) ||
    (requestTxn !== undefined && namesRevision(requestTxn));
  return success.some(names) || failure.some(names);
}

/** @throws EtcdError TooManyOps: what cannot be read for its depth has more than can be allowed */
function decodeTxn(bytes: Buffer): TxnRequest {
  try {
    return decodeRequest(TxnRequest, bytes);
  } catch (error) {
    const isTooDeep = error instanceof MalformedRequestError && error.message === DEPTH_TEXT;
    throw isTooDeep ? new EtcdError("TooManyOps") : error;
  }
}
