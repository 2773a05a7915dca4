import { messageText, putText, txnText } from "../apply/request-text.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { numberIn } from "./response-text.ts";

export interface RequestStatsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What takes longer is warned of. */
  readonly warningMs: number;
  /** Tell of every call, not only of slow ones. */
  readonly isDebug: boolean;
}

/** A unary call that has ended. */
export interface EndedCall {
  readonly path: string;
  readonly remote: string;
  readonly request: Uint8Array;
  /** Undefined when the call failed. */
  readonly response: Uint8Array | undefined;
  /** Of the range that a Range asked for. */
  readonly keyCount: number;
}

interface Contents {
  readonly requests: number;
  /** Of the request; absent: all of it. */
  readonly bytes?: number;
  readonly responses: number;
  readonly text: string;
}

// Fields of DeleteRangeResponse and TxnResponse: what stands behind them may be long.
const DELETED = 2;
const SUCCEEDED = 2;

/** How many keys a call asked for and got, for the calls where etcd says so. */
const READERS: Readonly<Record<string, (call: EndedCall) => Contents>> = {
  "/etcdserverpb.KV/Range": ({ request, response, keyCount }) => ({
    requests: 0,
    responses: response === undefined ? 0 : keyCount,
    text: messageText(RangeRequest.decode(request)),
  }),
  "/etcdserverpb.KV/Put": ({ request }) => ({
    requests: 1,
    responses: 0,
    text: putText(PutRequest.decode(request)),
  }),
  "/etcdserverpb.KV/DeleteRange": ({ request, response }) => ({
    requests: 0,
    responses: response === undefined ? 0 : numberIn(response, DELETED),
    text: messageText(DeleteRangeRequest.decode(request)),
  }),
  "/etcdserverpb.KV/Txn": ({ request, response }) => {
    if (response === undefined) return { requests: 0, bytes: 0, responses: 0, text: "" };
    const txn = TxnRequest.decode(request);
    const branch = numberIn(response, SUCCEEDED) > 0 ? txn.success : txn.failure;
    let bytes = 0;
    for (const operation of branch) bytes += RequestOp.encode(operation).finish().length;
    return { requests: branch.length, bytes, responses: 0, text: txnText(txn) };
  },
};

/** Of what cannot be decoded etcd tells nothing either: its call has not begun. */
function contentsOf(call: EndedCall): Contents | "unreadable" | undefined {
  try {
    return READERS[call.path]?.(call);
  } catch {
    return "unreadable";
  }
}

/** Tells in the log of unary calls that took long. */
export class RequestStats {
  readonly #options: RequestStatsOptions;

  constructor(options: RequestStatsOptions) {
    this.#options = options;
  }

  /** @param tookMs from the call's arrival to its end */
  ended(tookMs: number, call: EndedCall): void {
    const { log, warningMs, isDebug } = this.#options;
    const isSlow = tookMs > warningMs;
    if (!isSlow && !isDebug) return;
    const contents = contentsOf(call);
    if (contents === "unreadable") return;
    const fields = this.#fields(tookMs, call, contents);
    if (isDebug) log.debug("request stats", fields);
    else log.warn("request stats", fields);
  }

  #fields(tookMs: number, call: EndedCall, contents: Contents | undefined) {
    const start = new Date(this.#options.clock.now() - tookMs).toISOString();
    const isKnown = contents !== undefined;
    return {
      "start time": start.replace("Z", "000Z"),
      "time spent": formatMs(tookMs),
      remote: call.remote,
      "response type": call.path,
      "request count": contents?.requests ?? -1,
      "request size": isKnown ? (contents.bytes ?? call.request.length) : -1,
      "response count": contents?.responses ?? -1,
      "response size": isKnown ? (call.response?.length ?? 0) : -1,
      "request content": contents?.text ?? "",
    };
  }
}
