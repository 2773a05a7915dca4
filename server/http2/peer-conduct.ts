import type { Http2Limits } from "./limits.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";
import { TokenBucket } from "./token-bucket.ts";

/** etcd's: the fourth ping too many ends the connection. */
const PING_STRIKES_MAX = 2;
/** Without open calls a client has no reason to ping more often than this. */
const IDLE_PING_INTERVAL_MS = 7_200_000;
/** WINDOW_UPDATE frames that one frame of ours may cause: the stream's, the connection's, twice. */
const UPDATES_PER_FRAME = 4;
/** Open streams whose windows are moved at the cost of one frame. */
const STREAMS_PER_FRAME = 64;

/** Watches what costs the peer nothing and us something. Each method throws when it is too much. */
export class PeerConduct {
  readonly #idleFrames: TokenBucket;
  readonly #resets: TokenBucket;
  readonly #limits: Http2Limits;
  readonly #isEncrypted: boolean;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  /** Frames that we had sent when the peer last pinged. */
  #framesAtPing = 0;
  #updates = 0;

  /** @param isEncrypted behind TLS etcd counts no pings; here each costs like a frame */
  constructor(limits: Http2Limits, isEncrypted: boolean) {
    this.#limits = limits;
    this.#isEncrypted = isEncrypted;
    this.#idleFrames = new TokenBucket(limits.idleFramesBurst, limits.idleFramesPerSecond);
    this.#resets = new TokenBucket(limits.resetsBurst, limits.resetsPerSecond);
  }

  idleFrame(nowMs: number): void {
    if (!this.#idleFrames.take(nowMs)) throw tooMuch("too many frames that carry nothing");
  }

  /** One frame that has to be applied to every open stream. */
  movedWindows(nowMs: number, streams: number): void {
    if (!this.#idleFrames.take(nowMs, streams / STREAMS_PER_FRAME)) {
      throw tooMuch("too many frames that move all windows");
    }
  }

  reset(nowMs: number): void {
    if (!this.#resets.take(nowMs)) throw tooMuch("too many reset streams");
  }

  /** @param framesSent HEADERS and DATA frames that we have sent on this connection */
  windowUpdate(nowMs: number, framesSent: number): void {
    if (++this.#updates > framesSent * UPDATES_PER_FRAME) this.idleFrame(nowMs);
  }

  /** grpc-go's rule: pings are free while answers flow, otherwise they must keep their distance. */
  ping(nowMs: number, framesSent: number, hasStreams: boolean): void {
    if (this.#isEncrypted) return this.idleFrame(nowMs);
    const sinceLastMs = nowMs - this.#lastPingMs;
    this.#lastPingMs = nowMs;
    if (framesSent !== this.#framesAtPing) {
      this.#framesAtPing = framesSent;
      this.#strikes = 0;
      return;
    }
    const intervalMs = hasStreams ? this.#limits.pingIntervalMinMs : IDLE_PING_INTERVAL_MS;
    if (sinceLastMs < intervalMs) this.#strikes++;
    if (this.#strikes > PING_STRIKES_MAX) throw tooMuch("too_many_pings");
  }
}

function tooMuch(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, text);
}
