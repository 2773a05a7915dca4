import { EtcdError, Status } from "../errors.ts";
import type { CancelReason, GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import type { Metadata } from "../http2/metadata.ts";
import type { GrpcMethodCounters } from "../metrics/grpc-counters.ts";
import { callFailure } from "./call-errors.ts";
import type { DispatcherOptions, OpenCall, OpenHandler, RawHandler } from "./dispatch.ts";
import { RESPONSE_BYTES_MAX } from "./header.ts";

/**
 * One request, one response. The handler runs as soon as the request is there, before the client
 * has closed its side; what it sends beyond that is ignored.
 */
export class UnaryCall implements GrpcHandler, OpenCall {
  readonly #call: GrpcCall;
  readonly #handler: RawHandler | OpenHandler;
  readonly #counters: GrpcMethodCounters;
  readonly #options: DispatcherOptions;
  #isStarted = false;
  #isOver = false;
  #request: Buffer | undefined;
  readonly #startedMs: number;
  isCanceled = false;
  onCancel: (() => void) | undefined = undefined;
  keyCount = 0;

  constructor(
    call: GrpcCall,
    handler: RawHandler | OpenHandler,
    counters: GrpcMethodCounters,
    options: DispatcherOptions,
  ) {
    this.#call = call;
    this.#handler = handler;
    this.#counters = counters;
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
    counters.started++;
  }

  get path(): string {
    return this.#call.path;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get remote(): string {
    return this.#call.remote;
  }

  get peerCertificateName(): string | undefined {
    return this.#call.peerCertificateName;
  }

  get deadlineMs(): number | undefined {
    return this.#call.deadlineMs;
  }

  message(bytes: Buffer): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#request = bytes;
    this.#counters.received++;
    this.#options.metrics.receivedBytes += bytes.length;
    let response: Uint8Array | Promise<Uint8Array> | undefined;
    try {
      this.#options.guards.checkUnary(this.path, this.metadata, bytes);
      response = this.#handler(bytes, this);
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    if (response instanceof Promise) void this.#wait(response);
    else if (response !== undefined) this.#reply(response);
  }

  answer(result: Uint8Array | EtcdError): void {
    if (result instanceof EtcdError) this.#fail(result);
    else this.#reply(result);
  }

  halfClose(): void {
    if (this.#isStarted || this.#isOver) return;
    this.#finish(Status.INTERNAL);
    this.#call.fail(Status.INTERNAL, "EOF");
  }

  cancel(reason: CancelReason): void {
    if (this.#isOver) return;
    this.#finish(reason === "deadline" ? Status.DEADLINE_EXCEEDED : Status.CANCELED);
    this.isCanceled = true;
    this.onCancel?.();
  }

  async #wait(response: Promise<Uint8Array>): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = await response;
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    this.#reply(bytes);
  }

  #reply(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (bytes.length > RESPONSE_BYTES_MAX) {
      this.#fail(new EtcdError("ResponseTooLarge"));
      return;
    }
    this.#counters.sent++;
    this.#options.metrics.sentBytes += bytes.length;
    this.#finish(Status.OK, bytes);
    this.#call.send(bytes);
    this.#call.end();
  }

  #fail(thrown: unknown): void {
    const failure = callFailure(thrown, this.path, this.#options.log);
    if (this.#isOver) return;
    this.#finish(failure.status);
    this.#call.fail(failure.status, failure.text);
  }

  #finish(status: Status, response?: Uint8Array): void {
    this.#isOver = true;
    const { clock, stats } = this.#options;
    const tookMs = clock.monotonic() - this.#startedMs;
    this.#counters.ended(status, tookMs);
    const { path, remote, keyCount } = this;
    if (this.#request !== undefined)
      stats.ended(tookMs, { path, remote, request: this.#request, response, keyCount });
  }
}
