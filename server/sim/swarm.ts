import type { SeededRandom } from "../base/random.ts";

/** Time is counted in ms of simulated time; a tick of a well-running member takes this long. */
export const TICK_MS = 100;

/**
 * What one seed tries. Each class of fault is on in about half of the seeds: bugs that need one
 * fault to be absent are as real as those that need it to be there.
 */
export interface Swarm {
  readonly voters: number;
  /** Members that may join later. */
  readonly spares: number;
  readonly preVote: boolean;
  readonly electionTicks: number;
  readonly appendBytesMax: number;
  readonly inflightAppendsMax: number;
  /** Chance of a message in 1000. */
  readonly lost: number;
  readonly duplicated: number;
  /** Far later than those sent after it. */
  readonly delayed: number;
  readonly delayMsMax: number;
  readonly syncMsMax: number;
  readonly hasCrashes: boolean;
  readonly hasPartitions: boolean;
  readonly hasPauses: boolean;
  readonly hasCompaction: boolean;
  readonly hasConfChanges: boolean;
  readonly hasTransfers: boolean;
  readonly hasReads: boolean;
  /** Clocks run at 0.5 to 2 times the right speed. */
  readonly hasSkew: boolean;
  /** Members collect events before they take a Ready. */
  readonly isLazy: boolean;
  /** Mean time between two faults. */
  readonly faultMs: number;
  /** Mean time between two requests. */
  readonly requestMs: number;
}

export function drawSwarm(random: SeededRandom): Swarm {
  const coin = () => random.below(2) === 0;
  const pick = (choices: readonly number[]) => choices[random.below(choices.length)] as number;
  const sometimes = (max: number) => (coin() ? 1 + random.below(max) : 0);
  return {
    voters: pick([1, 3, 3, 3, 3, 5, 5, 7]),
    spares: random.below(4),
    preVote: random.below(4) > 0,
    electionTicks: pick([3, 5, 10]),
    appendBytesMax: pick([1, 50, 200, 1024 * 1024]),
    inflightAppendsMax: pick([1, 2, 8, 512]),
    lost: sometimes(300),
    duplicated: sometimes(300),
    delayed: sometimes(200),
    delayMsMax: pick([2, 20, 150]),
    syncMsMax: pick([1, 10, 100, 1000]),
    hasCrashes: coin(),
    hasPartitions: coin(),
    hasPauses: coin(),
    hasCompaction: coin(),
    hasConfChanges: coin(),
    hasTransfers: coin(),
    hasReads: coin(),
    hasSkew: coin(),
    isLazy: coin(),
    faultMs: pick([200, 1000, 4000]),
    requestMs: pick([10, 50, 200]),
  };
}
