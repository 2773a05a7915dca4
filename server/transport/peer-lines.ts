// etcd's lines about one peer: its streams are named there after the kind of message they carry.
import { hexId } from "../base/bytes.ts";
import type { Log, LogFields } from "../base/log.ts";
import { STREAM_KINDS, type StreamKind } from "./frames.ts";

const STREAMS: Readonly<Record<StreamKind, string>> = {
  msgapp: "stream MsgApp v2",
  message: "stream Message",
};

export class PeerLines {
  readonly #log: Log;
  readonly #local: LogFields;
  readonly #peer: LogFields;
  readonly #id: string;

  constructor(log: Log, localId: bigint, peerId: bigint) {
    this.#log = log;
    this.#id = hexId(peerId);
    this.#local = { "local-member-id": hexId(localId) };
    this.#peer = { "remote-peer-id": this.#id };
  }

  /** @param start what makes the peer ready */
  starting(start: () => void): void {
    this.#log.info("starting remote peer", this.#peer);
    this.#log.info("started HTTP pipelining with remote peer", this.#both);
    for (const _kind of STREAM_KINDS) {
      this.#log.info("started stream writer with remote peer", this.#both);
    }
    start();
    this.#log.info("started remote peer", this.#peer);
  }

  readersStarted(): void {
    this.#eachReader("started stream reader with remote peer");
  }

  /** @param stop what ends everything; tells which writers had a stream */
  stopping(stop: () => readonly StreamKind[], hadReaders: boolean): void {
    this.#log.info("stopping remote peer", this.#peer);
    const open = stop();
    for (const kind of STREAM_KINDS) {
      const fields = { "stream-writer-type": STREAMS[kind], ...this.#peer };
      if (open.includes(kind)) {
        this.#log.warn("closed TCP streaming connection with remote peer", fields);
      }
      this.#log.info("stopped TCP streaming connection with remote peer", fields);
    }
    this.#log.info("stopped HTTP pipelining with remote peer", this.#both);
    if (hadReaders) this.#eachReader("stopped stream reader with remote peer");
    this.#log.info("stopped remote peer", this.#peer);
  }

  /** @param isReplaced whether the peer had opened one before, which ends */
  writerOpened(kind: StreamKind, isReplaced: boolean): void {
    const fields = this.#writer(kind);
    this.#log.info("set message encoder", {
      from: this.#local["local-member-id"],
      to: this.#id,
      "stream-type": STREAMS[kind],
    });
    if (isReplaced) {
      this.#log.warn("closed TCP streaming connection with remote peer", fields);
    }
    this.#log.info("established TCP streaming connection with remote peer", fields);
  }

  writerLost(kind: StreamKind): void {
    this.#log.warn("lost TCP streaming connection with remote peer", this.#writer(kind));
  }

  readerOpened(kind: StreamKind): void {
    const fields = this.#reader(kind);
    this.#log.info("established TCP streaming connection with remote peer", fields);
  }

  readerLost(kind: StreamKind, error: string): void {
    const fields = { ...this.#reader(kind), error };
    this.#log.warn("lost TCP streaming connection with remote peer", fields);
  }

  /** etcd tells this at debug level alone, and the peer as inactive if it was active before. */
  readerNotOpened(kind: StreamKind, error: string): void {
    this.#log.warn("could not open the stream of a peer", { ...this.#reader(kind), error });
  }

  active(): void {
    this.#log.info("peer became active", { "peer-id": this.#id });
  }

  inactive(kind: StreamKind, reason: string): void {
    this.#log.warn("peer became inactive (message send to peer failed)", {
      "peer-id": this.#id,
      error: `failed to read ${this.#id} on ${STREAMS[kind]} (${reason})`,
    });
  }

  get #both(): LogFields {
    return { ...this.#local, ...this.#peer };
  }

  #writer(kind: StreamKind): LogFields {
    return { "stream-writer-type": STREAMS[kind], ...this.#both };
  }

  #reader(kind: StreamKind): LogFields {
    return { "stream-reader-type": STREAMS[kind], ...this.#both };
  }

  #eachReader(message: string): void {
    for (const kind of STREAM_KINDS) this.#log.info(message, this.#reader(kind));
  }
}
