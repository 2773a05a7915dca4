import type { Cancel, Clock } from "../base/clock.ts";
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
import type { WatchEvent } from "../watch/watch-event.ts";
import type { WatchSink, WatchStream } from "../watch/watch-stream.ts";
import type { Watcher } from "../watch/watcher.ts";
import { MalformedRequestError } from "./call-errors.ts";
import type { Dispatcher, StreamHandler } from "./dispatch.ts";
import { type WatchNotice, WatchResponses } from "./watch-responses.ts";

/** Events wait in the store while the client has more than this to take. */
export const WATCH_BACKLOG_BYTES_MAX = 1024 * 1024;
/** A client that reads no answers may ask for so many before its stream is ended. */
export const WATCH_UNREAD_REPLIES_MAX = 100_000;
/** The id of an answer that is about no watcher, or about all. */
const NO_WATCH_ID = -1n;
/** Of the progress interval, so that not all streams speak at once. */
const PROGRESS_JITTER = 0.1;

export interface WatchServiceOptions {
  readonly hub: WatchHub;
  readonly clock: Clock;
  readonly random: Random;
  /** The header of an answer that shows a revision. */
  readonly header: (revision: number) => ResponseHeader;
  /** Why the caller may not watch a range, if so. Asked once, when the watch is made. */
  readonly refusal: (call: GrpcCall, key: Buffer, rangeEnd: Buffer) => EtcdError | undefined;
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
class WatchCall implements GrpcHandler, WatchSink {
  readonly #call: GrpcCall;
  readonly #options: WatchServiceOptions;
  readonly #responses: WatchResponses;
  readonly #stream: WatchStream;
  #cancelTicker: Cancel | undefined;
  #unreadReplies = 0;

  constructor(call: GrpcCall, options: WatchServiceOptions, responses: WatchResponses) {
    this.#call = call;
    this.#options = options;
    this.#responses = responses;
    this.#stream = options.hub.openStream(this);
    call.onDrain = () => {
      this.#unreadReplies = 0;
      this.#stream.resume();
    };
  }

  message(bytes: Buffer): void {
    const request = decodeRequest(bytes);
    if (request.createRequest !== undefined) this.#create(request.createRequest);
    else if (request.cancelRequest !== undefined)
      this.#stream.cancel(request.cancelRequest.watchId);
    else if (request.progressRequest !== undefined) this.#stream.requestProgress();
  }

  halfClose(): void {}

  cancel(): void {
    this.#cancelTicker?.();
    this.#stream.close();
  }

  get hasRoom(): boolean {
    return this.#call.backlogBytes < WATCH_BACKLOG_BYTES_MAX;
  }

  events(watcher: Watcher, revision: number, events: readonly WatchEvent[]): void {
    this.#responses.events(watcher, revision, events, (bytes) => this.#call.send(bytes));
  }

  canceled(watcher: Watcher): void {
    this.#reply({ watchId: watcher.id, canceled: true });
  }

  compacted(watcher: Watcher, compactRevision: number): void {
    const notice = { watchId: watcher.id, canceled: true, compactRevision };
    this.#call.send(this.#responses.notice(0, notice));
  }

  progress(watcher: Watcher | undefined, revision: number): void {
    const notice = { watchId: watcher?.id ?? NO_WATCH_ID };
    this.#call.send(this.#responses.notice(revision, notice));
  }

  #create(request: WatchCreateRequest): void {
    const { key, rangeEnd, startRevision, filters } = request;
    const refusal = this.#options.refusal(this.#call, key, rangeEnd);
    if (refusal !== undefined) {
      this.#refuse(`rpc error: code = ${codeName(refusal.status)} desc = ${refusal.message}`);
      return;
    }
    if (startRevision < 0) {
      this.#refuse(new EtcdError("Compacted").message);
      return;
    }
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
    if (this.#call.backlogBytes === 0) this.#unreadReplies = 0;
    if (++this.#unreadReplies > WATCH_UNREAD_REPLIES_MAX) {
      throw new EtcdError("TooManyRequests");
    }
    this.#call.send(this.#responses.notice(this.#options.hub.revision, notice));
  }

  #startTicker(): void {
    const { clock, random, progressNotifyMs } = this.#options;
    const jitterMs = random.below(Math.ceil(progressNotifyMs * PROGRESS_JITTER) + 1);
    this.#cancelTicker = clock.every(progressNotifyMs + jitterMs, () => {
      this.#stream.notifyProgress();
    });
  }
}

function decodeRequest(bytes: Buffer): WatchRequest {
  try {
    return WatchRequest.decode(bytes);
  } catch (thrown) {
    throw new MalformedRequestError(thrown instanceof Error ? thrown.message : String(thrown));
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
