// Messages between members, as etcd's members exchange them over HTTP/1.1.
//
//      this member                                             the peer
//      ───────────                                             ────────
//      StreamWriter  ◄── GET /raft/stream/msgapp/<its id> ──── StreamDialer    appends
//      StreamWriter  ◄── GET /raft/stream/message/<its id> ─── StreamDialer    everything else
//      StreamDialer ──── the same two GETs to the peer ──────► StreamWriter
//      Pipeline     ──── POST /raft ─────────────────────────► PeerServer      while no stream
//      SnapshotUpload ── POST /raft/snapshot ────────────────► PeerServer      a whole database
//      PeerCalls    ──── GET /members, /version … ───────────► PeerServer      questions
//
// Data flows against the dial: each side opens two requests to the other and the answers to them
// never end. All that one turn of the replica sends to one peer over a stream is one write.
//
// Invariants
// - Nothing waits: a message goes out, or it is dropped and its peer reported unreachable. Raft
//   repeats what matters.
// - Everything that can grow has a named limit; a sender of nonsense loses its connection only.
// - 403 and 410 end the process of a Go member. They are sent to a removed member and to no other.
import type { Distribution } from "../base/distribution.ts";
import type { Message } from "../raft/message.ts";
import type { PeerCalls } from "./peer-calls.ts";

export interface PeerAddress {
  readonly id: bigint;
  readonly urls: readonly string[];
}

/** A database of known size; `chunks` starts from the beginning at every call. */
export interface DatabaseSource {
  readonly totalBytes: number;
  chunks(): AsyncIterable<Buffer>;
}

/** Counters of one peer since it was added; sizes in bytes. */
export interface PeerTraffic {
  readonly id: bigint;
  readonly isActive: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sendFailures: number;
  /** Messages that could not be read. */
  readonly receiveFailures: number;
  readonly disconnects: number;
  /** Smoothed round trips in seconds. */
  readonly roundTrips: Distribution;
  readonly snapshotsSent: SnapshotTraffic;
  readonly snapshotsReceived: SnapshotTraffic;
}

/** Whole databases in one direction. */
export interface SnapshotTraffic {
  readonly inFlight: number;
  readonly successes: number;
  readonly failures: number;
  readonly seconds: Distribution;
}

export interface Transport {
  /** Listens on all peer URLs and starts to dial. Rejects when an address cannot be had. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Makes these the peers, all others leave. This member's own id is passed over. */
  setPeers(peers: readonly PeerAddress[]): void;
  addPeer(peer: PeerAddress): void;
  /** New addresses; open streams stay. */
  updatePeer(peer: PeerAddress): void;
  removePeer(id: bigint): void;
  /** One to answer before it is known as a member: POST only, replaced by `addPeer`. */
  addRemote(remote: PeerAddress): void;
  /** All messages of one turn. SNAPSHOT messages go through `sendSnapshot`. */
  send(messages: readonly Message[]): void;
  /**
   * The outcome comes as `snapshotDone`.
   * @param blob what stands in Snapshot.data: the members as a v2 store
   */
  sendSnapshot(message: Message, blob: Buffer, database: DatabaseSource): void;
  /** Since when the peer has been heard without a break, monotonic ms. */
  activeSince(id: bigint): number | undefined;
  /** Questions to one peer or remote. */
  calls(id: bigint): PeerCalls | undefined;
  traffic(): readonly PeerTraffic[];
}

/** What the network tells the replica. Callbacks must not throw. */
export interface TransportEvents {
  message(message: Message): void;
  /** Messages to this peer may be lost. */
  unreachable(id: bigint): void;
  snapshotDone(id: bigint, delivered: boolean): void;
  /**
   * Resolves once the database is durable and raft has taken the message; the sender then hears of
   * success. Must consume `database` or reject. One that rejects is answered with an error.
   */
  snapshotArrived(message: Message, database: AsyncIterable<Buffer>): Promise<void>;
  /** The cluster says that this member was removed: it must stop. Said once. */
  removed(): void;
}

export interface HashKv {
  /** Current revision of the answering store. */
  readonly revision: number;
  readonly hash: number;
  /** −1 when never compacted. */
  readonly compactRevision: number;
}

export interface LeaseTime {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  readonly keys: readonly Buffer[];
}

/** What peers may ask this member. Rejections with EtcdError carry their text. */
export interface PeerQuestions {
  isRemoved(id: bigint): boolean;
  /** JSON list of the members, line feed included. */
  members(): string;
  clusterVersion(): string | undefined;
  /** @returns the members afterwards, as `members` */
  promote(id: bigint, token: string | undefined): Promise<string>;
  hashKv(revision: number): Promise<HashKv>;
  downgradeEnabled(): Promise<boolean>;
  /** @returns the renewed TTL in seconds; rejects with LeaseNotFound */
  keepAlive(leaseId: bigint): Promise<number>;
  timeToLive(leaseId: bigint, withKeys: boolean): Promise<LeaseTime>;
}
