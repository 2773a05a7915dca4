import type { SeededRandom } from "../base/random.ts";
import type { Message } from "../raft/message.ts";
import { MessageType } from "../raft/message.ts";
import type { Swarm } from "./swarm.ts";

const LINK = 64n;

/** Decides when, how often and whether a message arrives. */
export class SimNetwork {
  readonly #random: SeededRandom;
  readonly #swarm: Swarm;
  readonly #cut = new Set<bigint>();
  #isHealthy = false;

  constructor(random: SeededRandom, swarm: Swarm) {
    this.#random = random;
    this.#swarm = swarm;
  }

  /** From now on nothing is lost, doubled, late or overtaken: as connections really are. */
  heal(): void {
    this.#isHealthy = true;
    this.#cut.clear();
  }

  reconnect(): void {
    this.#cut.clear();
  }

  /** Some links go: between two halves, around one member, or any, in one direction. */
  partition(ids: readonly bigint[]): void {
    const kind = this.#random.below(4);
    const sides = new Set(ids.filter(() => this.#random.below(2) === 0));
    const lonely = ids[this.#random.below(ids.length)];
    for (const from of ids) {
      for (const to of ids) {
        const isAcross = sides.has(from) !== sides.has(to);
        if (kind === 0 && isAcross) this.#cut.add(from * LINK + to);
        if (kind === 1 && isAcross && sides.has(from)) this.#cut.add(from * LINK + to);
        if (kind === 2 && (from === lonely || to === lonely)) this.#cut.add(from * LINK + to);
        if (kind === 3 && this.#random.below(3) === 0) this.#cut.add(from * LINK + to);
      }
    }
  }

  /** One delay in ms for each time that the message arrives. */
  delays({ from, to, type }: Message): number[] {
    const swarm = this.#swarm;
    if (this.#isHealthy) return [1];
    if (this.#cut.has(from * LINK + to) || this.#happens(swarm.lost)) return [];
    const delays = [this.#delay()];
    const isOnce = type === MessageType.SNAPSHOT;
    if (!isOnce && this.#happens(swarm.duplicated)) delays.push(this.#delay());
    return delays;
  }

  #delay(): number {
    const { delayMsMax, delayed, electionTicks } = this.#swarm;
    const usual = 1 + this.#random.below(delayMsMax);
    return this.#happens(delayed) ? usual + this.#random.below(electionTicks * 500) : usual;
  }

  #happens(perThousand: number): boolean {
    return perThousand > 0 && this.#random.below(1000) < perThousand;
  }
}
