// When the index of keys goes to disk, beside the state: a start then reads the index and the
// records behind it instead of all records. It is written between other work, a few blocks a turn,
// and takes the place of the last one after a commit that began when all of it was written: it never
// knows what the state does not.
//
// Due when as many records were touched as a fourth of the keys (so that writing it costs little
// beside writing them), when all is quiet, and at the end. Losing it costs time at the next start.
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { FrameFile, FrameWriter } from "../storage/frame-file.ts";

/** Touched records below which a start is quick enough without: at the end, and when it is quiet. */
const STOP_RECORDS_MIN = 1_000;
const QUIET_RECORDS_MIN = 10_000;
/** While others write: so many, or this part of all keys. */
const BUSY_RECORDS_MIN = 50_000;
const BUSY_PART = 1 / 4;
/** Without a commit for so long nobody is in the way. */
const QUIET_MS = 5_000;
/** Blocks of up to 512 keys between two turns. */
const BLOCKS_PER_TURN = 16;
/** A disk that refused is asked again after so many more records. */
const RETRY_RECORDS = 100_000;

export interface IndexCheckpointsOptions {
  readonly state: ReplicatedState;
  readonly file: FrameFile;
  readonly clock: Clock;
  readonly log: Log;
}

export class IndexCheckpoints {
  readonly #options: IndexCheckpointsOptions;
  /** Of `recordsTouched`: at the start of the last checkpoint, and of the last durable commit. */
  #saved = 0;
  #durable = 0;
  #saving: Promise<void> | undefined;
  #onDurable: (() => void) | undefined;
  #isGivenUp = false;
  /** The last commit has ended. */
  #isOver = false;
  #quiet: Cancel | undefined;

  constructor(options: IndexCheckpointsOptions) {
    this.#options = options;
  }

  /** To be asked when a commit begins; `committed` is told the answer when it has ended. */
  get touched(): number {
    return this.#options.state.kv.recordsTouched;
  }

  committed(touched: number): void {
    const { kv } = this.#options.state;
    this.#durable = touched;
    this.#onDurable?.();
    this.#quiet?.();
    const unsaved = kv.recordsTouched - this.#saved;
    if (unsaved >= Math.max(BUSY_RECORDS_MIN, kv.keyCount * BUSY_PART)) this.#start();
    else if (unsaved >= QUIET_RECORDS_MIN) {
      this.#quiet = this.#options.clock.after(QUIET_MS, () => this.#start());
    }
  }

  /** The state is about to be replaced, and with it whatever is being written. */
  async pause(): Promise<void> {
    this.#isGivenUp = true;
    this.#quiet?.();
    this.#onDurable?.();
    await this.#saving;
  }

  /** Another state is there. */
  resume(): void {
    this.#isGivenUp = false;
    this.#saved = 0;
    this.#durable = 0;
  }

  /** Nothing more will be committed. @param touched of the last commit, as for `committed` */
  async stop(touched: number): Promise<void> {
    this.#isOver = true;
    this.committed(touched);
    this.#quiet?.();
    await this.#saving;
    if (this.touched - this.#saved >= STOP_RECORDS_MIN) this.#start();
    await this.#saving;
  }

  #start(): void {
    if (this.#saving !== undefined || this.#isGivenUp) return;
    this.#saving = this.#save()
      .catch((error: unknown) => {
        this.#options.log.warn("failed to save the key index", { error });
        this.#saved = this.touched - BUSY_RECORDS_MIN + RETRY_RECORDS;
      })
      .finally(() => {
        this.#saving = undefined;
      });
  }

  async #save(): Promise<void> {
    const { state, file } = this.#options;
    const { kv, lessor } = state;
    const touched = kv.recordsTouched;
    const leaseOf = lessor.hasKeys ? (key: Buffer) => lessor.leaseOf(key) : undefined;
    const frames = kv.savingIndex(leaseOf);
    const writer = await file.begin();
    try {
      await this.#write(frames, writer);
      if (!this.#isGivenUp) await this.#untilDurable(kv.recordsTouched);
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    if (this.#isGivenUp) await writer.abandon();
    else {
      await writer.commit();
      this.#saved = touched;
    }
  }

  async #write(frames: Iterable<Buffer>, writer: FrameWriter): Promise<void> {
    let blocks = 0;
    for (const frame of frames) {
      await writer.append(frame);
      if (++blocks % BLOCKS_PER_TURN !== 0) continue;
      await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
      if (this.#isGivenUp) return;
    }
  }

  async #untilDurable(touched: number): Promise<void> {
    while (this.#durable < touched && !this.#isGivenUp) {
      // What no commit will cover is not waited for.
      if (this.#isOver) this.#isGivenUp = true;
      else {
        await new Promise<void>((resolve) => {
          this.#onDurable = resolve;
        });
      }
    }
    this.#onDurable = undefined;
  }
}
