import { must } from "../base/assert.ts";
import { BytePool } from "../base/byte-pool.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Status } from "../errors.ts";
import type { GrpcDispatch } from "../http2/grpc-call.ts";
import { type MethodDescriptor, methodDescriptors } from "../proto/descriptors.ts";
import type { Exchange } from "./exchange.ts";
import { JsonCall, type JsonCallOptions } from "./json-call.ts";
import { errorReply } from "./json-errors.ts";
import { JSON_ROUTES } from "./json-routes.ts";

/** Of requests that have not wholly arrived. */
const BODIES_BYTES_MAX = 64 * 1024 * 1024;

export interface JsonGatewayOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dispatch: GrpcDispatch;
  readonly messageBytesMax: number;
  /** Of unfinished requests, all together; default 64 MiB. */
  readonly bodiesBytesMax?: number;
}

/** etcd's services as JSON over HTTP, below `/v3/`. */
export class JsonGateway {
  readonly #options: JsonCallOptions;
  readonly #routes: ReadonlyMap<string, MethodDescriptor>;

  constructor(options: JsonGatewayOptions) {
    const pool = new BytePool(options.bodiesBytesMax ?? BODIES_BYTES_MAX);
    this.#options = { ...options, pool };
    const methods = new Map(methodDescriptors().map((method) => [method.path, method]));
    this.#routes = new Map(
      Object.entries(JSON_ROUTES).map(([path, method]) => {
        return [path, must(methods.get(method), `no method ${method}`)] as const;
      }),
    );
  }

  /** @param path without the query, percent signs decoded */
  serve(exchange: Exchange, path: string): void {
    const method = this.#routes.get(path);
    if (method === undefined) exchange.reply(errorReply(Status.NOT_FOUND, "Not Found"));
    else if (exchange.method !== "POST") {
      exchange.reply(errorReply(Status.UNIMPLEMENTED, "Method Not Allowed"));
    } else JsonCall.serve(method, exchange, this.#options);
  }
}
