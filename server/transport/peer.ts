// One other member: its streams in both directions, the pipeline, and what is known of its health.
import type { Socket } from "node:net";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { type FrameEncoder, type MessageSink, STREAM_KINDS, type StreamKind } from "./frames.ts";
import { type Identity, identityHeaders } from "./identity.ts";
import { MessageDecoder, MessageEncoder } from "./message-frames.ts";
import { MsgAppDecoder, MsgAppEncoder } from "./msgapp-frames.ts";
import { PeerLines } from "./peer-lines.ts";
import { PeerUrls } from "./peer-urls.ts";
import { Pipeline } from "./pipeline.ts";
import { RoundTrips } from "./round-trips.ts";
import { SnapshotCounts } from "./snapshot-counts.ts";
import { StreamDialer } from "./stream-dialer.ts";
import { BEAT_MS_MAX, StreamWriter } from "./stream-writer.ts";
import type { TlsDial } from "./tls.ts";
import type { PeerAddress, PeerTraffic } from "./transport.ts";

export interface PeerOptions {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly dialTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly dialTls?: TlsDial | undefined;
  readonly message: MessageSink;
  readonly unreachable: (id: bigint) => void;
  readonly removed: () => void;
}

export class Peer {
  readonly id: bigint;
  readonly urls: PeerUrls;
  readonly #options: PeerOptions;
  readonly #lines: PeerLines;
  readonly #pipeline: Pipeline;
  readonly #writers = new Map<StreamKind, StreamWriter>();
  readonly #dialers: StreamDialer[] = [];
  /** Of the two streams that the peer fills. */
  #openStreams = 0;
  #beatMs: number;
  /** Until then streams may be open that the peer gives up, as they waited too long to be opened. */
  #doubtUntilMs = Number.NEGATIVE_INFINITY;
  #activeSince: number | undefined;
  #hasDropped = false;
  #isMember = false;
  #sentBytes = 0;
  #receivedBytes = 0;
  #sendFailures = 0;
  #receiveFailures = 0;
  #disconnects = 0;
  readonly roundTrips: RoundTrips;
  /** The last answer to a probe, and why the last one had none. */
  probed: { readonly roundTripMs: number; readonly problem: string | undefined } = {
    roundTripMs: 0,
    problem: undefined,
  };
  readonly snapshotsSent: SnapshotCounts;
  readonly snapshotsReceived: SnapshotCounts;

  constructor(address: PeerAddress, options: PeerOptions) {
    this.id = address.id;
    this.urls = new PeerUrls(address.urls);
    this.#options = options;
    this.#beatMs = options.clock.monotonic();
    this.#lines = new PeerLines(options.log, options.identity.memberId, address.id);
    this.roundTrips = new RoundTrips(options.clock);
    this.snapshotsSent = new SnapshotCounts(options.clock);
    this.snapshotsReceived = new SnapshotCounts(options.clock);
    this.#pipeline = new Pipeline({
      headers: identityHeaders(options.identity),
      urls: this.urls,
      clock: options.clock,
      dialTls: options.dialTls,
      sent: (byteCount) => {
        this.#sentBytes += byteCount;
      },
      failed: (problem) => this.#failed(problem),
      removed: () => options.removed(),
    });
  }

  get activeSince(): number | undefined {
    return this.#activeSince;
  }

  get hasStreams(): boolean {
    return this.#dialers.length > 0;
  }

  traffic(): PeerTraffic {
    for (const writer of this.#writers.values()) this.#sentBytes += writer.takeSentBytes();
    return {
      id: this.id,
      isActive: this.#activeSince !== undefined,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      sendFailures: this.#sendFailures,
      receiveFailures: this.#receiveFailures,
      disconnects: this.#disconnects,
      roundTrips: this.roundTrips.seconds,
      snapshotsSent: this.snapshotsSent,
      snapshotsReceived: this.snapshotsReceived,
    };
  }

  /** Opens both streams; without it the peer is a remote, reached by POST alone. */
  dial(): void {
    if (this.hasStreams) return;
    for (const kind of STREAM_KINDS) this.#dialers.push(this.#dialer(kind));
    this.#lines.readersStarted();
    for (const dialer of this.#dialers) dialer.start();
  }

  /** For a member of the cluster, and told so; a remote only ever answers. */
  announce(isDialed: boolean): void {
    this.#isMember = true;
    this.#lines.starting(() => {
      if (isDialed) this.dial();
    });
  }

  stop(): void {
    if (this.#isMember) this.#lines.stopping(() => this.#end(), this.hasStreams);
    else this.#end();
  }

  /** The kinds that the peer had opened. */
  #end(): StreamKind[] {
    for (const dialer of this.#dialers) dialer.stop();
    const open = [...this.#writers.keys()];
    for (const writer of this.#writers.values()) writer.close();
    this.#writers.clear();
    this.#pipeline.stop();
    return open;
  }

  /** The peer opened a stream; a former one of the same kind ends. */
  attach(kind: StreamKind, socket: Socket): void {
    if (socket.destroyed) return;
    const { clock, writeTimeoutMs } = this.#options;
    const isReplaced = this.#detach(kind);
    const encoder: FrameEncoder = kind === "msgapp" ? new MsgAppEncoder() : new MessageEncoder();
    const writer = new StreamWriter(socket, encoder, clock, writeTimeoutMs);
    this.#writers.set(kind, writer);
    this.#lines.writerOpened(kind, isReplaced);
    socket.on("close", () => {
      if (this.#writers.get(kind) !== writer) return;
      this.#detach(kind);
      this.#lines.writerLost(kind);
      this.#options.unreachable(this.id);
    });
  }

  /** Queues a message for the end of the turn. */
  push(message: Message): void {
    const isAppend = message.type === MessageType.APPEND;
    const writer = (isAppend ? this.#writer("msgapp") : undefined) ?? this.#writer("message");
    const isTaken =
      (this.#mustArrive(message) && this.#pipeline.push(message)) ||
      (writer === undefined ? this.#pipeline.push(message) : writer.push(message));
    if (isTaken) return;
    this.#sendFailures++;
    this.#hasDropped = true;
  }

  /** The end of a turn. */
  flush(): void {
    for (const writer of this.#writers.values()) writer.flush();
    if (!this.#hasDropped) return;
    this.#hasDropped = false;
    this.#options.unreachable(this.id);
  }

  beat(): void {
    const { clock, dialTimeoutMs } = this.#options;
    const beforeMs = this.#beatMs;
    this.#beatMs = clock.monotonic();
    const stoodStill = this.#beatMs - beforeMs > BEAT_MS_MAX;
    if (stoodStill) this.#doubtUntilMs = this.#beatMs + dialTimeoutMs;
    for (const writer of this.#writers.values()) writer.beat();
  }

  countSent(byteCount: number): void {
    this.#sentBytes += byteCount;
  }

  countReceived(byteCount: number): void {
    this.#receivedBytes += byteCount;
  }

  countReceiveFailure(): void {
    this.#receiveFailures++;
  }

  /** A proposal is repeated by nobody: while the streams are in doubt it goes where it is answered. */
  #mustArrive({ type }: Message): boolean {
    return type === MessageType.PROPOSAL && this.#options.clock.monotonic() < this.#doubtUntilMs;
  }

  /** Undefined as soon as its reader is known to be gone: what it took would be lost. */
  #writer(kind: StreamKind): StreamWriter | undefined {
    const writer = this.#writers.get(kind);
    return writer?.isOpen === true ? writer : undefined;
  }

  /** Whether there was one. */
  #detach(kind: StreamKind): boolean {
    const writer = this.#writers.get(kind);
    if (writer === undefined) return false;
    this.#sentBytes += writer.takeSentBytes();
    this.#writers.delete(kind);
    writer.close();
    return true;
  }

  #dialer(kind: StreamKind): StreamDialer {
    const { identity, clock, dialTls, message, removed } = this.#options;
    const { dialTimeoutMs, readTimeoutMs } = this.#options;
    return new StreamDialer({
      kind,
      localId: identity.memberId,
      peerId: this.id,
      headers: identityHeaders(identity),
      urls: this.urls,
      dialTimeoutMs,
      readTimeoutMs,
      clock,
      lines: this.#lines,
      dialTls,
      decoder: () =>
        kind === "msgapp"
          ? new MsgAppDecoder(identity.memberId, this.id, message)
          : new MessageDecoder(message),
      connected: () => this.#connected(),
      disconnected: (problem) => this.#disconnected(kind, problem),
      received: (byteCount) => this.countReceived(byteCount),
      unreadable: () => this.countReceiveFailure(),
      removed,
    });
  }

  #connected(): void {
    this.#openStreams++;
    if (this.#activeSince !== undefined) return;
    this.#activeSince = this.#options.clock.monotonic();
    this.#lines.active();
  }

  #disconnected(kind: StreamKind, problem: string): void {
    this.#openStreams--;
    if (this.#openStreams > 0 || this.#activeSince === undefined) return;
    this.#activeSince = undefined;
    this.#disconnects++;
    this.#lines.inactive(kind, problem);
  }

  #failed(problem: string): void {
    this.#sendFailures++;
    const { log, unreachable } = this.#options;
    log.debug("could not post to peer", { "peer-id": hexId(this.id), error: problem });
    unreachable(this.id);
  }
}
