// Compactions that a leader proposes by itself. Which revision, and when:
//
//   periodic   keep a period P: the revision is noted ten times in each min(P, 1 h); once P has
//              gone by, what was noted P ago is compacted, and again after each min(P, 1 h)
//   revision   keep N revisions: every five minutes everything older than the last N goes
//
// A failed attempt is made again at the next note, or five minutes later. Every member takes notes,
// so that a new leader goes on where the last one was.

import type { Cancel, Clock } from "../base/clock.ts";
import { formatMs, parseDuration } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { bareRetention } from "../base/retention.ts";
import { EtcdError } from "../errors.ts";

const HOUR_MS = 3_600_000;
const NOTES_PER_INTERVAL = 10;
const REVISION_PERIOD_MS = 300_000;
const NS_PER_MS = 1_000_000;

export interface AutoCompactionOptions {
  readonly mode: "periodic" | "revision";
  /** A duration, hours, or a number of revisions; "0" is off. */
  readonly retention: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Now; undefined while it cannot be told. */
  readonly revision: () => number | undefined;
  readonly isLeader: () => boolean;
  /** @throws EtcdError */
  readonly compact: (revision: number) => Promise<void>;
}

export class AutoCompaction {
  readonly #options: AutoCompactionOptions;
  #cancel: Cancel | undefined;

  constructor(options: AutoCompactionOptions) {
    this.#options = options;
  }

  start(): void {
    const { mode, retention, clock } = this.#options;
    const kept = keptOf(mode, retention);
    if (kept <= 0) return;
    const schedule =
      mode === "periodic"
        ? new Periodic(this.#options, kept)
        : new LastRevisions(this.#options, kept);
    this.#cancel = clock.every(schedule.periodMs, () => schedule.tick());
  }

  stop(): void {
    this.#cancel?.();
  }
}

/** Milliseconds, or a number of revisions; a bare number of a period means hours. */
function keptOf(mode: AutoCompactionOptions["mode"], retention: string): number {
  const bare = bareRetention(retention);
  if (bare !== undefined) return Number(bare) * (mode === "periodic" ? HOUR_MS : 1);
  const durationNs = Number(parseDuration(retention) ?? 0n);
  // etcd takes a duration where revisions are counted: as many of them as it has nanoseconds.
  return mode === "periodic" ? durationNs / NS_PER_MS : durationNs;
}

class Periodic {
  readonly periodMs: number;
  readonly #options: AutoCompactionOptions;
  readonly #keptMs: number;
  readonly #intervalMs: number;
  readonly #notesMax: number;
  readonly #notes: number[] = [];
  readonly #attempts: Attempts;
  #lastSuccessMs: number;
  /** The whole period before the first compaction, then the interval. */
  #waitMs: number;

  constructor(options: AutoCompactionOptions, keptMs: number) {
    this.#options = options;
    this.#attempts = new Attempts(options);
    this.#keptMs = keptMs;
    this.#intervalMs = Math.min(keptMs, HOUR_MS);
    this.periodMs = this.#intervalMs / NOTES_PER_INTERVAL;
    this.#notesMax = Math.round(keptMs / this.periodMs);
    this.#waitMs = keptMs;
    this.#lastSuccessMs = options.clock.monotonic();
    this.#note();
  }

  tick(): void {
    if (this.#options.isLeader() && !this.#attempts.isRunning) void this.#compactIfDue();
    this.#note();
  }

  #note(): void {
    const revision = this.#options.revision();
    if (revision === undefined) return;
    this.#notes.push(revision);
    if (this.#notes.length > this.#notesMax) this.#notes.shift();
  }

  async #compactIfDue(): Promise<void> {
    const { clock } = this.#options;
    const [revision] = this.#notes;
    const isDue = clock.monotonic() - this.#lastSuccessMs >= this.#waitMs;
    if (!isDue || revision === undefined || this.#attempts.hasDone(revision)) return;
    this.#waitMs = this.#intervalMs;
    const setting = { "compact-period": formatMs(this.#keptMs) };
    const doneMs = await this.#attempts.run(revision, setting, this.periodMs);
    this.#lastSuccessMs = doneMs ?? this.#lastSuccessMs;
  }
}

class LastRevisions {
  readonly periodMs: number = REVISION_PERIOD_MS;
  readonly #options: AutoCompactionOptions;
  readonly #kept: number;
  readonly #attempts: Attempts;

  constructor(options: AutoCompactionOptions, kept: number) {
    this.#options = options;
    this.#kept = kept;
    this.#attempts = new Attempts(options);
  }

  tick(): void {
    const { isLeader, revision: now } = this.#options;
    if (!isLeader() || this.#attempts.isRunning) return;
    const revision = (now() ?? 0) - this.#kept;
    if (revision <= 0 || this.#attempts.hasDone(revision)) return;
    const setting = { "revision-compaction-retention": this.#kept };
    void this.#attempts.run(revision, setting, this.periodMs);
  }
}

/** Compactions, one at a time and each told in the log. */
class Attempts {
  readonly #options: AutoCompactionOptions;
  #lastRevision = 0;
  #isRunning = false;

  constructor(options: AutoCompactionOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Whether `revision` is the last one that was compacted. */
  hasDone(revision: number): boolean {
    return revision === this.#lastRevision;
  }

  /**
   * @param setting what asks for it, as the log names it
   * @param retryMs when a failed attempt is made again
   * @returns when it was done, on the clock's monotonic scale; undefined when it failed
   */
  async run(
    revision: number,
    setting: Readonly<Record<string, unknown>>,
    retryMs: number,
  ): Promise<number | undefined> {
    const { clock, log, compact, mode } = this.#options;
    const fields = { revision, ...setting };
    log.info(`starting auto ${mode} compaction`, fields);
    const startedMs = clock.monotonic();
    this.#isRunning = true;
    try {
      await compact(revision);
    } catch (error) {
      if (!isCompacted(error)) {
        const retry = { "retry-interval": formatMs(retryMs), error };
        log.warn(`failed auto ${mode} compaction`, { ...fields, ...retry });
        return undefined;
      }
    } finally {
      this.#isRunning = false;
    }
    this.#lastRevision = revision;
    const doneMs = clock.monotonic();
    log.info(`completed auto ${mode} compaction`, {
      ...fields,
      took: formatMs(doneMs - startedMs),
    });
    return doneMs;
  }
}

/** Somebody else has compacted as far or further: as good as having done it. */
function isCompacted(error: unknown): boolean {
  if (!(error instanceof EtcdError)) throw error;
  return error.code === "Compacted";
}
