import type { Log } from "../base/log.ts";
import { Status } from "../errors.ts";
import type { GrpcCall } from "../http2/grpc-call.ts";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthDefinition,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../proto/gen/health.ts";
import { decodeRequest, StatusError } from "./call-errors.ts";
import type { Dispatcher } from "./dispatch.ts";

/** grpc.health.v1.Health. It knows one service, the empty name: this server as a whole. */
export class HealthReporter {
  readonly #watchers = new Set<GrpcCall>();
  readonly #log: Log;
  #isServing = true;

  constructor(log: Log) {
    this.#log = log;
  }

  register(dispatcher: Dispatcher): void {
    dispatcher.unary(HealthDefinition, "check", ({ service }) => {
      if (service !== "") throw new StatusError(Status.NOT_FOUND, "unknown service");
      return { status: this.#status() };
    });
    dispatcher.unary(HealthDefinition, "list", () => {
      return { statuses: { "": { status: this.#status() } } };
    });
    dispatcher.stream(HealthDefinition, "watch", (call) => ({
      message: (bytes) => this.#watch(call, decodeRequest(HealthCheckRequest, bytes).service),
      halfClose() {},
      cancel: () => this.#watchers.delete(call),
    }));
  }

  serve(): void {
    this.#log.info("grpc service status changed", { service: "", status: "SERVING" });
    this.#set(true);
  }

  stopServing(reason: string): void {
    const fields = { service: "", status: "NOT_SERVING", reason };
    this.#log.warn("grpc service status changed", fields);
    this.#set(false);
  }

  /** A member that is going says so before it stops answering. Its log tells that it closes. */
  leave(): void {
    this.#set(false);
  }

  #set(isServing: boolean): void {
    if (this.#isServing === isServing) return;
    this.#isServing = isServing;
    for (const call of this.#watchers) report(call, this.#status());
  }

  #status(): ServingStatus {
    return this.#isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  #watch(call: GrpcCall, service: string): void {
    if (service !== "") {
      report(call, ServingStatus.SERVICE_UNKNOWN);
      return;
    }
    this.#watchers.add(call);
    report(call, this.#status());
  }
}

function report(call: GrpcCall, status: ServingStatus): void {
  call.send(HealthCheckResponse.encode({ status }).finish());
}
