// A cluster in one thread, driven by one seed: the real raft core with simulated disks, clocks and
// network. One queue holds everything that will happen; the seed decides what and when.
//
//   safety    for a number of events anything may fail that the seed switched on (swarm.ts);
//             after every event the oracle asserts what Raft promises
//   liveness  then nothing fails any more, and the cluster must elect, commit and answer within a
//             bounded time
//
// The same seed gives the same run, event by event, on every machine.

import { assert, must } from "../base/assert.ts";
import { SeededRandom } from "../base/random.ts";
import { type Entry, EntryType } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import type { ReadState } from "../raft/ready.ts";
import { Reader, Writer } from "./client.ts";
import { EventQueue } from "./event-queue.ts";
import { Nemesis } from "./nemesis.ts";
import { Oracle } from "./oracle.ts";
import { SimMember, type World } from "./sim-member.ts";
import { SimNetwork } from "./sim-network.ts";
import { drawSwarm, type Swarm, TICK_MS } from "./swarm.ts";
import {
  CLIENT_COUNT,
  encodeConfChange,
  type Operation,
  type WriteMachine,
} from "./write-machine.ts";

/** Events that are remembered to be told when something fails. */
const TRACE_MAX = 60;
/** Simulated time that a healthy cluster may take until everything works. */
const RECOVERY_MS_MAX = 120_000;
const RECOVERY_EVENTS_MAX = 100_000;
const WRITES_TO_RECOVER = 2;

type SimEvent = { readonly at: number } & (
  | {
      readonly kind: "tick" | "written" | "pump";
      readonly member: SimMember;
      readonly epoch: number;
    }
  | {
      readonly kind: "message";
      readonly member: SimMember;
      readonly message: Message;
      readonly database: WriteMachine | undefined;
    }
  | {
      readonly kind: "report";
      readonly member: SimMember;
      readonly to: bigint;
      readonly ok: boolean;
    }
  | { readonly kind: "start" | "retire"; readonly member: SimMember }
  | { readonly kind: "request" | "fault" | "reconnect" }
);

export class Simulation implements World {
  readonly random: SeededRandom;
  readonly swarm: Swarm;
  readonly network: SimNetwork;
  readonly oracle: Oracle;
  readonly members = new Map<bigint, SimMember>();
  readonly #queue = new EventQueue<SimEvent>();
  readonly #nemesis: Nemesis;
  readonly #writers: readonly Writer[];
  readonly #reader: Reader;
  readonly #trace: SimEvent[] = [];
  readonly #tickMs = new Map<bigint, number>();
  readonly #pausedUntil = new Map<bigint, number>();
  readonly #pumpsDue = new Set<SimMember>();
  #now = 0;
  #events = 0;
  #isHealthy = false;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.swarm = drawSwarm(this.random);
    this.network = new SimNetwork(this.random, this.swarm);
    this.oracle = new Oracle(this.members);
    this.#reader = new Reader(this.oracle);
    this.#writers = Array.from({ length: CLIENT_COUNT }, (_, client) => new Writer(client));
    this.#nemesis = new Nemesis(this);
    this.#found();
    this.schedule({ kind: "request", at: 1 });
    this.schedule({ kind: "fault", at: 1 });
  }

  get now(): number {
    return this.#now;
  }

  get events(): number {
    return this.#events;
  }

  /** Sums up the run: equal for equal seeds. */
  get fingerprint(): string {
    const hashes = [...this.members.values()].map((member) => member.machine.hash.toString(16));
    return [this.#events, this.#now, this.oracle.commitMax, ...hashes].join("-");
  }

  #found(): void {
    const { voters, spares } = this.swarm;
    const founders: Entry[] = [];
    for (let id = 1n; id <= voters + spares; id++) {
      const member = new SimMember(
        {
          id,
          electionTicks: this.swarm.electionTicks,
          heartbeatTicks: 1,
          preVote: this.swarm.preVote,
          appendBytesMax: this.swarm.appendBytesMax,
          inflightAppendsMax: this.swarm.inflightAppendsMax,
          random: this.random,
        },
        this,
      );
      this.members.set(id, member);
      this.#tickMs.set(id, this.swarm.hasSkew ? 50 + this.random.below(150) : TICK_MS);
      if (id > voters) continue;
      const data = encodeConfChange({ type: 0, nodeId: id });
      founders.push({ type: EntryType.CONF_CHANGE, term: 1, index: Number(id), data });
    }
    this.oracle.founded(founders);
    for (const member of this.members.values()) {
      if (member.id <= voters) member.bootstrap(founders);
      this.start(member);
    }
  }

  schedule(event: SimEvent): void {
    this.#queue.push(event);
  }

  after(delayMs: number): number {
    return this.#now + delayMs;
  }

  start(member: SimMember): void {
    if (member.raft !== undefined) return;
    member.start();
    this.oracle.afterEvent(member);
    const { epoch } = member;
    this.schedule({ kind: "tick", member, epoch, at: this.#now + this.random.below(TICK_MS) });
  }

  crash(member: SimMember): void {
    if (member.raft === undefined) return;
    this.#pumpsDue.delete(member);
    member.crash(this.random);
    this.oracle.crashed(member);
  }

  pause(member: SimMember, untilMs: number): void {
    this.#pausedUntil.set(member.id, untilMs);
  }

  /** Everything may fail for this many events; then the cluster must recover. */
  run(events: number): void {
    while (this.#events < events) this.#next();
    this.#recover();
  }

  #recover(): void {
    this.#isHealthy = true;
    this.network.heal();
    this.#pausedUntil.clear();
    for (const member of this.members.values()) this.start(member);
    const deadline = this.#now + RECOVERY_MS_MAX;
    const eventsMax = this.#events + RECOVERY_EVENTS_MAX;
    const goals = this.#writers.map((writer) => writer.acknowledged + WRITES_TO_RECOVER);
    const reads = this.#reader.answered + 1;
    const isDone = () =>
      this.#writers.every((writer, at) => writer.acknowledged >= (goals[at] as number)) &&
      this.#reader.answered >= reads &&
      this.#areLevel();
    while (!isDone()) {
      const isInTime = this.#now < deadline && this.#events < eventsMax;
      assert(isInTime, "a healthy cluster does not recover");
      this.#next();
    }
  }

  /** Has everyone whom the leader counts on applied what the leader committed? */
  #areLevel(): boolean {
    const leader = this.#leader();
    if (leader?.raft === undefined) return false;
    const { voters, learners } = leader.raft.confState;
    const { commit } = leader.raft;
    return [...voters, ...learners].every((id) => {
      const machine = must(this.members.get(id), "members are known").machine;
      return machine.applied >= commit - 1;
    });
  }

  #leader(): SimMember | undefined {
    let leader: SimMember | undefined;
    for (const member of this.members.values()) {
      const { raft } = member;
      if (raft?.isLeader && raft.term > (leader?.raft?.term ?? 0)) leader = member;
    }
    return leader;
  }

  #next(): void {
    const event = must(this.#queue.pop(), "clocks never stop");
    this.#now = Math.max(this.#now, event.at);
    if ("member" in event && this.#isPostponed(event, event.member)) return;
    this.#events++;
    this.#trace.push(event);
    if (this.#trace.length > 2 * TRACE_MAX) this.#trace.splice(0, TRACE_MAX);
    this.#happen(event);
  }

  #isPostponed(event: SimEvent, member: SimMember): boolean {
    const until = this.#pausedUntil.get(member.id);
    if (until === undefined || until <= this.#now) return false;
    this.schedule({ ...event, at: until });
    return true;
  }

  #happen(event: SimEvent): void {
    switch (event.kind) {
      case "tick":
      case "written":
      case "pump":
        if (event.epoch === event.member.epoch) this.#live(event);
        return;
      case "message":
        event.member.step(event.message, event.database);
        return this.#changed(event.member);
      case "report":
        event.member.raft?.reportSnapshot(event.to, event.ok);
        return this.#changed(event.member);
      case "start":
        return this.start(event.member);
      case "retire":
        return this.#retire(event.member);
      case "request":
        return this.#request();
      case "fault":
        if (!this.#isHealthy) this.#nemesis.strike();
        return;
      case "reconnect":
        return this.network.reconnect();
    }
  }

  #live(event: SimEvent & { kind: "tick" | "written" | "pump" }): void {
    const { member, epoch } = event;
    if (event.kind === "tick") {
      member.raft?.tick();
      const period = must(this.#tickMs.get(member.id), "every member has a clock");
      this.schedule({ kind: "tick", member, epoch, at: this.#now + period });
    } else if (event.kind === "written") {
      member.written();
    } else {
      this.#pumpsDue.delete(member);
      member.pump();
    }
    this.#changed(member);
  }

  /** A leader that the cluster has removed stops some time after it knows. */
  #retire(member: SimMember): void {
    if (!member.raft?.isLeader || this.#isCounted(member)) return;
    this.crash(member);
    this.schedule({ kind: "start", member, at: this.#now + TICK_MS });
  }

  #isCounted({ id, confState }: SimMember): boolean {
    return confState.voters.includes(id) || confState.learners.includes(id);
  }

  /** The member takes its Readys, now or, if it is lazy, when more has come together. */
  #changed(member: SimMember): void {
    if (member.raft === undefined) return;
    this.oracle.afterEvent(member);
    if (!this.swarm.isLazy || this.random.below(3) === 0) {
      member.pump();
    } else if (!this.#pumpsDue.has(member)) {
      this.#pumpsDue.add(member);
      const at = this.#now + 1 + this.random.below(20);
      this.schedule({ kind: "pump", member, epoch: member.epoch, at });
    }
    member.check();
    this.oracle.afterEvent(member);
  }

  #request(): void {
    const members = [...this.members.values()];
    for (const writer of this.#writers) {
      const asked = writer.turn(this.#now, members, this.random);
      if (asked !== undefined) this.#changed(asked);
    }
    if (this.swarm.hasReads || this.#isHealthy) {
      const member = members[this.random.below(members.length)] as SimMember;
      this.#reader.ask(member);
      this.#changed(member);
    }
    const at = this.#now + 1 + this.random.below(2 * this.swarm.requestMs);
    this.schedule({ kind: "request", at });
  }

  send(message: Message, database: WriteMachine | undefined): void {
    const sender = must(this.members.get(message.from), "senders are members");
    if (message.type !== MessageType.READ_INDEX && message.type !== MessageType.TRANSFER_LEADER) {
      this.oracle.sent(sender, message);
    }
    const member = this.members.get(message.to);
    if (member === undefined) return;
    const delays = this.network.delays(message);
    for (const delay of delays) {
      this.schedule({ kind: "message", member, message, database, at: this.#now + delay });
    }
    if (message.type !== MessageType.SNAPSHOT) return;
    const at = this.#now + (delays[0] ?? 0) + 1 + this.random.below(500);
    const ok = delays.length > 0;
    this.schedule({ kind: "report", member: sender, to: message.to, ok, at });
  }

  writing(member: SimMember, entries: readonly Entry[]): void {
    this.oracle.writing(member, entries);
    const delay = this.#isHealthy ? 1 : this.random.below(this.swarm.syncMsMax);
    const { epoch } = member;
    this.schedule({ kind: "written", member, epoch, at: this.#now + delay });
  }

  committed(member: SimMember, entry: Entry): void {
    this.oracle.committed(member, entry);
  }

  applied(member: SimMember, entry: Entry, operation: Operation | undefined): void {
    this.oracle.applied(member, entry);
    // The next entry may change the configuration that this commit was counted with.
    this.oracle.afterEvent(member);
    if (entry.type === EntryType.CONF_CHANGE && !this.#isCounted(member)) {
      this.schedule({ kind: "retire", member, at: this.#now + 10 * TICK_MS });
    }
    if (operation === undefined) return;
    for (const writer of this.#writers) writer.applied(member, operation);
  }

  read(_member: SimMember, state: ReadState): void {
    this.#reader.heard(state);
  }

  overwritten(member: SimMember, entry: Entry): void {
    this.oracle.overwritten(member, entry);
  }

  /** The last events, for a failure's report. */
  story(): string[] {
    return this.#trace.slice(-TRACE_MAX).map(describeEvent);
  }
}

function describeEvent(event: SimEvent): string {
  const head = `${event.at} ${event.kind}`;
  if (event.kind === "message") {
    const { type, from, to, term, index, logTerm, entries, commit, reject } = event.message;
    const name = Object.entries(MessageType).find(([, number]) => number === type)?.[0];
    const verdict = reject ? " no" : "";
    return (
      `${head} ${from}→${to} ${name}${verdict} term ${term} ${index}@${logTerm} ` +
      `+${entries.length} commit ${commit}`
    );
  }
  return "member" in event ? `${head} ${event.member.id}` : head;
}
