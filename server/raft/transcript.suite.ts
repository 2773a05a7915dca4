// Plays a script against real members and writes down what they do.
//
//   # what this part shows                    comment, kept
//   > propose 1 apple                         command
//   1 ready                                   what happened, up to the next comment, command or gap
//     send 1→2 APPEND term 2 …
//
// Commands (members are small numbers):
//   start <ids…> [voters=…] [learners=…] [log=t,t,…] [commit=n] [term=n] [vote=id] [prevote=no]
//                [window=n] [bytes=n] [draw=n]     members with this configuration and log
//   campaign <id>   tick <id> [n]   propose <id> <texts…>   read <id> <context>
//   change <id> add|learn|remove|update <member>   transfer <id> <to>   compact <id> <index>
//   ready <id>            take and carry out one Ready; its append stays in flight
//   written <id>          the append in flight is durable
//   deliver <to> [from=id] [type=NAME] [first=n]   drop …   (n of the messages that fit)
//   settle [ids…]         ready, written and deliver until these members are quiet
//   unreachable <id> <peer>   snapshot <id> <peer> arrived|failed   restart <id>
//   hold <id>             committed entries are no longer applied here; release <id> undoes it
//   status <id>   log <id>   waiting
// `quietly` before a command hides what it does.

import { assert, must } from "../base/assert.ts";
import type { Random } from "../base/random.ts";
import { type ConfChange, ConfChangeType, type Entry, EntryType } from "./entry.ts";
import { checkDelta } from "./invariants.ts";
import type { Message } from "./message.ts";
import { Raft } from "./raft.ts";
import type { Append, RaftConfig, RaftStart } from "./ready.ts";
import { describe, describeReady, TYPE_NAMES } from "./transcript-lines.suite.ts";

const SETTLE_ROUNDS_MAX = 100;
const CHANGES: Readonly<Record<string, ConfChangeType>> = {
  add: ConfChangeType.ADD_NODE,
  remove: ConfChangeType.REMOVE_NODE,
  update: ConfChangeType.UPDATE_NODE,
  learn: ConfChangeType.ADD_LEARNER_NODE,
};

/** The draw that a script wants. */
class ScriptedRandom implements Random {
  draw = 0;

  below(): number {
    return this.draw;
  }

  uint64(): bigint {
    throw new Error("raft draws nothing but timeouts");
  }

  bytes(): Buffer {
    throw new Error("raft draws nothing but timeouts");
  }
}

interface Member {
  raft: Raft;
  readonly config: RaftConfig;
  writing: Append | undefined;
  isHeld: boolean;
  committed: Entry[];
  disk: { start: RaftStart; entries: Entry[] };
}

interface Command {
  readonly name: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/** The script with every output replaced by what happens now. */
export function play(script: string): string {
  const stage = new Stage();
  const result: string[] = [];
  let isOutput = false;
  for (const line of script.trimEnd().split("\n")) {
    if (line.startsWith(">")) {
      result.push(line, ...stage.run(line.slice(1).trim()));
      isOutput = true;
    } else if (line === "" || line.startsWith("#")) {
      result.push(line);
      isOutput = false;
    } else {
      assert(isOutput, `neither comment nor command nor output: ${line}`);
    }
  }
  return `${result.join("\n")}\n`;
}

class Stage {
  readonly #members = new Map<bigint, Member>();
  #network: Message[] = [];
  #output: string[] = [];

  run(text: string): string[] {
    this.#output = [];
    const isQuiet = text.startsWith("quietly ");
    const command = parse(isQuiet ? text.slice("quietly ".length) : text);
    this.#execute(command);
    return isQuiet ? [] : this.#output;
  }

  #execute(command: Command): void {
    const { name, words } = command;
    if (name === "start") return this.#start(command);
    if (name === "settle") return this.#settle(words.map(BigInt));
    if (name === "waiting") return this.#say(...this.#network.map(describe));
    const id = BigInt(must(words[0], `${name} needs a member`));
    const rest = words.slice(1);
    if (name === "deliver" || name === "drop") return this.#route(command, id);
    if (name === "status") return this.#status(id);
    if (name === "log") return this.#log(id);
    this.#observed(id, () => this.#act(name, id, rest));
  }

  #act(name: string, id: bigint, rest: readonly string[]): void {
    const member = this.#member(id);
    const { raft } = member;
    const first = rest[0] ?? "";
    switch (name) {
      case "campaign":
        return raft.campaign();
      case "tick":
        for (let i = Number(rest[0] ?? 1); i > 0; i--) raft.tick();
        return;
      case "propose":
        return this.#accepted(raft.propose(rest.map((text) => Buffer.from(text))));
      case "change":
        return this.#accepted(raft.proposeConfChange(Buffer.from(rest.join(" "))));
      case "read":
        return this.#accepted(raft.readIndex(Buffer.from(first)));
      case "transfer":
        return this.#accepted(raft.transferLeader(BigInt(first)));
      case "compact":
        return raft.compact(Number(first));
      case "unreachable":
        return raft.reportUnreachable(BigInt(first));
      case "snapshot":
        return raft.reportSnapshot(BigInt(first), rest[1] === "arrived");
      case "hold":
        member.isHeld = true;
        return;
      case "release":
        member.isHeld = false;
        return this.#apply(member);
      case "ready":
        return this.#ready(id);
      case "written":
        return this.#written(id);
      case "restart":
        return this.#restart(member);
      default:
        throw new Error(`no such command: ${name}`);
    }
  }

  #accepted(isAccepted: boolean): void {
    if (!isAccepted) this.#say("refused");
  }

  #start({ words, options }: Command): void {
    const ids = words.map(BigInt);
    const list = (name: string) => options.get(name)?.split(",").filter(Boolean).map(BigInt);
    const confState = { voters: list("voters") ?? ids, learners: list("learners") ?? [] };
    const number = (name: string, otherwise: number) => Number(options.get(name) ?? otherwise);
    const terms = options.get("log")?.split(",").filter(Boolean).map(Number) ?? [];
    const entries = terms.map((term, at) => {
      return { type: EntryType.NORMAL, term, index: at + 1, data: Buffer.alloc(0) };
    });
    for (const id of ids) {
      const random = new ScriptedRandom();
      random.draw = number("draw", 0);
      const config: RaftConfig = {
        id,
        electionTicks: 10,
        heartbeatTicks: 1,
        preVote: options.get("prevote") !== "no",
        appendBytesMax: number("bytes", 1024 * 1024),
        inflightAppendsMax: number("window", 512),
        random,
      };
      const start: RaftStart = {
        hardState: {
          term: number("term", terms.at(-1) ?? 0),
          vote: list("vote")?.[0] ?? 0n,
          commit: number("commit", 0),
        },
        snapshot: { index: 0, term: 0, confState },
        entries,
        applied: 0,
        confState,
      };
      const raft = new Raft(config, start);
      const disk = { start, entries: [...entries] };
      const member = { raft, config, writing: undefined, isHeld: false, committed: [], disk };
      this.#members.set(id, member);
    }
  }

  /** As after a crash: the append in flight is gone, and so is what the transport held. */
  #restart(member: Member): void {
    const { start, entries } = member.disk;
    member.raft = new Raft(member.config, { ...start, entries });
    member.writing = undefined;
    member.committed = [];
    this.#network = this.#network.filter((message) => message.from !== member.config.id);
  }

  #ready(id: bigint): void {
    const member = this.#member(id);
    const ready = member.raft.ready();
    this.#say(`${id} ready`, ...describeReady(ready).map((line) => `  ${line}`));
    this.#network.push(...ready.messages);
    member.committed.push(...ready.committed);
    this.#apply(member);
    if (ready.append !== undefined) member.writing = ready.append;
  }

  #apply(member: Member): void {
    if (member.isHeld) return;
    for (const entry of member.committed) {
      if (entry.type === EntryType.CONF_CHANGE) {
        member.raft.applyConfChange(parseChange(entry.data));
        const { voters, learners } = member.raft.confState;
        const listening = learners.length === 0 ? "" : `, learners ${learners.join(" ")}`;
        this.#say(`${member.config.id} applied the change: voters ${voters.join(" ")}${listening}`);
      }
      member.raft.applied(entry.index);
    }
    member.committed = [];
  }

  #written(id: bigint): void {
    const member = this.#member(id);
    const append = must(member.writing, "nothing is in flight to disk");
    member.writing = undefined;
    const { disk } = member;
    const { hardState, snapshot, entries } = append;
    const { confState } = member.raft;
    if (snapshot !== undefined) {
      disk.start = { ...disk.start, snapshot, applied: snapshot.index, confState };
      disk.entries = [];
    }
    const first = entries[0];
    if (first !== undefined) {
      disk.entries = disk.entries.filter((entry) => entry.index < first.index);
      disk.entries.push(...entries);
    }
    if (hardState !== undefined) disk.start = { ...disk.start, hardState };
    member.raft.appended();
    this.#network.push(...append.messages);
    this.#say(`${id} written`);
  }

  #route({ name, options }: Command, to: bigint): void {
    const from = options.get("from");
    const type = options.get("type");
    const isMeant = (message: Message) =>
      message.to === to &&
      (from === undefined || message.from === BigInt(from)) &&
      (type === undefined || TYPE_NAMES.get(message.type) === type);
    const count = Number(options.get("first") ?? this.#network.length);
    const meant = this.#network.filter(isMeant).slice(0, count);
    this.#network = this.#network.filter((message) => !meant.includes(message));
    for (const message of meant) {
      if (name === "drop") this.#say(`lost ${describe(message)}`);
      else this.#deliver(message);
    }
  }

  #deliver(message: Message): void {
    this.#observed(message.to, () => {
      this.#say(`${message.to} gets ${describe(message)}`);
      this.#members.get(message.to)?.raft.step(message);
    });
  }

  #settle(words: readonly bigint[]): void {
    const ids = words.length > 0 ? words : [...this.#members.keys()];
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      const isQuiet = ids.map((id) => this.#settleOnce(id)).every((isCalm) => isCalm);
      const arrived = this.#network.filter((message) => ids.includes(message.to));
      this.#network = this.#network.filter((message) => !ids.includes(message.to));
      for (const message of arrived) this.#deliver(message);
      if (isQuiet && arrived.length === 0) return;
    }
    throw new Error("the members do not come to rest");
  }

  #settleOnce(id: bigint): boolean {
    const member = this.#member(id);
    let isCalm = true;
    while (member.raft.hasReady || member.writing !== undefined) {
      isCalm = false;
      const isWriting = member.writing !== undefined;
      this.#observed(id, () => (isWriting ? this.#written(id) : this.#ready(id)));
    }
    return isCalm;
  }

  /** Says what changed in a member's standing, and holds it to the invariants. */
  #observed(id: bigint, act: () => void): void {
    const member = this.#members.get(id);
    const raft = member?.raft;
    const before = raft?.summary();
    act();
    if (raft === undefined || before === undefined || member?.raft !== raft) return;
    const after = raft.summary();
    checkDelta(before, after);
    const isSame =
      before.role === after.role && before.term === after.term && before.leader === after.leader;
    if (isSame) return;
    const led = after.leader === 0n || after.leader === id ? "" : ` under ${after.leader}`;
    this.#say(`${id} is ${after.role}${led} in term ${after.term}`);
  }

  #status(id: bigint): void {
    const { raft } = this.#member(id);
    const status = raft.status();
    const { role, term, vote, leader, commit, applied, firstIndex, lastIndex } = status;
    this.#say(
      `${id} ${role} term ${term} vote ${vote} leader ${leader} ` +
        `log ${firstIndex}..${lastIndex} commit ${commit} applied ${applied}`,
      ...status.progress.map((progress) => {
        const learner = progress.isLearner ? " learner" : "";
        const silent = progress.recentActive ? "" : " silent";
        const { match, next, state } = progress;
        return `  ${progress.id}: ${state} match ${match} next ${next}${learner}${silent}`;
      }),
    );
  }

  #log(id: bigint): void {
    const { raft } = this.#member(id);
    const { firstIndex, lastIndex, commit } = raft.status();
    const places: string[] = [];
    for (let index = firstIndex; index <= lastIndex; index++) {
      places.push(`${index}@${raft.termAt(index)}`);
    }
    this.#say(`${id} log ${places.join(" ") || "empty"}, commit ${commit}`);
  }

  #member(id: bigint): Member {
    return must(this.#members.get(id), `no member ${id}`);
  }

  #say(...lines: readonly string[]): void {
    this.#output.push(...lines);
  }
}

function parse(text: string): Command {
  const parts = text.split(/\s+/);
  const options = new Map<string, string>();
  const words: string[] = [];
  for (const part of parts.slice(1)) {
    const at = part.indexOf("=");
    if (at < 0) words.push(part);
    else options.set(part.slice(0, at), part.slice(at + 1));
  }
  return { name: parts[0] ?? "", words, options };
}

function parseChange(data: Buffer): ConfChange {
  const [verb, id] = data.toString().split(" ");
  const type = must(CHANGES[verb ?? ""], `no such change: ${verb}`);
  return { type, nodeId: BigInt(must(id, "a change names a member")) };
}
