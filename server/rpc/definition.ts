import type { GrpcType } from "../metrics/grpc-counters.ts";

/** The parts of a generated service definition that the dispatcher needs. */
export interface MethodDefinition {
  readonly name: string;
  readonly requestType: MessageCodec;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec;
  readonly responseStream: boolean;
}

interface MessageCodec {
  decode(input: Uint8Array): unknown;
  // A method, not a property: its parameter is compared loosely, as generated codecs demand.
  encode(message: never): { finish(): Uint8Array };
}

export interface ServiceDefinition {
  readonly name: string;
  /** `etcdserverpb.KV` */
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

type MessageOf<C> = C extends { create(base?: never): infer M } ? M : never;

export type MethodKey<D extends ServiceDefinition> = Extract<keyof D["methods"], string>;

/** The methods of a service with one request and one response. */
export type UnaryKey<D extends ServiceDefinition> = {
  [K in MethodKey<D>]: D["methods"][K] extends { requestStream: false; responseStream: false }
    ? K
    : never;
}[MethodKey<D>];

export type RequestOf<D extends ServiceDefinition, K extends MethodKey<D>> = MessageOf<
  D["methods"][K]["requestType"]
>;
export type ResponseOf<D extends ServiceDefinition, K extends MethodKey<D>> = MessageOf<
  D["methods"][K]["responseType"]
>;

export function grpcType(method: MethodDefinition): GrpcType {
  if (method.requestStream) return method.responseStream ? "bidi_stream" : "client_stream";
  return method.responseStream ? "server_stream" : "unary";
}
