import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { EtcdError, Status } from "../errors.ts";
import type { GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import {
  WatchCreateRequest_FilterType as FilterType,
  type ResponseHeader,
  type WatchCreateRequest,
  WatchDefinition,
  WatchRequest,
} from "../proto/gen/rpc.ts";
import type { WatchHub } from "../watch/hub.ts";
import type { PackedEvents } from "../watch/packed-events.ts";
import type { WatchEvent } from "../watch/watch-event.ts";
import type { BulkSink, WatchSink, WatchStream } from "../watch/watch-stream.ts";
import type { Watcher } from "../watch/watcher.ts";
import { callFailure, decodeRequest } from "./call-errors.ts";
import type { Dispatcher, StreamHandler } from "./dispatch.ts";
import { RequestQueue } from "./request-queue.ts";
import { type ResponsePieces, type WatchNotice, WatchResponses } from "./watch-responses.ts";

/** Events wait in the store while the client has more than this to take. */
export const WATCH_BACKLOG_BYTES_MAX = 1024 * 1024;
/** A client that reads no answers may ask for so many before its stream is ended. */
export const WATCH_UNREAD_REPLIES_MAX = 100_000;
/** The id of an answer that is about no watcher, or about all. */
const NO_WATCH_ID = -1n;
/** An empty key in a request stands for it. */
const FIRST_KEY = Buffer.alloc(1);
/** Of the progress interval, so that not all streams speak at once. */
const PROGRESS_JITTER = 0.1;

export interface WatchServiceOptions {
  readonly hub: WatchHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The header of an answer that shows a revision. */
  readonly header: (revision: number) => ResponseHeader;
  /**
   * Throws or rejects with EtcdError when the caller may not watch a range. Asked once, when the
   * watch is made.
   */
  readonly authorize: (call: GrpcCall, key: Buffer, rangeEnd: Buffer) => void | Promise<void>;
  readonly progressNotifyMs: number;
  /** A response above it is split for clients that ask for it: max-request-bytes + 512 KiB. */
  readonly responseBytesMax: number;
}

export function registerWatch(dispatcher: Dispatcher, options: WatchServiceOptions): void {
  dispatcher.stream(WatchDefinition, "watch", watchHandler(options));
}

/** The service without its registration. */
export function watchHandler(options: WatchServiceOptions): StreamHandler {
  const responses = new WatchResponses(options.header, options.responseBytesMax);
  return (call) => new WatchCall(call, options, responses);
}

/**
 * One client's stream of watches. It lives until the call is canceled, not until the client's EOF.
 */
class WatchCall implements GrpcHandler, WatchSink, BulkSink {
  readonly bulk = this;
  readonly #call: GrpcCall;
  readonly #options: WatchServiceOptions;
  readonly #responses: WatchResponses;
  readonly #stream: WatchStream;
  readonly #requests: RequestQueue<WatchRequest>;
  readonly #startedMs: number;
  #cancelTicker: Cancel | undefined;
  #unreadReplies = 0;
  /** It was sent a part of a revision. Clients take what comes next for the rest, or as its end. */
  #partial: Watcher | undefined;
  /** Replies that wait for that rest. */
  #heldReplies: Uint8Array[] = [];

  constructor(call: GrpcCall, options: WatchServiceOptions, responses: WatchResponses) {
    this.#call = call;
    this.#options = options;
    this.#responses = responses;
    this.#startedMs = options.clock.monotonic();
    this.#stream = options.hub.openStream(this);
    this.#requests = new RequestQueue(
      (request) => this.#handle(request),
      (error) => this.#fail(error),
    );
    call.onDrain = () => {
      this.#unreadReplies = this.#heldReplies.length;
      this.#stream.resume();
    };
  }

  message(bytes: Buffer): void {
    this.#requests.push(decodeRequest(WatchRequest, bytes));
  }

  halfClose(): void {}

  cancel(): void {
    this.#requests.close();
    this.#cancelTicker?.();
    this.#stream.close();
  }

  get hasRoom(): boolean {
    return this.#call.backlogBytes < WATCH_BACKLOG_BYTES_MAX;
  }

  events(watcher: Watcher, revision: number, events: readonly WatchEvent[]): void {
    this.#responses.events(watcher, revision, events, (pieces) => this.#send(pieces));
  }

  packed(watcher: Watcher, revision: number, events: PackedEvents, isPart: boolean): void {
    this.#send(this.#responses.packed(watcher, revision, events, isPart));
    if (isPart) this.#partial = watcher;
    else this.#release(watcher);
  }

  eventBytesMax(watcher: Watcher, revision: number): number {
    return this.#responses.eventBytesMax(watcher, revision);
  }

  canceled(watcher: Watcher): void {
    this.#release(watcher);
    this.#reply({ watchId: watcher.id, canceled: true });
  }

  compacted(watcher: Watcher, compactRevision: number): void {
    this.#release(watcher);
    const notice = { watchId: watcher.id, canceled: true, compactRevision };
    this.#call.send(this.#responses.notice(0, notice));
  }

  failed(error: unknown): void {
    this.#fail(error);
  }

  progress(watcher: Watcher | undefined, revision: number): void {
    const notice = { watchId: watcher?.id ?? NO_WATCH_ID };
    this.#call.send(this.#responses.notice(revision, notice));
  }

  #send(pieces: ResponsePieces): void {
    const [first, ...others] = pieces;
    if (first !== undefined && others.length === 0) this.#call.send(first);
    else this.#call.sendPieces(pieces);
  }

  #handle(request: WatchRequest): void | Promise<void> {
    const { createRequest, cancelRequest, progressRequest } = request;
    if (createRequest !== undefined) return this.#authorize(createRequest);
    if (cancelRequest !== undefined) this.#stream.cancel(cancelRequest.watchId);
    else if (progressRequest !== undefined) this.#stream.requestProgress();
  }

  #authorize(request: WatchCreateRequest): void | Promise<void> {
    // There never was anything: who may watch is not asked.
    if (request.startRevision < 0) {
      this.#refuse(new EtcdError("Compacted").message);
      return;
    }
    const key = request.key.length === 0 ? FIRST_KEY : request.key;
    let pending: void | Promise<void>;
    try {
      pending = this.#options.authorize(this.#call, key, request.rangeEnd);
    } catch (error) {
      this.#deny(error);
      return;
    }
    if (pending instanceof Promise) return this.#createAfter(pending, request);
    this.#create(request);
  }

  async #createAfter(pending: Promise<void>, request: WatchCreateRequest): Promise<void> {
    try {
      await pending;
    } catch (error) {
      this.#deny(error);
      return;
    }
    // The stream may have ended meanwhile; its watchers are gone with it.
    if (!this.#requests.isClosed) this.#create(request);
  }

  #deny(error: unknown): void {
    if (!(error instanceof EtcdError)) throw error;
    // Where nobody can tell now who may watch, a watch that is refused is ended for good, but a stream
    // that fails so is resumed by its client.
    if (error.status === Status.UNAVAILABLE) return this.#fail(error);
    this.#refuse(`rpc error: code = ${codeName(error.status)} desc = ${error.message}`);
  }

  #fail(error: unknown): void {
    const { status, text } = callFailure(error, this.#call.path, this.#options.log);
    this.cancel();
    this.#call.fail(status, text);
  }

  #create(request: WatchCreateRequest): void {
    const { key, rangeEnd, startRevision, filters } = request;
    const made = this.#stream.create({
      key,
      rangeEnd,
      startRevision,
      id: request.watchId,
      wantsPrevious: request.prevKv,
      wantsProgress: request.progressNotify,
      wantsPuts: !filters.includes(FilterType.NOPUT),
      wantsDeletes: !filters.includes(FilterType.NODELETE),
      takesFragments: request.fragment,
    });
    if ("refusal" in made) {
      this.#refuse(made.refusal);
      return;
    }
    this.#reply({ watchId: made.id, created: true });
    if (request.progressNotify && this.#cancelTicker === undefined) this.#startTicker();
  }

  #refuse(cancelReason: string): void {
    this.#reply({ watchId: NO_WATCH_ID, created: true, canceled: true, cancelReason });
  }

  #reply(notice: WatchNotice): void {
    if (this.#call.backlogBytes === 0) this.#unreadReplies = this.#heldReplies.length;
    if (++this.#unreadReplies > WATCH_UNREAD_REPLIES_MAX) {
      throw new EtcdError("TooManyRequests");
    }
    const bytes = this.#responses.notice(this.#options.hub.revision, notice);
    if (this.#partial === undefined) this.#call.send(bytes);
    else this.#heldReplies.push(bytes);
  }

  /** A watcher is told no more of the revision that it was told a part of. */
  #release(watcher: Watcher): void {
    if (this.#partial !== watcher) return;
    this.#partial = undefined;
    for (const bytes of this.#heldReplies.splice(0)) this.#call.send(bytes);
  }

  /** As in etcd, progress is told every so often from the stream's start on. */
  #startTicker(): void {
    const { clock, random, progressNotifyMs } = this.#options;
    const jitterMs = random.below(Math.ceil(progressNotifyMs * PROGRESS_JITTER) + 1);
    const periodMs = progressNotifyMs + jitterMs;
    const elapsedMs = (clock.monotonic() - this.#startedMs) % periodMs;
    this.#cancelTicker = clock.after(periodMs - elapsedMs, () => {
      this.#cancelTicker = clock.every(periodMs, () => this.#stream.notifyProgress());
      this.#stream.notifyProgress();
    });
  }
}

/** As grpc-go prints the codes that a refusal can have. */
function codeName(status: Status): string {
  switch (status) {
    case Status.PERMISSION_DENIED:
      return "PermissionDenied";
    case Status.UNAUTHENTICATED:
      return "Unauthenticated";
    case Status.INVALID_ARGUMENT:
      return "InvalidArgument";
    default:
      return "Unknown";
  }
}
