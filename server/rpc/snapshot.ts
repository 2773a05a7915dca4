import type { ReplicatedState } from "../apply/replicated-state.ts";
import { formatByteSize } from "../base/byte-size.ts";
import type { Clock } from "../base/clock.ts";
import { formatAgo } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { storageVersion } from "../base/version.ts";
import { writeDatabase } from "../bbolt/database-writer.ts";
import { TRAILER_BYTES, withTrailer } from "../bbolt/snapshot-file.ts";
import type { GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { SnapshotRequest, SnapshotResponse } from "../proto/gen/rpc.ts";
import { callFailure, decodeRequest } from "./call-errors.ts";
import type { Callers } from "./callers.ts";

/** Bytes of one response; etcd's. */
const BLOB_BYTES = 32 * 1024;
/** Sent and not yet taken by the client: then the stream waits. */
const BACKLOG_BYTES_MAX = 1024 * 1024;

export interface SnapshotCallOptions {
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly callers: Callers;
}

/** This member's database as a file of etcd's, and behind it the SHA-256 of all of it. */
export class SnapshotCall implements GrpcHandler {
  readonly #call: GrpcCall;
  readonly #options: SnapshotCallOptions;
  readonly #version: string;
  #isStarted = false;
  #isCanceled = false;
  #wake: (() => void) | undefined;

  constructor(call: GrpcCall, options: SnapshotCallOptions) {
    this.#call = call;
    this.#options = options;
    this.#version = storageVersion(options.state.serverVersion);
    call.onDrain = () => this.#wake?.();
  }

  message(bytes: Buffer): void {
    if (this.#isStarted) return;
    decodeRequest(SnapshotRequest, bytes);
    this.#isStarted = true;
    this.#send().catch((error: unknown) => {
      const { status, text } = callFailure(error, this.#call.path, this.#options.log);
      this.#call.fail(status, text);
    });
  }

  halfClose(): void {}

  cancel(): void {
    this.#isCanceled = true;
    this.#wake?.();
  }

  async #send(): Promise<void> {
    const { state, clock, log, metrics, callers } = this.#options;
    await callers.checkRoot(this.#call);
    const startedMs = clock.monotonic();
    state.mark();
    const picture = await state.engine.snapshot();
    try {
      const database = await writeDatabase(picture);
      const { totalBytes } = database;
      const fields = { "total-bytes": totalBytes, size: formatByteSize(totalBytes) };
      log.info("sending database snapshot to client", fields);
      let remaining = database.totalBytes + TRAILER_BYTES;
      for await (const chunk of withTrailer(database.chunks())) {
        for (let at = 0; at < chunk.length; at += BLOB_BYTES) {
          const blob = chunk.subarray(at, at + BLOB_BYTES);
          remaining -= blob.length;
          this.#sendBlob(blob, Math.max(0, remaining - TRAILER_BYTES));
        }
        if (this.#call.backlogBytes > BACKLOG_BYTES_MAX) await this.#drained();
        if (this.#isCanceled) return;
      }
      log.info("sending database sha256 checksum to client", {
        "total-bytes": totalBytes,
        "checksum-size": TRAILER_BYTES,
      });
      this.#call.end();
      const tookMs = clock.monotonic() - startedMs;
      metrics.observeSnapshot(tookMs / 1000);
      const took = formatAgo(tookMs);
      log.info("successfully sent database snapshot to client", { ...fields, took });
    } finally {
      picture.close();
    }
  }

  #sendBlob(blob: Buffer, remainingBytes: number): void {
    const message = { header: undefined, blob, remainingBytes, version: this.#version };
    this.#call.send(SnapshotResponse.encode(message).finish());
  }

  #drained(): Promise<void> {
    if (this.#isCanceled) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
