// Whole databases between members. A follower whose next entry the leader has forgotten gets the
// leader's state instead: a fixed picture of the engine at the applied index, streamed as a database
// file of etcd's, behind a message that names exactly that index.
//
//   send      raft's SNAPSHOT ─► engine picture ─► transport ─► done: picture closed, raft told
//   receive   transport ─► spooled and verified ─► raft.step ─► Ready ─► install, or ignored: removed
//   install   engine replaced ─► all stores read again ─► watchers restored ─► the log's marker
//
// The engine is replaced before the log says so: after a crash in between the state is ahead of the
// log, and the member starts from it. The other way round the state would be lost. The received file
// stays until the log has said so: it tells such a start from a log that lost its end. Databases of
// older leaders lack the term or the configuration: the content that takes the engine's place is
// marked by what raft was told, so that a crash at any moment behind that finds what it stands for.

import { readAppliedMark } from "../apply/applied-mark.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { must } from "../base/assert.ts";
import { formatByteSize } from "../base/byte-size.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { inTurns } from "../base/steps.ts";
import { writeDatabase } from "../bbolt/database-writer.ts";
import type { SnapshotMetadata } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import type { EngineSnapshot } from "../storage/engine.ts";
import type { Table } from "../storage/tables.ts";
import type { DatabaseSource } from "../transport/transport.ts";
import { withAppliedMark } from "./marked-content.ts";

/** Snapshots on their way to followers at once; etcd's limit. */
export const SNAPSHOTS_IN_FLIGHT_MAX = 16;
/** The log keeps its entries so long after a snapshot was sent: the follower still needs some. */
const KEEP_LOG_AFTER_SEND_MS = 30_000;

/** A leader's database, complete and verified, on this member's disk. */
export interface ReceivedDatabase {
  /** As its own records say. */
  readonly appliedIndex: number;
  content(): AsyncIterable<readonly [Table, Buffer, Buffer]>;
  remove(): Promise<void>;
}

/** Takes in a database from a stream. Rejects when it is not whole or not sound. */
export type SpoolDatabase = (
  index: number,
  chunks: AsyncIterable<Buffer>,
) => Promise<ReceivedDatabase>;

export interface SnapshotsOptions {
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: SpoolDatabase;
  readonly upload: (message: Message, blob: Buffer, database: DatabaseSource) => void;
  /** The database of this message is there: raft is to be told at once, before this returns. */
  readonly onReceived: (message: Message) => void;
  /** Whether raft is about to install the snapshot of this index. */
  readonly isAwaited: (index: number) => boolean;
  /** The message never left; raft must hear of it. */
  readonly onFailed: (id: bigint, error: unknown) => void;
  /** All stores were replaced. */
  readonly onInstalled: () => void;
  /** The present stores are about to go: nothing may read them any more. */
  readonly onInstalling: () => void;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  /** By receiver: the picture being sent, or undefined while it is still being taken. */
  readonly #sending = new Map<bigint, EngineSnapshot | undefined>();
  #keepLogUntilMs = 0;
  /** By index. Raft may still be about to install another one than the last that came. */
  readonly #received = new Map<number, ReceivedDatabase>();
  /** Its content is the state, but the log does not say so yet. */
  #installed: ReceivedDatabase | undefined;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Whether a follower may soon ask for entries behind a snapshot it was sent. */
  get needsLog(): boolean {
    return this.#sending.size > 0 || this.#options.clock.monotonic() < this.#keepLogUntilMs;
  }

  /** Sends what of `messages` is a SNAPSHOT. @returns the others, in their order */
  divert(messages: readonly Message[]): readonly Message[] {
    if (!messages.some(isSnapshot)) return messages;
    for (const message of messages) if (isSnapshot(message)) this.#send(message);
    return messages.filter((message) => !isSnapshot(message));
  }

  /** The transport is through with the snapshot to a member, one way or the other. */
  sent(id: bigint): void {
    if (!this.#sending.has(id)) return;
    this.#release(id);
    this.#keepLogUntilMs = this.#options.clock.monotonic() + KEEP_LOG_AFTER_SEND_MS;
  }

  /**
   * Takes in the database of a SNAPSHOT message, then tells raft. What raft ignores, or needs no
   * more because of it, is removed: a disk may have no room for two.
   */
  async receive(message: Message, chunks: AsyncIterable<Buffer>): Promise<void> {
    const { state, clock, log, spool, onReceived } = this.#options;
    const { index } = must(message.snapshot, "a snapshot message names its snapshot");
    const fields = {
      "local-member-id": hexId(state.membership.memberId),
      "remote-snapshot-sender-id": hexId(message.from),
      "incoming-snapshot-index": index,
    };
    log.info("receiving database snapshot", fields);
    const startedMs = clock.monotonic();
    const counted = new CountedChunks(chunks);
    const database = await spool(index, counted);
    if (database.appliedIndex !== index) {
      await database.remove();
      throw new Error(`the database is applied to ${database.appliedIndex}, not to ${index}`);
    }
    log.info("received and saved database snapshot", {
      ...fields,
      "incoming-snapshot-size-bytes": counted.byteCount,
      "incoming-snapshot-size": formatByteSize(counted.byteCount),
      "download-took": formatMs(clock.monotonic() - startedMs),
    });
    const before = this.#received.get(index);
    this.#received.set(index, database);
    onReceived(message);
    await before?.remove();
    await this.#removeUnwanted();
  }

  /** Raft was told of all that is received. It installs nothing that is not ahead of the state. */
  async #removeUnwanted(): Promise<void> {
    const { state, isAwaited } = this.#options;
    for (const [index, database] of this.#received) {
      if (index > state.applied.index && isAwaited(index)) continue;
      this.#received.delete(index);
      await database.remove();
    }
  }

  /** Replaces the whole state by the database received for `snapshot`. */
  async install(snapshot: SnapshotMetadata): Promise<void> {
    const { state, log, clock, onInstalled, onInstalling } = this.#options;
    const received = must(this.#received.get(snapshot.index), "raft installs what was received");
    this.#received.delete(snapshot.index);
    const incoming = {
      "incoming-leader-snapshot-index": snapshot.index,
      "incoming-leader-snapshot-term": snapshot.term,
    };
    const before = { "current-applied-index": state.applied.index };
    log.info("applying snapshot", { ...before, ...incoming });
    state.beginReplacing();
    onInstalling();
    await state.engine.replace(withAppliedMark(received.content(), snapshot));
    await inTurns(state.reopening(snapshot), clock);
    // The membership may have been put right.
    await state.engine.commit();
    this.#installed = received;
    onInstalled();
    const after = { "current-applied-index": state.applied.index };
    log.info("applied snapshot", { ...after, ...incoming });
  }

  /** The log says that the state is the installed one. */
  async logged(): Promise<void> {
    const installed = this.#installed;
    this.#installed = undefined;
    await installed?.remove();
    await this.#removeUnwanted();
  }

  /** Sends this member's state in place of what `message` names, which is not newer. */
  #send(message: Message): void {
    const isBusy = this.#sending.has(message.to);
    if (isBusy || this.#sending.size >= SNAPSHOTS_IN_FLIGHT_MAX) {
      this.#options.onFailed(message.to, new Error("too many snapshots in flight"));
      return;
    }
    this.#sending.set(message.to, undefined);
    this.#upload(message).catch((error: unknown) => {
      this.#options.onFailed(message.to, error);
      this.#release(message.to);
    });
  }

  async #upload(message: Message): Promise<void> {
    const { state, clock, log, upload } = this.#options;
    state.mark();
    const picture = await state.engine.snapshot();
    // A long entry may have ended before the picture was taken: it says itself what it shows.
    const { index, term, confState } = must(readAppliedMark(picture), "a picture is marked");
    const blob = state.membership.v2Store();
    this.#sending.set(message.to, picture);
    const database = await writeDatabase(picture, clock);
    log.info("sending database snapshot", {
      "snapshot-index": index,
      "remote-peer-id": hexId(message.to),
      bytes: database.totalBytes,
      size: formatByteSize(database.totalBytes),
    });
    upload({ ...message, snapshot: { index, term, confState } }, blob, database);
  }

  #release(id: bigint): void {
    this.#sending.get(id)?.close();
    this.#sending.delete(id);
  }
}

function isSnapshot({ type }: Message): boolean {
  return type === MessageType.SNAPSHOT;
}

class CountedChunks implements AsyncIterable<Buffer> {
  byteCount = 0;
  readonly #chunks: AsyncIterable<Buffer>;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    for await (const chunk of this.#chunks) {
      this.byteCount += chunk.length;
      yield chunk;
    }
  }
}
