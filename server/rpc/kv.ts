import {
  checkDeleteRange,
  checkPut,
  checkRange,
  checkTxn,
  isReadOnly,
  isSerializable,
} from "../admission/validate.ts";
import { decodePut, isExactPut } from "../apply/put-request.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { messageText, txnText } from "../apply/request-text.ts";
import { checkTxnNow, putCost, txnCost } from "../apply/txn.ts";
import type { Clock } from "../base/clock.ts";
import type { Metrics } from "../metrics/metrics.ts";
import {
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  PutRequest,
  RangeRequest,
  RangeResponse,
  type RequestOp,
  TxnRequest,
  TxnResponse,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import { WireError } from "../proto/wire.ts";
import type { Compactor } from "../replica/compactor.ts";
import type { Replica } from "../replica/replica.ts";
import type { SlowRequest, SlowRequests } from "../replica/slow-requests.ts";
import { MalformedRequestError } from "./call-errors.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";
import type { Proposer } from "./proposer.ts";
import type { RangeReader } from "./range-reader.ts";

export interface KvServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly compactor: Compactor;
  readonly proposer: Proposer;
  readonly ranges: RangeReader;
  readonly headers: Headers;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly slowRequests: SlowRequests;
  readonly txnOpsMax: number;
}

export function registerKv(dispatcher: Dispatcher, options: KvServiceOptions): void {
  const service = new KvService(options);
  dispatcher.rawUnary(KVDefinition, "put", (bytes) => service.put(bytes));
  dispatcher.rawUnary(KVDefinition, "range", (bytes) => service.range(bytes));
  dispatcher.rawUnary(KVDefinition, "deleteRange", (bytes) => service.deleteRange(bytes));
  dispatcher.rawUnary(KVDefinition, "txn", (bytes) => service.txn(bytes));
  dispatcher.rawUnary(KVDefinition, "compact", (bytes) => service.compact(bytes));
}

/** Bytes in, bytes out: admitted, proposed or read, and put behind a header. */
class KvService {
  readonly #options: KvServiceOptions;

  constructor(options: KvServiceOptions) {
    this.#options = options;
  }

  async put(bytes: Buffer): Promise<Buffer> {
    const { proposer, headers } = this.#options;
    const request = decode(() => decodePut(bytes));
    checkPut(request);
    const proposed = isExactPut(request, bytes) ? bytes : PutRequest.encode(request).finish();
    return headers.reply(await proposer.propose(InternalField.PUT, proposed, putCost(request)));
  }

  async deleteRange(bytes: Buffer): Promise<Buffer> {
    const { proposer, headers } = this.#options;
    const request = decode(() => DeleteRangeRequest.decode(bytes));
    checkDeleteRange(request);
    const proposed = DeleteRangeRequest.encode(request).finish();
    return headers.reply(await proposer.propose(InternalField.DELETE_RANGE, proposed));
  }

  async range(bytes: Buffer): Promise<Buffer> {
    const request = decode(() => RangeRequest.decode(bytes));
    checkRange(request);
    return this.#timed(
      () => this.#range(request),
      (response) => ({
        prefix: "read-only range ",
        request: messageText(request),
        response: response === undefined ? "" : rangeText(response),
      }),
      this.#options.metrics.observeRange,
    );
  }

  async #range(request: RangeRequest): Promise<Buffer> {
    const { replica, ranges, headers } = this.#options;
    if (!request.serializable) await replica.readBarrier();
    const answer = ranges.read(request);
    const { revision, chunks } = answer instanceof Promise ? await answer : answer;
    return headers.replyChunks(revision, chunks);
  }

  async txn(bytes: Buffer): Promise<Buffer> {
    const { replica, state, proposer, headers, ranges, txnOpsMax } = this.#options;
    const request = decode(() => TxnRequest.decode(bytes));
    checkTxn(request, txnOpsMax);
    if (isReadOnly(request)) {
      return this.#timed(
        async () => {
          if (!isSerializable(request)) await replica.readBarrier();
          return headers.reply(await ranges.readTxn(request));
        },
        (response) => ({
          prefix: "read-only txn ",
          request: txnText(request),
          response: response === undefined ? "" : readTxnText(response),
        }),
      );
    }
    // See runTxn: once in the log, such a range could no longer void the transaction.
    if (namesRevision(request)) {
      await replica.readBarrier();
      checkTxnNow(state.kv, state.lessor, request);
    }
    const proposed = TxnRequest.encode(request).finish();
    return headers.reply(await proposer.propose(InternalField.TXN, proposed, txnCost(request)));
  }

  async compact(bytes: Buffer): Promise<Buffer> {
    const { proposer, headers, compactor } = this.#options;
    const request = decode(() => CompactionRequest.decode(bytes));
    const proposed = CompactionRequest.encode(request).finish();
    const outcome = await proposer.propose(InternalField.COMPACTION, proposed);
    if (request.physical) await compactor.finished(request.revision);
    return headers.reply(outcome);
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
}

function rangeText(bytes: Buffer): string {
  return `range_response_count:${RangeResponse.decode(bytes).kvs.length} size:${bytes.length}`;
}

function readTxnText(bytes: Buffer): string {
  const counts = TxnResponse.decode(bytes).responses.map(
    ({ responseRange }) => `range_response_count:${responseRange?.kvs.length ?? 0}`,
  );
  return `responses:<${counts.join(" ")}> size:${bytes.length}`;
}

/** Whether any range of the transaction asks for another revision than the present one. */
function namesRevision({ success, failure }: TxnRequest): boolean {
  const names = ({ requestRange, requestTxn }: RequestOp): boolean =>
    (requestRange !== undefined && requestRange.revision !== 0) ||
    (requestTxn !== undefined && namesRevision(requestTxn));
  return success.some(names) || failure.some(names);
}

function decode<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const text =
      error instanceof WireError || error instanceof Error ? error.message : "no message";
    throw new MalformedRequestError(text);
  }
}
