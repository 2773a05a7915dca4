// The log is a row of segment files. Each begins with a head that says everything one must know to
// start there: whose log it is, the hard state, the snapshot. So the oldest ones can go.
//
//     0000000000000004.wal    head │ batch │ batch │ batch │ zeros
//     0000000000000005.wal    head │ batch │ bat~~ │ ← torn by a crash, cut when opened
//     spare                   the next segment, its blocks allocated already
//     LOCK                    the process that writes; see directory-lock.ts
//
// An append is one record: one write into the page cache, then one fdatasync. On a disk that is
// quick it is waited for on the spot; otherwise it runs in the pool, and the caller collects the
// next batch meanwhile (group commit). See sync-pace.ts.
//
// Invariants:
// - When `append` resolves, or returns nothing to wait for, its record and everything before it is on disk.
// - A new segment is begun only when the one before is synced, and its head is synced before the
//   first batch: only the last segment can end torn.
// - At the end of the last segment lies at most one append that nobody was promised, or a row of
//   unsynced ones. A place is cut only if no valid record counts on it (see record.ts); the last
//   record of a log that was closed is counted on by the closing record.
// - Each record names the checksum of the one before it: the log is one chain, over all segments.
// - What stands behind the end, bytes of clients among it, is never taken for a record: it does not
//   know the log's secret.
// - After a failed write or sync nothing more is written: what the disk holds is unknown.

import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { type Random, SystemRandom } from "../base/random.ts";
import type { HardState, SnapshotMetadata } from "../raft/entry.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { LogTerms } from "./log-terms.ts";
import {
  drawSecret,
  type LogSecret,
  type RecordContent,
  RecordKind,
  recordBytes,
} from "./record.ts";
import { type KnownSegment, type Recovered, recover, segmentsIn } from "./recovery.ts";
import { SegmentWriter, segmentName } from "./segment.ts";
import { fillWithZeros, SpareSegment, syncDirectory } from "./spare-segment.ts";
import { SyncPace } from "./sync-pace.ts";
import type { Wal, WalBatch, WalMetadata, WalState } from "./wal.ts";

const SEGMENT_BYTES_DEFAULT = 32 * 1024 * 1024;

export interface FileWalOptions {
  /** Size of a segment; an append that is larger gets a longer one. */
  readonly segmentBytes?: number;
  /** False: appends do not wait for the disk, and a power cut loses some (`--unsafe-no-fsync`). */
  readonly isSynced?: boolean;
  /** Told how long each sync of an append took, in milliseconds. */
  readonly onSync?: (durationMs: number) => void;
  /** Told of each append before its sync: how long copying it took, and its bytes. */
  readonly onWrite?: (durationMs: number, byteCount: number) => void;
  /** Without it nothing is measured, and every sync runs in the pool. */
  readonly clock?: Clock;
  /** Of the secret that tells the log's records from what clients write. */
  readonly random?: Random;
  /** Told that the start waits, at most `limitMs`, to see whether process `pid` still writes. */
  readonly onWait?: (pid: number, limitMs: number) => void;
}

export class FileWal implements Wal {
  onLost: ((error: Error) => void) | undefined;
  readonly #directory: string;
  readonly #options: FileWalOptions;
  readonly #metadata: WalMetadata;
  readonly #lock: DirectoryLock;
  readonly #spare: SpareSegment;
  readonly #segments: KnownSegment[];
  #writer: SegmentWriter;
  /** Of the next segment. */
  readonly #secret: LogSecret;
  #hardState: HardState;
  #snapshot: SnapshotMetadata;
  /** Of `#snapshot`, what is on disk. */
  #durableSnapshotIndex: number;
  readonly #terms = new LogTerms();
  readonly #pace = new SyncPace();
  #releasedIndex = 0;
  #isAppending = false;
  #failure: Error | undefined;

  private constructor(
    directory: string,
    options: FileWalOptions,
    lock: DirectoryLock,
    recovered: Recovered,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#lock = lock;
    lock.onLost = (error) => this.onLost?.(this.#fail(error));
    this.#metadata = recovered.metadata;
    this.#secret = recovered.secret ?? newSecret(options);
    this.#segments = recovered.segments;
    this.#hardState = recovered.log.hardState;
    this.#snapshot = recovered.log.snapshot;
    this.#durableSnapshotIndex = this.#snapshot.index;
    this.#terms.startAt(this.#snapshot, false);
    this.#terms.append(recovered.log.entries);
    const last = this.#active;
    this.#writer = new SegmentWriter(this.#path(last.number), {
      segment: last.number,
      position: last.end,
      previous: recovered.checksum,
      secret: last.secret,
    });
    this.#spare = new SpareSegment(directory, this.#segmentBytes, (error) => this.#fail(error));
  }

  /** Whether there is a log in `directory`; a creation that did not finish leaves none. */
  static exists(directory: string): boolean {
    return existsSync(directory) && segmentsIn(directory).length > 0;
  }

  /** An empty log in a directory that does not exist yet (mode 0700). All of it or nothing. */
  static async create(
    directory: string,
    metadata: WalMetadata,
    options: FileWalOptions = {},
  ): Promise<FileWal> {
    assert(!FileWal.exists(directory), `${directory} holds a log already`);
    const draft = `${directory}.new`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
    await mkdir(draft, { mode: 0o700 });
    const first = join(draft, segmentName(1));
    await fillWithZeros(first, options.segmentBytes ?? SEGMENT_BYTES_DEFAULT);
    const secret = newSecret(options);
    const writer = new SegmentWriter(first, { segment: 1, position: 0, previous: 0, secret });
    writer.write(RecordKind.HEAD, { owner: { metadata, previousEnd: 0, secret }, entries: [] });
    await writer.sync();
    writer.close();
    await syncDirectory(draft);
    await rename(draft, directory);
    await syncDirectory(dirname(directory));
    return (await FileWal.open(directory, options)).wal;
  }

  /**
   * Throws `WalCorruptionError` for damage that no crash explains, and an error when another
   * process has it open.
   */
  static async open(
    directory: string,
    options: FileWalOptions = {},
  ): Promise<{ wal: FileWal; state: WalState }> {
    const lock = await DirectoryLock.acquire(directory, { onWait: options.onWait });
    try {
      const recovered = await recover(directory);
      const wal = new FileWal(directory, options, lock, recovered);
      if (wal.#active.end === 0) await wal.#writeHead();
      if (recovered.secret === undefined) await wal.#tellSecret();
      return { wal, state: recovered.log.under(recovered.metadata) };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  append(batch: WalBatch): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    assert(!this.#isAppending, "one append at a time");
    try {
      this.#lock.confirm();
      const content = this.#contentOf(batch);
      if (!this.#hasRoomFor(content)) return this.#finish(this.#writeBehindCut(batch, content));
      this.#write(batch, content);
      if (!batch.sync || this.#options.isSynced === false) return undefined;
      if (!this.#pace.isQuick) return this.#finish(this.#sync());
      this.#syncNow();
      return undefined;
    } catch (error) {
      return Promise.reject(this.#fail(error));
    }
  }

  async #finish(work: Promise<void>): Promise<void> {
    this.#isAppending = true;
    try {
      await work;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#isAppending = false;
    }
  }

  release(index: number): void {
    this.#releasedIndex = Math.max(this.#releasedIndex, index);
    this.#freeSegments();
  }

  confirmHeld(): void {
    this.#lock.confirm();
  }

  async close(): Promise<void> {
    assert(!this.#isAppending, "the last append has ended before the log is closed");
    try {
      await this.#spare.settle();
      if (this.#failure === undefined) {
        this.#writer.write(RecordKind.CLOSED, { hardState: this.#hardState, entries: [] });
        await this.#writer.sync();
      }
    } finally {
      this.#failure ??= new Error("the write-ahead log is closed");
      this.#writer.close();
      await this.#lock.release();
    }
  }

  get #segmentBytes(): number {
    return this.#options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
  }

  get #active(): KnownSegment {
    const last = this.#segments.at(-1);
    assert(last !== undefined, "a log has at least one segment");
    return last;
  }

  #path(segment: number): string {
    return join(this.#directory, segmentName(segment));
  }

  #hasRoomFor(content: RecordContent): boolean {
    return this.#writer.position + recordBytes(content) <= this.#segmentBytes;
  }

  async #writeBehindCut(batch: WalBatch, content: RecordContent): Promise<void> {
    await this.#cut();
    this.#write(batch, content);
    if (batch.sync) await this.#sync();
  }

  #write(batch: WalBatch, content: RecordContent): void {
    const { clock, onWrite } = this.#options;
    const before = this.#writer.position;
    const startedMs = clock?.monotonic() ?? 0;
    this.#writer.write(RecordKind.BATCH, content);
    if (clock !== undefined) {
      onWrite?.(clock.monotonic() - startedMs, this.#writer.position - before);
    }
    this.#hardState = batch.hardState ?? this.#hardState;
    this.#snapshot = batch.snapshot ?? this.#snapshot;
    if (content.snapshot) this.#terms.startAt(content.snapshot.metadata, content.snapshot.isHeld);
    this.#terms.append(batch.entries);
    const active = this.#active;
    active.lastIndex = Math.max(active.lastIndex, batch.entries.at(-1)?.index ?? 0);
    active.end = this.#writer.position;
    const half = this.#segmentBytes / 2;
    if (before <= half && this.#writer.position > half) this.#spare.prepare();
  }

  #contentOf({ hardState, entries, snapshot: metadata }: WalBatch): RecordContent {
    if (metadata === undefined) return { hardState, entries };
    return { hardState, entries, snapshot: { metadata, isHeld: this.#terms.holds(metadata) } };
  }

  async #sync(): Promise<void> {
    const startedMs = this.#options.clock?.monotonic();
    await this.#writer.sync();
    this.#synced(startedMs);
  }

  #syncNow(): void {
    const startedMs = this.#options.clock?.monotonic();
    this.#writer.syncNow();
    this.#synced(startedMs);
  }

  #synced(startedMs: number | undefined): void {
    const { clock, onSync } = this.#options;
    if (clock !== undefined && startedMs !== undefined) {
      const durationMs = clock.monotonic() - startedMs;
      this.#pace.observe(durationMs);
      onSync?.(durationMs);
    }
    this.#durableSnapshotIndex = this.#snapshot.index;
    this.#freeSegments();
  }

  /** Goes on in a new segment. */
  async #cut(): Promise<void> {
    if (!this.#writer.isSynced) await this.#sync();
    const number = this.#active.number + 1;
    await this.#spare.take(this.#path(number));
    this.#writer.close();
    const previous = this.#writer.lastChecksum;
    const secret = this.#secret;
    const end = { segment: number, position: 0, previous, secret };
    this.#writer = new SegmentWriter(this.#path(number), end);
    this.#segments.push({ number, lastIndex: 0, end: 0, secret });
    await this.#writeHead();
    this.#freeSegments();
  }

  async #writeHead(): Promise<void> {
    const previousEnd = this.#segments.at(-2)?.end ?? 0;
    this.#writer.write(RecordKind.HEAD, {
      owner: { metadata: this.#metadata, previousEnd, secret: this.#active.secret },
      hardState: this.#hardState,
      snapshot: { metadata: this.#snapshot, isHeld: true },
      entries: [],
    });
    await this.#writer.sync();
    this.#active.end = this.#writer.position;
    this.#durableSnapshotIndex = this.#snapshot.index;
  }

  /** Of a log that began without one: before a segment whose head, the only other place, may tear. */
  async #tellSecret(): Promise<void> {
    this.#writer.write(RecordKind.BATCH, { secret: this.#secret, entries: [] });
    await this.#writer.sync();
    this.#active.end = this.#writer.position;
  }

  #freeSegments(): void {
    const index = Math.min(this.#releasedIndex, this.#durableSnapshotIndex);
    while (this.#segments.length > 1 && (this.#segments[0]?.lastIndex ?? 0) <= index) {
      const freed = this.#segments.shift();
      if (freed !== undefined) this.#spare.recycle(this.#path(freed.number));
    }
  }

  #fail(cause: unknown): Error {
    const detail = cause instanceof Error ? cause.message : String(cause);
    this.#failure ??= new Error(`the write-ahead log lost its disk: ${detail}`, { cause });
    return this.#failure;
  }
}

function newSecret({ random = new SystemRandom() }: FileWalOptions): LogSecret {
  return drawSecret(random);
}
