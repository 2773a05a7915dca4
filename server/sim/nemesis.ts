import { ConfChangeType } from "../raft/entry.ts";
import type { SimMember } from "./sim-member.ts";
import type { Simulation } from "./simulation.ts";
import { TICK_MS } from "./swarm.ts";
import { encodeConfChange } from "./write-machine.ts";

const CHANGES = Object.values(ConfChangeType);

/** Does what the seed's swarm allows, one thing at a time, again and again. */
export class Nemesis {
  readonly #simulation: Simulation;
  readonly #deeds: readonly (() => void)[];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    const { swarm } = simulation;
    const deeds: (readonly [boolean, () => void])[] = [
      [swarm.hasCrashes, () => this.#crash()],
      [swarm.hasPartitions, () => this.#partition()],
      [swarm.hasPauses, () => this.#pause()],
      [swarm.hasCompaction, () => this.#flush()],
      [swarm.hasConfChanges, () => this.#changeConf()],
      [swarm.hasTransfers, () => this.#transfer()],
      [true, () => this.#unreachable()],
    ];
    this.#deeds = deeds.flatMap(([isOn, deed]) => (isOn ? [deed] : []));
  }

  strike(): void {
    const { random, swarm } = this.#simulation;
    this.#deeds[random.below(this.#deeds.length)]?.();
    const at = this.#simulation.after(1 + random.below(2 * swarm.faultMs));
    this.#simulation.schedule({ kind: "fault", at });
  }

  /** Any member, or the leader: faults that hit it matter most. */
  #victim(): SimMember {
    const { random, members } = this.#simulation;
    const all = [...members.values()];
    const leader = all.find((member) => member.raft?.isLeader);
    if (leader !== undefined && random.below(3) === 0) return leader;
    return all[random.below(all.length)] as SimMember;
  }

  #crash(): void {
    const { random, swarm } = this.#simulation;
    const victims = [this.#victim()];
    if (random.below(4) === 0) victims.push(this.#victim(), this.#victim());
    for (const member of victims) {
      this.#simulation.crash(member);
      const at = this.#simulation.after(random.below(swarm.electionTicks * TICK_MS * 3));
      this.#simulation.schedule({ kind: "start", member, at });
    }
  }

  #partition(): void {
    const { random, network, members, swarm } = this.#simulation;
    network.partition([...members.keys()]);
    const at = this.#simulation.after(random.below(swarm.electionTicks * TICK_MS * 6));
    this.#simulation.schedule({ kind: "reconnect", at });
  }

  #pause(): void {
    const { random, swarm } = this.#simulation;
    const length = random.below(swarm.electionTicks * TICK_MS * 4);
    this.#simulation.pause(this.#victim(), this.#simulation.after(length));
  }

  #flush(): void {
    const { random, members } = this.#simulation;
    for (const member of members.values()) {
      if (random.below(2) === 0) member.flush(random);
    }
  }

  #transfer(): void {
    const { random, members } = this.#simulation;
    this.#victim().raft?.transferLeader(BigInt(1 + random.below(members.size)));
  }

  #unreachable(): void {
    const { random, members } = this.#simulation;
    this.#victim().raft?.reportUnreachable(BigInt(1 + random.below(members.size)));
  }

  #changeConf(): void {
    const { random, members } = this.#simulation;
    const nodeId = BigInt(1 + random.below(members.size));
    const type = CHANGES[random.below(CHANGES.length)] ?? ConfChangeType.UPDATE_NODE;
    this.#victim().raft?.proposeConfChange(encodeConfChange({ type, nodeId }));
  }
}
