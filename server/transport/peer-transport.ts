import { assert } from "../base/assert.ts";
import { formatByteSize } from "../base/byte-size.ts";
import { hexId } from "../base/bytes.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log, LogFields } from "../base/log.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { type Identity, identityHeaders } from "./identity.ts";
import { Peer } from "./peer.ts";
import { PeerCalls } from "./peer-calls.ts";
import { PeerServer } from "./peer-server.ts";
import { PROBE_PERIOD_MS, probe } from "./prober.ts";
import { QuestionRoutes } from "./question-routes.ts";
import { RaftRoutes } from "./raft-routes.ts";
import { SnapshotUploads } from "./snapshot-upload.ts";
import type { TransportTls } from "./tls.ts";
import type {
  DatabaseSource,
  PeerAddress,
  PeerQuestions,
  PeerTraffic,
  Transport,
  TransportEvents,
} from "./transport.ts";

/** Readers give up after 5 s of silence. */
const HEARTBEAT_MS = 5000 / 3;
/** Of a question to a peer. */
const CALL_TIMEOUT_MS = 7000;
/** Strangers to whom this member would answer. */
const REMOTES_MAX = 64;

export interface PeerTransportOptions {
  readonly identity: Identity;
  /** `--listen-peer-urls` */
  readonly listenUrls: readonly string[];
  /** 1 s and one election timeout. */
  readonly dialTimeoutMs: number;
  /** `--raft-read-timeout` and `--raft-write-timeout`, of the streams. */
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** From peers, and whoever else comes. */
  readonly connectionsMax: number;
  /** Other processes may listen on the same ports. */
  readonly reusePort?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly tls?: TransportTls | undefined;
  readonly events: TransportEvents;
  readonly questions: PeerQuestions;
}

/** The transport over real sockets. */
export class PeerTransport implements Transport {
  readonly #options: PeerTransportOptions;
  readonly #server: PeerServer;
  readonly #peers = new Map<bigint, Peer>();
  readonly #remotes = new Map<bigint, Peer>();
  readonly #uploads: SnapshotUploads;
  readonly #cancels: Cancel[] = [];
  #isRunning = false;
  #isRemoved = false;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    const { identity, listenUrls, reusePort, connectionsMax } = options;
    const { clock, log, tls, events, questions } = options;
    this.#uploads = new SnapshotUploads(clock);
    this.#server = new PeerServer({
      identity,
      listenUrls,
      reusePort: reusePort ?? false,
      connectionsMax,
      clock,
      log,
      acceptor: tls?.acceptor,
      questions: new QuestionRoutes(identity, questions),
      raft: new RaftRoutes({
        identity,
        clock,
        log,
        isRemoved: (id) => questions.isRemoved(id),
        isPeer: (id) => this.#peers.has(id),
        attach: (id, kind, socket) => this.#peers.get(id)?.attach(kind, socket),
        strange: (remote) => this.addRemote(remote),
        message: (message) => this.#arrived(message),
        received: (from, byteCount) => this.#find(from)?.countReceived(byteCount),
        unreadable: (from) => this.#find(from)?.countReceiveFailure(),
        snapshotCounts: (from) => this.#find(from)?.snapshotsReceived,
        snapshotArrived: (message, database) => events.snapshotArrived(message, database),
      }),
    });
  }

  async start(): Promise<void> {
    const { clock, log, tls } = this.#options;
    await this.#server.start();
    this.#isRunning = true;
    for (const peer of this.#peers.values()) peer.dial();
    this.#cancels.push(
      clock.every(HEARTBEAT_MS, () => {
        for (const peer of this.#peers.values()) peer.beat();
      }),
      clock.every(PROBE_PERIOD_MS, () => {
        for (const peer of this.#peers.values()) void probe(peer, clock, log, tls?.dial);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#uploads.stop();
    for (const peer of [...this.#peers.values(), ...this.#remotes.values()]) peer.stop();
    this.#peers.clear();
    this.#remotes.clear();
    await this.#server.stop();
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const kept = new Set(peers.map(({ id }) => id));
    for (const id of this.#peers.keys()) if (!kept.has(id)) this.removePeer(id);
    for (const peer of peers) {
      if (this.#peers.has(peer.id)) this.updatePeer(peer);
      else this.addPeer(peer);
    }
  }

  addPeer(address: PeerAddress): void {
    if (address.id === this.#options.identity.memberId || this.#peers.has(address.id)) return;
    this.#forgetRemote(address.id);
    const peer = this.#create(address);
    this.#peers.set(address.id, peer);
    peer.announce(this.#isRunning);
    this.#options.log.info("added remote peer", {
      "local-member-id": this.#localId,
      "remote-peer-id": hexId(address.id),
      "remote-peer-urls": address.urls,
    });
  }

  updatePeer({ id, urls }: PeerAddress): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    const before = peer.urls.all.join();
    peer.urls.replace(urls);
    if (peer.urls.all.join() === before) return;
    this.#options.log.info("updated remote peer", {
      "local-member-id": this.#localId,
      "updated-remote-peer-id": hexId(id),
      "updated-remote-peer-urls": urls,
    });
  }

  removePeer(id: bigint): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    peer.stop();
    this.#options.log.info("removed remote peer", {
      "local-member-id": this.#localId,
      "removed-remote-peer-id": hexId(id),
    });
  }

  addRemote(remote: PeerAddress): void {
    const isKnown = this.#peers.has(remote.id) || this.#remotes.has(remote.id);
    if (isKnown || remote.id === this.#options.identity.memberId) return;
    if (this.#remotes.size >= REMOTES_MAX) {
      const [oldest] = this.#remotes.keys();
      if (oldest !== undefined) this.#forgetRemote(oldest);
    }
    this.#remotes.set(remote.id, this.#create(remote));
    this.#options.log.info("added new remote peer", {
      "local-member-id": this.#localId,
      "remote-peer-id": hexId(remote.id),
      "remote-peer-urls": remote.urls,
    });
  }

  send(messages: readonly Message[]): void {
    const touched = new Set<Peer>();
    for (const message of messages) {
      assert(message.type !== MessageType.SNAPSHOT, "a snapshot goes with its database");
      const peer = this.#find(message.to);
      if (peer === undefined) continue;
      peer.push(message);
      touched.add(peer);
    }
    for (const peer of touched) peer.flush();
  }

  sendSnapshot(message: Message, blob: Buffer, database: DatabaseSource): void {
    this.#upload(message, blob, database).then(
      () => this.#options.events.snapshotDone(message.to, true),
      (error: unknown) => {
        const fields = { ...sentFields(message, database), error };
        this.#options.log.warn("failed to send database snapshot", fields);
        this.#options.events.snapshotDone(message.to, false);
      },
    );
  }

  activeSince(id: bigint): number | undefined {
    return this.#peers.get(id)?.activeSince;
  }

  calls(id: bigint): PeerCalls | undefined {
    const urls = this.#find(id)?.urls.all;
    if (urls === undefined) return undefined;
    const { clock, tls } = this.#options;
    return new PeerCalls({ urls, timeoutMs: CALL_TIMEOUT_MS, clock, dialTls: tls?.dial });
  }

  traffic(): readonly PeerTraffic[] {
    return [...this.#peers.values()].map((peer) => peer.traffic());
  }

  async #upload(message: Message, blob: Buffer, database: DatabaseSource): Promise<void> {
    const { identity, tls, log } = this.#options;
    const peer = this.#find(message.to);
    const url = peer?.urls.pick();
    if (peer === undefined || url === undefined) throw new Error("peer without address");
    peer.snapshotsSent.begin();
    try {
      const target = { url, headers: identityHeaders(identity), dialTls: tls?.dial };
      peer.countSent(await this.#uploads.upload(target, message, blob, database));
      peer.snapshotsSent.end(true);
      log.info("sent database snapshot", sentFields(message, database));
    } catch (error) {
      peer.snapshotsSent.end(false);
      peer.urls.failed(url);
      throw error;
    }
  }

  /** Raft trusts what it is handed: what is not for this member goes no further. */
  #arrived(message: Message): void {
    const { identity, events, log } = this.#options;
    if (message.to === identity.memberId && message.type !== MessageType.SNAPSHOT) {
      events.message(message);
      return;
    }
    log.debug("dropped a message that no honest peer sends here", {
      "remote-peer-id": hexId(message.from),
      "message-to": hexId(message.to),
    });
  }

  #create(address: PeerAddress): Peer {
    const { identity, clock, log, tls, events } = this.#options;
    const { dialTimeoutMs, readTimeoutMs, writeTimeoutMs } = this.#options;
    return new Peer(address, {
      identity,
      clock,
      log,
      dialTimeoutMs,
      readTimeoutMs,
      writeTimeoutMs,
      dialTls: tls?.dial,
      message: (message) => this.#arrived(message),
      unreachable: (id) => events.unreachable(id),
      removed: () => this.#removed(),
    });
  }

  /** Every peer says so on every dial: the replica hears it once. */
  #removed(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    this.#options.events.removed();
  }

  get #localId(): string {
    return hexId(this.#options.identity.memberId);
  }

  #find(id: bigint): Peer | undefined {
    return this.#peers.get(id) ?? this.#remotes.get(id);
  }

  #forgetRemote(id: bigint): void {
    this.#remotes.get(id)?.stop();
    this.#remotes.delete(id);
  }
}

function sentFields({ to, snapshot }: Message, { totalBytes }: DatabaseSource): LogFields {
  return {
    "snapshot-index": snapshot?.index,
    "remote-peer-id": hexId(to),
    bytes: totalBytes,
    size: formatByteSize(totalBytes),
  };
}
