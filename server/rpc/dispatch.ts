import { assert, must } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type EtcdError, Status } from "../errors.ts";
import type { GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import type { Metadata } from "../http2/metadata.ts";
import type { GrpcMethodCounters } from "../metrics/grpc-counters.ts";
import type { GrpcMetrics } from "../metrics/grpc-metrics.ts";
import { type AccessRule, ruleOf } from "./access-rules.ts";
import { decodeRequest } from "./call-errors.ts";
import type { CallGuards } from "./call-guards.ts";
import type { Callers } from "./callers.ts";
import {
  grpcType,
  type MethodDefinition,
  type MethodKey,
  type RequestOf,
  type ResponseOf,
  type ServiceDefinition,
  type UnaryKey,
} from "./definition.ts";
import type { LeaderStreams } from "./leader-streams.ts";
import type { RequestStats } from "./request-stats.ts";
import { StreamCall } from "./stream-call.ts";
import { UnaryCall } from "./unary-call.ts";

/** What a unary handler knows of its call. */
export interface CallContext {
  readonly path: string;
  readonly metadata: Metadata;
  readonly remote: string;
  readonly peerCertificateName: string | undefined;
  /** On the clock's monotonic scale; undefined when the client set none. */
  readonly deadlineMs: number | undefined;
  /** The client is gone or its deadline passed: an answer would reach nobody. */
  readonly isCanceled: boolean;
  /** Called once when that happens while the handler waits. */
  onCancel: (() => void) | undefined;
  /** The handler's, for the log: keys that an answer tells of which is too long to be looked through. */
  keyCount?: number;
}

/** A call that its handler answers when it likes, once. */
export interface OpenCall extends CallContext {
  /** @param result the response, or what the client gets instead of it */
  answer(result: Uint8Array | EtcdError): void;
}

export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Response | Promise<Response>;

/**
 * Request bytes in, response bytes out, for paths where decoding is what costs. Both are read
 * within the turn; whoever keeps request bytes for long copies them (see GrpcHandler.message).
 */
export type RawHandler = (
  request: Buffer,
  context: CallContext,
) => Uint8Array | Promise<Uint8Array>;

/** As RawHandler, for paths where even a promise is what costs: undefined, `answer` is called. */
export type OpenHandler = (request: Buffer, call: OpenCall) => Promise<Uint8Array> | undefined;

/** Called when the call arrives; throwing refuses it. */
export type StreamHandler = (call: GrpcCall) => GrpcHandler;

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly guards: CallGuards;
  readonly stats: Pick<RequestStats, "ended">;
  /** Judges what access-rules.ts does not leave to handlers or the log. */
  readonly callers: Pick<Callers, "checkRoot" | "checkUser">;
  readonly metrics: GrpcMetrics;
  /** Told of each stream whose client demands a leader. */
  readonly leaderStreams: Pick<LeaderStreams, "add" | "delete">;
}

type Route = (call: GrpcCall) => GrpcHandler;

/** From the path of a call to its handler: registration, guards, counting, error texts. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #routes = new Map<string, Route>();
  readonly #services = new Set<string>();
  readonly #handlers = new Map<string, RawHandler>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  unary<D extends ServiceDefinition, K extends UnaryKey<D>>(
    definition: D,
    key: K,
    handler: UnaryHandler<RequestOf<D, K>, ResponseOf<D, K>>,
  ): void {
    const { requestType, responseType } = methodOf(definition, key);
    const encode = (response: unknown) => responseType.encode(response as never).finish();
    this.rawUnary(definition, key, (bytes, context) => {
      const request = decodeRequest(requestType, bytes) as RequestOf<D, K>;
      const response = handler(request, context);
      return response instanceof Promise ? response.then(encode) : encode(response);
    });
  }

  rawUnary<D extends ServiceDefinition, K extends UnaryKey<D>>(
    definition: D,
    key: K,
    handler: RawHandler,
  ): void {
    const options = this.#options;
    const judged = this.#judged(ruleOf(definition.fullName, key), handler);
    this.#handlers.set(pathOf(definition, key), judged);
    this.#register(definition, key, (counters) => (call) => {
      return new UnaryCall(call, judged, counters, options);
    });
  }

  openUnary<D extends ServiceDefinition, K extends UnaryKey<D>>(
    definition: D,
    key: K,
    handler: OpenHandler,
  ): void {
    const options = this.#options;
    this.#register(definition, key, (counters) => (call) => {
      return new UnaryCall(call, handler, counters, options);
    });
  }

  /**
   * A method registered by `unary` or `rawUnary` as it stands, unguarded and uncounted, for
   * services that rest on others.
   */
  local<D extends ServiceDefinition, K extends UnaryKey<D>>(
    definition: D,
    key: K,
  ): (request: RequestOf<D, K>, context: CallContext) => Promise<ResponseOf<D, K>> {
    const { requestType, responseType } = methodOf(definition, key);
    const path = pathOf(definition, key);
    const handler = must(this.#handlers.get(path), `no handler for ${path}`);
    return async (request, context) => {
      const bytes = Buffer.from(requestType.encode(request as never).finish());
      return responseType.decode(await handler(bytes, context)) as ResponseOf<D, K>;
    };
  }

  /** For methods with a stream in either direction. */
  stream<D extends ServiceDefinition, K extends MethodKey<D>>(
    definition: D,
    key: K,
    handler: StreamHandler,
  ): void {
    const options = this.#options;
    ruleOf(definition.fullName, key);
    this.#register(definition, key, (counters) => (call) => {
      return StreamCall.open(call, handler, counters, options);
    });
  }

  readonly dispatch = (call: GrpcCall): GrpcHandler => {
    const route = this.#routes.get(call.path);
    return route === undefined ? this.#refuse(call) : route(call);
  };

  #judged(ruleFor: (request: Buffer) => AccessRule, handler: RawHandler): RawHandler {
    const { callers } = this.#options;
    return (bytes, context) => {
      const rule = ruleFor(bytes);
      let pending: void | Promise<void> = undefined;
      if (rule === "root") pending = callers.checkRoot(context);
      else if (rule === "user") pending = callers.checkUser(context);
      if (!(pending instanceof Promise)) return handler(bytes, context);
      return pending.then(() => handler(bytes, context));
    };
  }

  #register(
    definition: ServiceDefinition,
    key: string,
    route: (counters: GrpcMethodCounters) => Route,
  ): void {
    const method = methodOf(definition, key);
    const path = pathOf(definition, key);
    assert(!this.#routes.has(path), `two handlers for ${path}`);
    const { metrics } = this.#options;
    const counters = metrics.register(grpcType(method), definition.fullName, method.name);
    this.#services.add(definition.fullName);
    this.#routes.set(path, route(counters));
  }

  #refuse(call: GrpcCall): GrpcHandler {
    const at = call.path.lastIndexOf("/");
    const service = call.path.slice(1, at);
    const method = call.path.slice(at + 1);
    if (at <= 0) call.fail(Status.UNIMPLEMENTED, `malformed method name: "${call.path}"`);
    else if (!this.#services.has(service)) {
      call.fail(Status.UNIMPLEMENTED, `unknown service ${service}`);
    } else call.fail(Status.UNIMPLEMENTED, `unknown method ${method} for service ${service}`);
    return REFUSED;
  }
}

const REFUSED: GrpcHandler = { message() {}, halfClose() {}, cancel() {} };

function pathOf(definition: ServiceDefinition, key: string): string {
  return `/${definition.fullName}/${methodOf(definition, key).name}`;
}

function methodOf(definition: ServiceDefinition, key: string): MethodDefinition {
  return must(definition.methods[key], `${definition.fullName} has no method ${key}`);
}
