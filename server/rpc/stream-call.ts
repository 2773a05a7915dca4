import { type EtcdError, Status } from "../errors.ts";
import type { CancelReason, GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import type { Metadata } from "../http2/metadata.ts";
import type { GrpcMethodCounters } from "../metrics/grpc-counters.ts";
import { callFailure, MalformedText } from "./call-errors.ts";
import { requiresLeader } from "./call-guards.ts";
import type { DispatcherOptions, StreamHandler } from "./dispatch.ts";
import type { LeaderDependent } from "./leader-streams.ts";

/**
 * Stands between connection and service for a call with streams: counts what passes, and turns
 * what a handler throws into the call's end.
 */
export class StreamCall implements GrpcCall, GrpcHandler, LeaderDependent {
  readonly #call: GrpcCall;
  readonly #counters: GrpcMethodCounters;
  readonly #options: DispatcherOptions;
  #handler: GrpcHandler | undefined;
  #isOver = false;
  readonly #startedMs: number;

  private constructor(call: GrpcCall, counters: GrpcMethodCounters, options: DispatcherOptions) {
    this.#call = call;
    this.#counters = counters;
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  static open(
    call: GrpcCall,
    open: StreamHandler,
    counters: GrpcMethodCounters,
    options: DispatcherOptions,
  ): StreamCall {
    const stream = new StreamCall(call, counters, options);
    counters.started++;
    stream.#attempt(() => {
      options.guards.checkStream(call.path, call.metadata);
      if (requiresLeader(call.metadata)) options.leaderStreams.add(stream);
      stream.#handler = open(stream);
    });
    return stream;
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

  get backlogBytes(): number {
    return this.#call.backlogBytes;
  }

  get onDrain(): (() => void) | undefined {
    return this.#call.onDrain;
  }

  set onDrain(callback: (() => void) | undefined) {
    this.#call.onDrain = callback;
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return;
    this.#counters.sent++;
    this.#options.metrics.sentBytes += message.length;
    this.#call.send(message);
  }

  sendPieces(pieces: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    this.#counters.sent++;
    for (const piece of pieces) this.#options.metrics.sentBytes += piece.length;
    this.#call.sendPieces(pieces);
  }

  end(): void {
    if (this.#finish(Status.OK)) this.#call.end();
  }

  fail(status: Status, text: string): void {
    if (this.#finish(status)) this.#call.fail(status, text);
  }

  message(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#counters.received++;
    this.#options.metrics.receivedBytes += bytes.length;
    this.#attempt(() => this.#handler?.message(bytes));
  }

  halfClose(): void {
    if (!this.#isOver) this.#attempt(() => this.#handler?.halfClose());
  }

  cancel(reason: CancelReason): void {
    const status = reason === "deadline" ? Status.DEADLINE_EXCEEDED : Status.CANCELED;
    if (this.#finish(status)) this.#attempt(() => this.#handler?.cancel(reason));
  }

  abort(error: EtcdError): void {
    this.#attempt(() => {
      throw error;
    });
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      const { log } = this.#options;
      const failure = callFailure(thrown, this.path, log, MalformedText.STREAM);
      if (!this.#finish(failure.status)) return;
      this.#call.fail(failure.status, failure.text);
      // The handler may hold something for this call: it must hear that it is over.
      this.#attempt(() => this.#handler?.cancel("canceled"));
    }
  }

  /** False when the call was over before. */
  #finish(status: Status): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (requiresLeader(this.metadata)) this.#options.leaderStreams.delete(this);
    this.#counters.ended(status, this.#options.clock.monotonic() - this.#startedMs);
    return true;
  }
}
