import type { Distribution } from "../base/distribution.ts";

export type GrpcType = "unary" | "client_stream" | "server_stream" | "bidi_stream";

/** What is counted of one gRPC method: plain numbers, so that counting costs next to nothing. */
export class GrpcMethodCounters {
  readonly type: GrpcType;
  /** `etcdserverpb.KV` */
  readonly service: string;
  readonly method: string;
  started = 0;
  received = 0;
  sent = 0;
  /** By gRPC status, 0 to 16. A call counts when it ends. */
  readonly handled: Float64Array = new Float64Array(17);
  /** From a call's arrival to its end; only where that was asked for. */
  readonly seconds: Distribution | undefined;

  constructor(type: GrpcType, service: string, method: string, seconds?: Distribution) {
    this.seconds = seconds;
    this.type = type;
    this.service = service;
    this.method = method;
  }

  ended(status: number, durationMs: number): void {
    this.handled[status] = (this.handled[status] ?? 0) + 1;
    this.seconds?.observe(durationMs / 1000);
  }
}
