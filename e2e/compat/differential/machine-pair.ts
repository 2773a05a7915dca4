import { must } from "../../../server/base/assert.ts";
import type { Make } from "../../harness/member-process.ts";
import { DifferentialMachine } from "./machine.ts";

/** While one waits for its servers, the other has work. */
const MACHINES = 2;

/** Two machines that play histories side by side, each of them one after the other. */
export class MachinePair {
  readonly #machines: readonly DifferentialMachine[];

  private constructor(machines: readonly DifferentialMachine[]) {
    this.#machines = machines;
  }

  /** @param others what ours is compared with */
  static async start(others: readonly Make[]): Promise<MachinePair> {
    const starting = Array.from({ length: MACHINES }, () => DifferentialMachine.start(others));
    return new MachinePair(await Promise.all(starting));
  }

  /** For whoever needs one. */
  get first(): DifferentialMachine {
    return must(this.#machines[0], "there is a machine");
  }

  /** Calls for every number from `first` on, as often as `count` says, whichever machine is free. */
  async each(
    first: number,
    count: number,
    play: (seed: number, machine: DifferentialMachine) => Promise<void>,
  ): Promise<void> {
    let next = first;
    const playOn = async (machine: DifferentialMachine): Promise<void> => {
      while (next < first + count) await play(next++, machine);
    };
    await Promise.all(this.#machines.map(playOn));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.stop()));
  }
}
