import {
  KVDefinition,
  type RangeRequest,
  RequestOp,
  type TxnRequest,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../server/proto/gen/rpc.ts";
import { must } from "./cluster-client.ts";
import { RpcClient, type RpcOutcome } from "./rpc-client.ts";

interface Method<Request, Response, Fields> {
  readonly name: string;
  readonly requestType: {
    encode(message: Request): { finish(): Uint8Array };
    decode(bytes: Uint8Array): Request;
    fromPartial(fields: Fields): Request;
  };
  readonly responseType: {
    encode(message: Response): { finish(): Uint8Array };
    decode(bytes: Uint8Array): Response;
  };
}

const kv = KVDefinition.methods;
const WAIT_MS = 15_000;

/** Calls at one member, with as little to write as a request needs. Keys and values are text. */
export class MemberClient {
  readonly #client: RpcClient;

  /** @param url client URL */
  constructor(url: string) {
    this.#client = new RpcClient(new URL(url).host);
  }

  /** The answer, or how it failed. */
  try<Request, Response, Fields>(
    service: { readonly fullName: string },
    method: Method<Request, Response, Fields>,
    fields: Fields,
    deadlineMs?: number,
  ): Promise<RpcOutcome<Response>> {
    const request = method.requestType.fromPartial(fields);
    return this.#client.unary(service, method, request, deadlineMs);
  }

  /** The answer. Rejects when there is none. */
  async call<Request, Response, Fields>(
    service: { readonly fullName: string },
    method: Method<Request, Response, Fields>,
    fields: Fields,
  ): Promise<Response> {
    return must(await this.try(service, method, fields));
  }

  /** The first answer of a stream to one request. */
  first<Request, Response, Fields>(
    service: { readonly fullName: string },
    method: Method<Request, Response, Fields>,
    fields: Fields,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const stream = this.#client.stream(service, method);
      stream.on("error", reject);
      stream.on("data", (response: Response) => {
        stream.cancel();
        resolve(response);
      });
      stream.write(method.requestType.fromPartial(fields));
    });
  }

  put(key: string, value: string | Buffer, lease = 0n) {
    const fields = { key: Buffer.from(key), value: Buffer.from(value), lease };
    return this.call(KVDefinition, kv.put, fields);
  }

  range(key: string, rangeEnd: string, rest: Partial<RangeRequest> = {}) {
    const range = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd) };
    return this.call(KVDefinition, kv.range, { ...rest, ...range });
  }

  delete(key: string, rangeEnd = "") {
    const range = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd) };
    return this.call(KVDefinition, kv.deleteRange, range);
  }

  txn(fields: Partial<TxnRequest>) {
    return this.call(KVDefinition, kv.txn, fields);
  }

  tryTxn(fields: Partial<TxnRequest>) {
    return this.try(KVDefinition, kv.txn, fields);
  }

  async revision(): Promise<number> {
    return (await this.range("revision", "")).header?.revision ?? 0;
  }

  compact(revision: number) {
    return this.call(KVDefinition, kv.compact, { revision, physical: true });
  }

  watch(): WatchClient {
    return new WatchClient(this.#client);
  }

  close(): void {
    this.#client.close();
  }
}

type CreateFields = NonNullable<Parameters<typeof WatchRequest.fromPartial>[0]["createRequest"]>;

/** One stream of watches; what comes is taken in order. */
export class WatchClient {
  readonly #stream: ReturnType<RpcClient["stream"]>;
  readonly #arrived: WatchResponse[] = [];
  #wake: (() => void) | undefined;

  constructor(client: RpcClient) {
    const stream = client.stream(WatchDefinition, WatchDefinition.methods.watch);
    stream.on("error", () => {});
    stream.on("data", (response: WatchResponse) => {
      this.#arrived.push(response);
      this.#wake?.();
    });
    this.#stream = stream as ReturnType<RpcClient["stream"]>;
  }

  create(key: string, fields: CreateFields = {}): void {
    const createRequest = { ...fields, key: Buffer.from(key) };
    this.#stream.write(WatchRequest.fromPartial({ createRequest }));
  }

  askProgress(): void {
    this.#stream.write(WatchRequest.fromPartial({ progressRequest: {} }));
  }

  cancelWatch(watchId: bigint): void {
    this.#stream.write(WatchRequest.fromPartial({ cancelRequest: { watchId } }));
  }

  /** The client will ask for nothing more. */
  halfClose(): void {
    this.#stream.end();
  }

  /** The next answer; rejects when none comes. */
  async next(): Promise<WatchResponse> {
    if (this.#arrived.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("no answer from the watch")), WAIT_MS);
        this.#wake = () => {
          clearTimeout(late);
          this.#wake = undefined;
          resolve();
        };
      });
    }
    return this.#arrived.shift() as WatchResponse;
  }

  /** The next answers until one satisfies `isLast`, it included. */
  async until(isLast: (response: WatchResponse) => boolean): Promise<WatchResponse[]> {
    const taken: WatchResponse[] = [];
    do taken.push(await this.next());
    while (!isLast(taken.at(-1) as WatchResponse));
    return taken;
  }

  close(): void {
    this.#stream.cancel();
  }
}

/** An operation of a transaction. */
export function putOp(key: string, value: string): RequestOp {
  const requestPut = { key: Buffer.from(key), value: Buffer.from(value) };
  return RequestOp.fromPartial({ requestPut });
}

export function rangeOp(key: string, rangeEnd = ""): RequestOp {
  const requestRange = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd) };
  return RequestOp.fromPartial({ requestRange });
}

export function deleteOp(key: string, rangeEnd = ""): RequestOp {
  const requestDeleteRange = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd) };
  return RequestOp.fromPartial({ requestDeleteRange });
}

export function txnOp(fields: Partial<TxnRequest>): RequestOp {
  return RequestOp.fromPartial({ requestTxn: fields });
}
