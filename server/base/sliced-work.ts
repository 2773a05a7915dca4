import type { Clock } from "./clock.ts";

/** Work in slices; each yields how many bytes more it holds until its end. */
export type Slices<T> = Generator<number, T>;

export interface SlicedWorkOptions {
  readonly clock: Clock;
  /** Works at once, running and waiting. */
  readonly worksMax: number;
  /** Bytes that all works hold. Once they are reached only the oldest goes on. */
  readonly bytesMax: number;
}

export interface WorkTerms {
  /** Held from the beginning. */
  readonly bytes: number;
  /** Asked before every slice and while it waits; what it throws ends the work. */
  readonly check: () => void;
}

interface Work {
  readonly slices: Slices<unknown>;
  readonly check: () => void;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  bytes: number;
}

/** What all works together take of one turn, to a slice, ms. */
const TURN_MS = 5;

/**
 * Shares the end of each turn among works that would be too long for one: in turn, a slice each,
 * until the time is up. A work alone begins at once.
 */
export class SlicedWork {
  readonly #options: SlicedWorkOptions;
  /** By age. */
  readonly #works = new Set<Work>();
  /** Next first. */
  #waiting: Work[] = [];
  #bytes = 0;
  #isArmed = false;
  /** Whether a slice ran in this turn. */
  #hasRun = false;

  constructor(options: SlicedWorkOptions) {
    this.#options = options;
  }

  /** Whether it takes no more works. */
  get isFull(): boolean {
    return this.#works.size >= this.#options.worksMax;
  }

  /** Bytes that the works hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Resolves with what the slices return; rejects with what they or `check` throw. After a throw of
   * `check` they may not have begun: what is to be closed is closed by whoever waits.
   */
  run<T>(slices: Slices<T>, { bytes, check }: WorkTerms): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const work: Work = {
        slices,
        check,
        resolve: resolve as (result: unknown) => void,
        reject,
        bytes,
      };
      this.#works.add(work);
      this.#bytes += bytes;
      if (!this.#hasRun && this.#waiting.length === 0) this.#slice(work);
      else this.#waiting.push(work);
      if (!this.#isArmed) this.#arm();
    });
  }

  #arm(): void {
    this.#isArmed = true;
    this.#options.clock.soon(() => this.#turn());
  }

  #turn(): void {
    const { clock } = this.#options;
    const endMs = clock.monotonic() + TURN_MS;
    const due = this.#waiting;
    this.#waiting = [];
    this.#hasRun = false;
    const passed: Work[] = [];
    let isOver = false;
    for (const work of due) {
      if (isOver || !this.#hasRoomFor(work)) {
        if (this.#isWanted(work)) passed.push(work);
        continue;
      }
      this.#slice(work);
      isOver = clock.monotonic() >= endMs;
    }
    this.#waiting = passed.concat(this.#waiting);
    this.#isArmed = this.#hasRun || this.#waiting.length > 0;
    // From behind this turn: what is asked for within it would still run in it.
    if (this.#isArmed) queueMicrotask(() => this.#arm());
  }

  /** The oldest always goes on, so that it ends and others have its room. */
  #hasRoomFor(work: Work): boolean {
    if (this.#bytes < this.#options.bytesMax) return true;
    const [oldest] = this.#works;
    return work === oldest;
  }

  #isWanted(work: Work): boolean {
    try {
      work.check();
      return true;
    } catch (thrown) {
      this.#end(work);
      work.reject(thrown);
      return false;
    }
  }

  #slice(work: Work): void {
    if (!this.#isWanted(work)) return;
    this.#hasRun = true;
    try {
      const step = work.slices.next();
      if (step.done === true) {
        this.#end(work);
        work.resolve(step.value);
        return;
      }
      work.bytes += step.value;
      this.#bytes += step.value;
      this.#waiting.push(work);
    } catch (thrown) {
      this.#end(work);
      work.reject(thrown);
    }
  }

  #end(work: Work): void {
    this.#works.delete(work);
    this.#bytes -= work.bytes;
  }
}
