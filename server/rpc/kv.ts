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
import { checkTxnNow, putCost, txnCost } from "../apply/txn.ts";
import {
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import { WireError } from "../proto/wire.ts";
import type { Compactor } from "../replica/compactor.ts";
import type { Replica } from "../replica/replica.ts";
import { MalformedRequestError } from "./call-errors.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";
import type { Proposer } from "./proposer.ts";
import type { RangeAnswer, RangeReader } from "./range-reader.ts";

export interface KvServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly compactor: Compactor;
  readonly proposer: Proposer;
  readonly ranges: RangeReader;
  readonly headers: Headers;
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
    const { replica, ranges } = this.#options;
    const request = decode(() => RangeRequest.decode(bytes));
    checkRange(request);
    if (!request.serializable) await replica.readBarrier();
    const answer = ranges.read(request);
    return this.#reply(answer instanceof Promise ? await answer : answer);
  }

  async txn(bytes: Buffer): Promise<Buffer> {
    const { replica, state, proposer, headers, ranges, txnOpsMax } = this.#options;
    const request = decode(() => TxnRequest.decode(bytes));
    checkTxn(request, txnOpsMax);
    if (isReadOnly(request)) {
      if (!isSerializable(request)) await replica.readBarrier();
      return headers.reply(await ranges.readTxn(request));
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

  #reply({ revision, chunks }: RangeAnswer): Buffer {
    return this.#options.headers.replyChunks(revision, chunks);
  }
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
