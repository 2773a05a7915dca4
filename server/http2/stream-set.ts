import type { ConnectionHost } from "./connection-host.ts";
import { GrpcStream } from "./grpc-stream.ts";
import type { ReadHead } from "./header-reader.ts";
import { HeldBytes, streamBytes } from "./held-bytes.ts";
import type { HttpDispatch } from "./http-call.ts";
import { HttpStream } from "./http-stream.ts";
import type { Outbox } from "./outbox.ts";
import type { PeerConduct } from "./peer-conduct.ts";
import { ConnectionError, ErrorCode, FrameType, WINDOW_MAX } from "./protocol.ts";
import { ReceiveGrants } from "./receive-grants.ts";
import type { PlainHead } from "./request-head.ts";
import type { ConnectionPeer, Stream, StreamHost } from "./stream.ts";
import { UnpackBudget } from "./unpack-budget.ts";

/** The streams of one connection: what opens, feeds, blocks, resets and ends them. */
export class StreamSet implements StreamHost {
  readonly outbox: Outbox;
  readonly peer: ConnectionPeer;
  readonly messageBytesMax: number;
  readonly held: HeldBytes;
  readonly unpackBudget: UnpackBudget;
  /** The highest stream id that the peer has used. */
  lastId = 0;
  /** Some request has come whole. */
  hasAsked = false;
  /** Streams above it are refused: we have announced to go. */
  lastAcceptedId: number = WINDOW_MAX;
  readonly #host: ConnectionHost;
  readonly #conduct: PeerConduct;
  readonly #grants: ReceiveGrants;
  readonly #streams = new Map<number, Stream>();
  /** Open streams whose peer has asked. */
  #askedCount = 0;
  /** What starts when the peer has read its earlier answers, or when it is its turn. */
  readonly #parked = new Set<Stream>();
  /** Ordinary requests begun in this turn. */
  #plainStarts = 0;
  /** Calls with compressed messages that wait for the next turn. */
  readonly #stalled = new Set<Stream>();
  /** Answered before the peer had closed its side; it has until the end of the turn. */
  #lingering: Stream[] = [];

  constructor(host: ConnectionHost, outbox: Outbox, conduct: PeerConduct, peer: ConnectionPeer) {
    this.#host = host;
    this.outbox = outbox;
    this.peer = peer;
    this.messageBytesMax = host.limits.messageBytesMax;
    this.held = new HeldBytes(host.held);
    this.unpackBudget = new UnpackBudget(host.limits.unpackedBytesPerTurn);
    this.#conduct = conduct;
    this.#grants = new ReceiveGrants(outbox, host.limits.grantedBytesMax);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** For no stream it is our turn: either none is open, or their requests are not whole. */
  get isWaiting(): boolean {
    return this.#askedCount === 0;
  }

  /** A complete header block: it opens a stream, or ends the peer's side of one. */
  headers(id: number, head: ReadHead, isLast: boolean, window: number, nowMs: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      if (!isLast) this.#abort(stream, ErrorCode.PROTOCOL_ERROR);
      else if (stream.isRemoteClosed) this.#abort(stream, ErrorCode.STREAM_CLOSED);
      else stream.remoteClosed();
    } else if (id > this.lastId) {
      this.lastId = id;
      this.#open(id, head, isLast, window, nowMs);
    } else this.#conduct.idleFrame(nowMs);
  }

  /** A DATA frame of `frameBytes`, its payload without padding in bytes[start, end). */
  data(
    id: number,
    frameBytes: number,
    bytes: Buffer,
    start: number,
    end: number,
    isLast: boolean,
    nowMs: number,
  ): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#rejectIdle(id);
    if (stream.isRemoteClosed) return this.#abort(stream, ErrorCode.STREAM_CLOSED);
    stream.receiveWindow -= frameBytes;
    if (stream.receiveWindow < 0) return this.#abort(stream, ErrorCode.FLOW_CONTROL_ERROR);
    if (start === end && !isLast) this.#conduct.idleFrame(nowMs);
    stream.receive(bytes, start, end, isLast);
    if (!stream.isRemoteClosed && !stream.isOver) this.#grants.replenish(stream);
    else if (stream.grantedBytes > 0) this.#grants.release(stream);
  }

  reset(id: number, nowMs: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#rejectIdle(id);
      // Often it only crossed the end of the stream; a client may so answer the ends of them all.
      this.#conduct.reset(nowMs);
      return;
    }
    this.#forget(stream);
    stream.reset();
    this.#conduct.reset(nowMs);
  }

  windowUpdate(id: number, increment: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#rejectIdle(id);
    if (increment === 0) return this.#abort(stream, ErrorCode.PROTOCOL_ERROR);
    stream.sendWindow += increment;
    if (stream.sendWindow > WINDOW_MAX) this.#abort(stream, ErrorCode.FLOW_CONTROL_ERROR);
    else this.outbox.join(stream);
  }

  /** SETTINGS changed the initial window, which moves all windows; they may become negative. */
  moveWindows(delta: number, nowMs: number): void {
    this.#conduct.movedWindows(nowMs, this.#streams.size);
    for (const stream of this.#streams.values()) {
      stream.sendWindow += delta;
      if (stream.sendWindow > WINDOW_MAX) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a window above 2^31 - 1");
      }
      this.outbox.join(stream);
    }
  }

  /** Everything that was ready has been read: who has not closed its side by now is asked to. */
  endLingering(): void {
    const lingering = this.#lingering;
    if (lingering.length === 0) return;
    this.#lingering = [];
    for (const stream of lingering) this.#endLingering(stream);
  }

  get parkedCount(): number {
    return this.#parked.size;
  }

  /** Something waits that the next turn may start. */
  get isBehind(): boolean {
    return this.#stalled.size > 0 || (this.#parked.size > 0 && !this.#isPaused);
  }

  /** Unpacks what the turn before left over. */
  resume(): void {
    this.unpackBudget.renew();
    for (const stream of this.#stalled) {
      if (this.unpackBudget.isSpent) return;
      this.#stalled.delete(stream);
      if (stream instanceof GrpcStream) stream.resume();
      if (!stream.isRemoteClosed && !stream.isOver) this.#grants.replenish(stream);
    }
  }

  /** Starts what waited, as far as the peer has read its answers by now; so much in a turn. */
  unpark(): void {
    const { dispatch, dispatchHttp, limits } = this.#host;
    this.#plainStarts = 0;
    let left = limits.startsPerTurn;
    for (const stream of this.#parked) {
      if (this.#isPaused || left-- === 0) return;
      this.#parked.delete(stream);
      if (stream instanceof GrpcStream) stream.open(dispatch);
      else if (stream instanceof HttpStream) dispatchHttp?.(stream);
      if (!stream.isRemoteClosed && !stream.isOver) this.#grants.replenish(stream);
    }
  }

  /** The connection is over: every call hears it. */
  close(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#askedCount = 0;
    this.#parked.clear();
    this.#stalled.clear();
    this.#lingering = [];
    for (const stream of streams) {
      this.held.add(-streamBytes(stream.headBytes));
      this.#endDeadline(stream);
      stream.reset();
    }
  }

  hold(bytes: number): void {
    this.held.add(bytes);
  }

  holdUnread(bytes: number): void {
    this.held.addUnread(bytes);
    if (bytes <= 0) return;
    const { heldBytesPerConnectionMax } = this.#host.limits;
    if (this.held.held > heldBytesPerConnectionMax || this.#host.held.isOver) {
      this.outbox.wantTurn();
    }
  }

  stalled(stream: Stream): void {
    this.#stalled.add(stream);
  }

  unparked(stream: Stream): void {
    this.#grants.replenish(stream);
  }

  asked(): void {
    this.hasAsked = true;
    this.#askedCount++;
  }

  answered(stream: Stream): void {
    if (stream.isRemoteClosed) this.#forget(stream);
    else this.#lingering.push(stream);
  }

  abort(stream: Stream, code: ErrorCode): void {
    this.#abort(stream, code);
  }

  #open(id: number, head: ReadHead, isLast: boolean, window: number, nowMs: number): void {
    if (id > this.lastAcceptedId || this.#streams.size >= this.#host.limits.streamsMax) {
      this.#conduct.reset(nowMs);
      this.#sendReset(id, ErrorCode.REFUSED_STREAM);
      return;
    }
    if (head === "malformed" || head === "oversize") {
      this.#conduct.reset(nowMs);
      const code = head === "malformed" ? ErrorCode.PROTOCOL_ERROR : ErrorCode.ENHANCE_YOUR_CALM;
      this.#sendReset(id, code);
      return;
    }
    const { dispatchHttp } = this.#host;
    if (head.plain !== undefined && dispatchHttp !== undefined && this.peer.isEncrypted) {
      this.#openPlain(id, head.plain, isLast, window, dispatchHttp);
      return;
    }
    const deadlineMs = head.timeoutMs === undefined ? undefined : nowMs + head.timeoutMs;
    const stream = new GrpcStream(this, id, head, window, deadlineMs);
    stream.isRemoteClosed = isLast;
    this.#add(stream);
    if (deadlineMs !== undefined) this.#host.deadlines.add(stream);
    if (head.refusal !== undefined) {
      const { httpStatus, status, text } = head.refusal;
      stream.refuseWith(httpStatus, status, text);
      return;
    }
    if (this.#parked.size === 0 && !this.#isPaused) {
      stream.open(this.#host.dispatch);
      if (isLast) stream.remoteClosed();
    } else {
      stream.park();
      this.#parked.add(stream);
    }
  }

  /** Without TLS there is HTTP/1 for it, with TLS whoever speaks both prefers this. */
  #openPlain(
    id: number,
    head: PlainHead,
    isLast: boolean,
    window: number,
    dispatch: HttpDispatch,
  ): void {
    const stream = new HttpStream(this, id, head, window);
    this.#add(stream);
    if (isLast) stream.remoteClosed();
    const isTurn = this.#plainStarts < this.#host.limits.startsPerTurn;
    if (this.#parked.size > 0 || this.#isPaused || !isTurn) this.#parked.add(stream);
    else {
      this.#plainStarts++;
      dispatch(stream);
    }
  }

  /** The peer has so much to read that nothing new begins. */
  get #isPaused(): boolean {
    return this.held.unread >= this.#host.limits.unreadBytesPause;
  }

  #add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
    this.held.add(streamBytes(stream.headBytes));
  }

  #endLingering(stream: Stream): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#forget(stream);
    if (!stream.isRemoteClosed) this.#sendReset(stream.id, ErrorCode.NO_ERROR);
  }

  #abort(stream: Stream, code: ErrorCode): void {
    this.#forget(stream);
    this.#sendReset(stream.id, code);
    stream.reset();
  }

  #sendReset(id: number, code: ErrorCode): void {
    this.outbox.numberFrame(FrameType.RST_STREAM, id, code);
  }

  #forget(stream: Stream): void {
    if (this.#streams.delete(stream.id)) {
      this.held.add(-streamBytes(stream.headBytes));
      if (stream.hasAsked) this.#askedCount--;
    }
    this.#grants.release(stream);
    this.#parked.delete(stream);
    this.#stalled.delete(stream);
    this.#endDeadline(stream);
  }

  #endDeadline(stream: Stream): void {
    if (stream instanceof GrpcStream && stream.deadlineMs !== undefined) {
      this.#host.deadlines.delete(stream);
    }
  }

  /** Frames for streams that are over are late; for streams that never were, they are wrong. */
  #rejectIdle(id: number): void {
    if (id > this.lastId) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame for a stream never opened");
    }
  }
}
