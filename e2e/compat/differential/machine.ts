import type { Make } from "../../harness/member-process.ts";
import { type Difference, differencesOf } from "./difference.ts";
import { intendedDifference } from "./intended-differences.suite.ts";
import { Meetings } from "./player.ts";
import type { Found } from "./shrinking.ts";
import { REVISIONS_MIN, Side, type Standing } from "./side.ts";
import type { Step } from "./step.ts";

const OURS: Make = "quorate";
/**
 * Histories that the same servers are played. An etcd 3.4 that had been played hundreds was seen to
 * take all the memory there is, which none of them makes it do by itself.
 */
const PLAYS_PER_SERVER = 100;

/** Our single member and real ones, to which the same histories are played. */
export class DifferentialMachine {
  readonly #makes: readonly Make[];
  #sides: Side[] = [];
  #plays = 0;

  private constructor(makes: readonly Make[]) {
    this.#makes = makes;
  }

  /** @param others what ours is compared with */
  static async start(others: readonly Make[]): Promise<DifferentialMachine> {
    const machine = new DifferentialMachine([OURS, ...others]);
    await machine.#openSides();
    return machine;
  }

  /**
   * Plays a history on empty stores; resolves with the first difference that nobody intended. Steps
   * after which stores differ on purpose are left out, and all the rest is played again.
   */
  async play(history: readonly Step[]): Promise<Found | undefined> {
    for (let steps = history; ; ) {
      const differences = await this.compare(steps);
      const endings = new Set(
        differences
          .filter((each) => intendedDifference(each, steps)?.ends === true)
          .map(({ at, step }) => (at < 0 ? steps.indexOf(step as Step) : at)),
      );
      const ending = Math.min(...endings);
      const difference = differences.find((each) => {
        const isBefore = endings.size === 0 || (each.at >= 0 && each.at < ending);
        return isBefore && intendedDifference(each, steps) === undefined;
      });
      if (difference !== undefined) return { steps, difference };
      if (endings.size === 0) return undefined;
      steps = steps.filter((_, at) => !endings.has(at));
    }
  }

  /** Plays a history on empty stores; resolves with all differences, intended ones too. */
  async compare(steps: readonly Step[]): Promise<Difference[]> {
    const startRevision = await this.#empty();
    const meetings = new Meetings();
    const [ours, ...theirs] = await Promise.all(
      this.#sides.map((side) => side.play(steps, { startRevision, meetings })),
    );
    if (ours === undefined) throw new Error("the first side is ours");
    return theirs.flatMap((transcript, at) => [
      ...differencesOf(this.#makes[at + 1] as Make, steps, ours, transcript),
    ]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sides.map((side) => side.close()));
  }

  /** Every side is empty, and all stand at one revision, which is returned. */
  async #empty(): Promise<number> {
    if (this.#plays++ === PLAYS_PER_SERVER) await this.#beginAnew();
    const emptied = await Promise.allSettled(this.#sides.map((side) => side.empty()));
    let standings = emptied.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    if (standings.length < emptied.length) {
      // A history has ended a server, or shut everybody out.
      await this.#beginAnew();
      standings = await Promise.all(this.#sides.map((side) => side.empty()));
    }
    const target = commonTarget(standings);
    await Promise.all(
      this.#sides.map((side, at) => side.fillUp(standings[at] as Standing, target)),
    );
    return target.revision;
  }

  async #beginAnew(): Promise<void> {
    await this.stop();
    await this.#openSides();
    this.#plays = 1;
  }

  async #openSides(): Promise<void> {
    this.#sides = await Promise.all(this.#makes.map((make) => Side.open(make)));
  }
}

/** What every store can reach. */
function commonTarget(standings: readonly Standing[]): Standing {
  const revision = Math.max(...standings.map((each) => each.revision)) + REVISIONS_MIN;
  const told = standings.map(({ authRevision }) => authRevision).filter((each) => each > 0);
  const highest = Math.max(...told);
  const isCommon = told.every((each) => each === highest);
  return { revision, authRevision: isCommon ? highest : highest + 2 };
}
