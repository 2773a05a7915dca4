// One HTTP/2 connection.
//
//   socket ─▶ FrameReader ─▶ Connection ─▶ StreamSet ─▶ GrpcStream ─▶ the call's handler
//             bytes, frames   what concerns  what concerns  messages,
//                             all of it      one stream     deadline      │ send, end, fail
//   socket ◀──────────────────── Outbox ◀────────────────────────────────┘
//             one write at the end of the turn
//
// A turn is what the event loop does between two looks at the sockets. All that a turn reads is
// handed to the application at once, all that it answers is collected, and one write per connection
// ends it. That is what makes a call cost microseconds: header blocks are constants or cached,
// messages are views into what was read, and the system is called twice for many calls.
//
// Invariants
//   - Whatever the peer sends, it costs the peer its stream or its connection, never the process:
//     ConnectionError ends in GOAWAY with its code, anything unforeseen in GOAWAY INTERNAL_ERROR.
//     Only a broken invariant of our own (AssertionError) is thrown on.
//   - Nothing grows without a limit that has a name (limits.ts). What is buffered for a peer is
//     counted, of the connection and of all together; frames that cost the peer nothing are counted
//     as well (peer-conduct.ts).
//   - Each call hears of its end exactly once, also when the connection is lost.
//   - Nothing here waits: a slow peer fills its own queue, then its own calls do not start.
import type { Socket } from "node:net";
import { AssertionError } from "../base/assert.ts";
import type { Guest } from "../base/guest-list.ts";
import type { Admission, ConnectionHost, Turning } from "./connection-host.ts";
import { padding, protocolError, requireForm } from "./frame-form.ts";
import { FrameReader } from "./frame-reader.ts";
import { HeaderReader } from "./header-reader.ts";
import { Outbox } from "./outbox.ts";
import { remoteAddressOf, remoteHostOf } from "./peer-address.ts";
import { PeerConduct } from "./peer-conduct.ts";
import { ownSettings, PeerSettings } from "./peer-settings.ts";
import {
  ConnectionError,
  ErrorCode,
  Flag,
  FrameType,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from "./protocol.ts";
import { StreamSet } from "./stream-set.ts";

const KEEPALIVE_PING: Buffer = Buffer.from("keepaliv", "latin1");
const DRAIN_PING: Buffer = Buffer.from("goawaypg", "latin1");
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * open → warned (GOAWAY without a last stream is out) → draining (new streams are refused) →
 * closing (nothing is read any more, the peer may read our last words) → closed.
 */
type Phase = "open" | "warned" | "draining" | "closing" | "closed";

/** One HTTP/2 connection: frames in, calls to the application, one write per turn out. */
export class Connection implements Turning, Guest {
  readonly remote: string;
  readonly host: string;
  readonly arrivedMs: number;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reader: FrameReader;
  readonly #headers: HeaderReader;
  readonly #conduct: PeerConduct;
  readonly #settings = new PeerSettings();
  readonly #streams: StreamSet;
  #phase: Phase = "open";
  #phaseMs: number;
  /** When the chunk being read arrived. */
  #nowMs: number;
  #pingedMs: number | undefined;
  /** When a sweep last saw that the peer had taken answers, or that none waited for it. */
  takenMs: number;
  #framesTaken = 0;
  #isTurnPending = false;
  #receiveWindow: number = WINDOW_DEFAULT;
  /** END_STREAM of a header block that goes on in CONTINUATION frames. */
  #isBlockLast = false;

  /**
   * @param socket has delivered the preface; what follows goes to `read`
   * @param admission how it came here
   */
  constructor(host: ConnectionHost, socket: Socket, admission: Admission) {
    this.#host = host;
    this.#socket = socket;
    this.remote = remoteAddressOf(socket);
    this.host = remoteHostOf(socket);
    this.#nowMs = host.clock.monotonic();
    this.arrivedMs = this.#nowMs;
    this.#phaseMs = this.#nowMs;
    this.takenMs = this.#nowMs;
    this.#outbox = new Outbox(socket, host.buffers, host.limits, () => this.#wantTurn());
    this.#conduct = new PeerConduct(host.limits, admission.isEncrypted);
    this.#headers = new HeaderReader(host.limits);
    this.#streams = new StreamSet(host, this.#outbox, this.#conduct, {
      ...admission,
      remote: this.remote,
    });
    this.#reader = new FrameReader((type, flags, id, bytes, start, end) =>
      this.#frame(type, flags, id, bytes, start, end),
    );
    socket.on("data", (chunk: Buffer) => this.read(chunk));
    socket.on("drain", () => this.#wantTurn());
    socket.on("close", () => this.#lost());
    this.#outbox.frame(FrameType.SETTINGS, 0, 0, ownSettings(host.limits));
    this.#openReceiveWindow();
  }

  /** No call is open. */
  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  get hasAsked(): boolean {
    return this.#streams.hasAsked;
  }

  get isWaiting(): boolean {
    return this.#streams.isWaiting;
  }

  get heardMs(): number {
    return this.#nowMs;
  }

  get heldBytes(): number {
    return this.#streams.held.held;
  }

  /** Calls that are not begun until answers before them have been read. */
  get parkedCount(): number {
    return this.#streams.parkedCount;
  }

  read(chunk: Buffer): void {
    if (this.#phase === "closing" || this.#phase === "closed") return;
    this.#nowMs = this.#host.clock.monotonic();
    this.#attempt(() => this.#reader.read(chunk));
    if (this.#streams.isBehind || this.#holdsTooMuch || this.#host.held.isOver) this.#wantTurn();
  }

  endTurn(): void {
    this.#isTurnPending = false;
    if (this.#phase === "closed") return;
    const { limits } = this.#host;
    this.#attempt(() => {
      this.#streams.endLingering();
      this.#outbox.pump();
      this.#streams.resume();
      this.#streams.unpark();
      if (this.#streams.isBehind) this.#wantTurn();
    });
    if (this.#holdsTooMuch) {
      this.close(ErrorCode.ENHANCE_YOUR_CALM, "too many bytes are held for this connection");
    }
    this.#outbox.flush();
    if (this.#outbox.unsentBytes > limits.socketBytesFatal) this.#socket.destroy();
    else if (this.#phase === "draining" && this.isIdle) this.close(ErrorCode.NO_ERROR, "");
  }

  /** Once a second: what did the peer not do in time? */
  sweep(nowMs: number): void {
    const { limits } = this.#host;
    if (this.#streams.held.unread === 0 || this.#outbox.framesSent !== this.#framesTaken) {
      this.#framesTaken = this.#outbox.framesSent;
      this.takenMs = nowMs;
    }
    if (this.#phase === "closing") {
      if (nowMs - this.#phaseMs > limits.farewellMs) this.#socket.destroy();
      return;
    }
    if (!this.#settings.isReceived && nowMs - this.#phaseMs > limits.prefaceMs) {
      this.close(ErrorCode.PROTOCOL_ERROR, "no SETTINGS in time");
    } else if (
      this.#headers.openStreamId !== 0 &&
      nowMs - this.#headers.openedMs > limits.headerBlockMs
    ) {
      this.close(ErrorCode.ENHANCE_YOUR_CALM, "a header block takes too long");
    } else if (this.#phase === "warned" && nowMs - this.#phaseMs > limits.farewellMs) {
      this.#refuseFromNow();
    } else this.#keepAlive(nowMs);
  }

  /** Asks the peer to go elsewhere, and goes when its open calls have ended. */
  drain(): void {
    if (this.#phase !== "open") return;
    this.#enter("warned");
    this.#outbox.goAway(WINDOW_MAX, ErrorCode.NO_ERROR, "graceful_stop");
    this.#outbox.frame(FrameType.PING, 0, 0, DRAIN_PING);
  }

  /** Tells the peer why and ends the connection; open calls are canceled. */
  close(code: ErrorCode, text: string): void {
    if (this.#phase === "closing" || this.#phase === "closed") return;
    this.#enter("closing");
    this.#reader.stop();
    this.#streams.close();
    this.#outbox.goAway(this.#streams.lastId, code, text);
    this.#outbox.flush();
    this.#socket.end();
  }

  /** At once, without a word. */
  destroy(): void {
    this.#socket.destroy();
    this.#lost();
  }

  get #holdsTooMuch(): boolean {
    return this.heldBytes > this.#host.limits.heldBytesPerConnectionMax;
  }

  #lost(): void {
    if (this.#phase === "closed") return;
    this.#enter("closed");
    this.#reader.stop();
    this.#streams.close();
    this.#outbox.close();
    this.#host.closed(this);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseMs = this.#host.clock.monotonic();
  }

  #wantTurn(): void {
    if (this.#isTurnPending) return;
    this.#isTurnPending = true;
    this.#host.endTurnLater(this);
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      const peer = { "remote-addr": this.remote };
      if (thrown instanceof ConnectionError) {
        this.#host.log.debug("closing a connection", { ...peer, error: thrown.message });
        this.close(thrown.code, thrown.message);
        return;
      }
      if (thrown instanceof AssertionError) throw thrown;
      // Whatever a peer has found here, it costs that peer its connection and nobody else's.
      const stack = thrown instanceof Error ? thrown.stack : String(thrown);
      this.#host.log.error("a connection failed unexpectedly", { ...peer, error: stack });
      this.close(ErrorCode.INTERNAL_ERROR, "internal error");
    }
  }

  #keepAlive(nowMs: number): void {
    const { limits } = this.#host;
    const silentMs = nowMs - this.#nowMs;
    if (this.#pingedMs === undefined) {
      if (silentMs < limits.keepaliveIntervalMs) return;
      this.#pingedMs = nowMs;
      this.#outbox.frame(FrameType.PING, 0, 0, KEEPALIVE_PING);
    } else if (this.#nowMs >= this.#pingedMs) this.#pingedMs = undefined;
    else if (nowMs - this.#pingedMs > limits.keepaliveTimeoutMs) this.#socket.destroy();
  }

  #refuseFromNow(): void {
    this.#enter("draining");
    this.#streams.lastAcceptedId = this.#streams.lastId;
    this.#outbox.goAway(this.#streams.lastId, ErrorCode.NO_ERROR, "graceful_stop");
  }

  #openReceiveWindow(): void {
    const { connectionWindow } = this.#host.limits;
    const increment = connectionWindow - this.#receiveWindow;
    this.#receiveWindow = connectionWindow;
    this.#outbox.numberFrame(FrameType.WINDOW_UPDATE, 0, increment);
  }

  #frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (!this.#settings.isReceived && (type !== FrameType.SETTINGS || flags & Flag.ACK)) {
      throw protocolError("the first frame must be SETTINGS");
    }
    if (this.#headers.openStreamId !== 0 && type !== FrameType.CONTINUATION) {
      throw protocolError("a header block is not finished");
    }
    switch (type) {
      case FrameType.DATA:
        return this.#onData(flags, id, bytes, start, end);
      case FrameType.HEADERS:
        return this.#onHeaders(flags, id, bytes, start, end);
      case FrameType.CONTINUATION:
        return this.#onContinuation(flags, id, bytes, start, end);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(id, bytes, start, end);
      case FrameType.RST_STREAM:
        requireForm(id !== 0, end - start, 4);
        return this.#streams.reset(id, this.#nowMs);
      case FrameType.SETTINGS:
        return this.#onSettings(flags, id, bytes, start, end);
      case FrameType.PING:
        return this.#onPing(flags, id, bytes, start, end);
      case FrameType.PUSH_PROMISE:
        throw protocolError("clients do not push");
      default:
        // PRIORITY, GOAWAY and what we do not know: nothing for us to do.
        this.#conduct.idleFrame(this.#nowMs);
    }
  }

  #onData(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const frameBytes = end - start;
    this.#receiveWindow -= frameBytes;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the window allows");
    }
    if (this.#receiveWindow < this.#host.limits.connectionWindow / 2) this.#openReceiveWindow();
    if (id === 0) throw protocolError("DATA on stream 0");
    let first = start;
    let last = end;
    if (flags & Flag.PADDED) {
      last = end - padding(bytes, start, end);
      first = start + 1;
    }
    const isLast = (flags & Flag.END_STREAM) !== 0;
    this.#streams.data(id, frameBytes, bytes, first, last, isLast, this.#nowMs);
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id % 2 === 0) throw protocolError("clients open odd streams");
    let first = start;
    let last = end;
    if (flags & Flag.PADDED) {
      last = end - padding(bytes, start, end);
      first = start + 1;
    }
    if (flags & Flag.PRIORITY) first += 5;
    if (first > last) throw protocolError("HEADERS too short for its flags");
    const isLast = (flags & Flag.END_STREAM) !== 0;
    if (flags & Flag.END_HEADERS) {
      const head = this.#headers.read(bytes, first, last);
      this.#streams.headers(id, head, isLast, this.#settings.initialWindow, this.#nowMs);
    } else {
      this.#isBlockLast = isLast;
      this.#headers.open(id, bytes, first, last, this.#nowMs);
    }
  }

  #onContinuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0 || id !== this.#headers.openStreamId) {
      throw protocolError("CONTINUATION of nothing");
    }
    const head = this.#headers.proceed(bytes, start, end, (flags & Flag.END_HEADERS) !== 0);
    if (head === undefined) return;
    const { initialWindow } = this.#settings;
    this.#streams.headers(id, head, this.#isBlockLast, initialWindow, this.#nowMs);
  }

  #onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    requireForm(true, end - start, 4);
    this.#conduct.windowUpdate(this.#nowMs, this.#outbox.framesSent);
    const increment = bytes.readUInt32BE(start) & WINDOW_MAX;
    if (id !== 0) return this.#streams.windowUpdate(id, increment);
    if (increment === 0) throw protocolError("WINDOW_UPDATE by nothing");
    this.#outbox.sendWindow += increment;
    if (this.#outbox.sendWindow > WINDOW_MAX) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a window above 2^31 - 1");
    }
    this.#wantTurn();
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError("SETTINGS on a stream");
    this.#conduct.idleFrame(this.#nowMs);
    if (flags & Flag.ACK) return requireForm(true, end - start, 0);
    const { initialWindow, headerTableBytes } = this.#settings;
    this.#settings.read(bytes, start, end);
    const delta = this.#settings.initialWindow - initialWindow;
    if (delta !== 0) this.#streams.moveWindows(delta, this.#nowMs);
    if (this.#settings.headerTableBytes < headerTableBytes) this.#outbox.mustShrinkTable = true;
    this.#outbox.frame(FrameType.SETTINGS, Flag.ACK, 0, NOTHING);
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    requireForm(id === 0, end - start, 8);
    const payload = bytes.subarray(start, end);
    if (flags & Flag.ACK) {
      if (this.#phase === "warned" && payload.equals(DRAIN_PING)) this.#refuseFromNow();
      return this.#conduct.idleFrame(this.#nowMs);
    }
    this.#outbox.frame(FrameType.PING, Flag.ACK, 0, payload);
    this.#conduct.ping(this.#nowMs, this.#outbox.framesSent, !this.isIdle);
  }
}
