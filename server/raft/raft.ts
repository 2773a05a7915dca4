// Raft as a function: events in, a Ready out. No clock, disk, socket, promise or chance inside.
//
//    tick  step  propose  readIndex  transferLeader        appended  applied
//      │     │      │         │            │                  ▲         ▲
//      ▼     ▼      ▼         ▼            ▼                  │         │
//   ┌──────────────────────────────────────────────┐   ┌──────┴─────────┴──────┐
//   │ role: follower │ candidate │ leader          │──►│ ready(): messages,    │
//   │ core: term, vote, leader, log, configuration │   │ append, committed, …  │
//   └──────────────────────────────────────────────┘   └───────────────────────┘
//
// A role handles an event and may demand to be replaced (Transition); only this file replaces it.
// What every role does alike is here: judging terms and votes, and the Ready.
//
// Durability. One append is in flight to disk at a time; appended() says that it is there. What
// others may rely on (votes, acknowledgements, and anything said in a term that the disk does not
// hold yet) waits in `promises` and leaves with the append that covers it. A leader's appends leave
// at once: its followers write while its own disk does. Its own acknowledgement and a candidate's
// own vote count only in appended().
//
// The commit index alone never causes a write: it rides on the next append, or on the first Ready
// after a tick. Losing it costs nothing, the next leader tells it again.

import { assert } from "../base/assert.ts";
import { Candidate } from "./candidate.ts";
import { Core, type Transition } from "./core.ts";
import { type ConfChange, type ConfState, EntryType, type HardState } from "./entry.ts";
import { answerVote, Follower, isDisturbance, leaseTicks, voteRequestIn } from "./follower.ts";
import { checkBasic, checkDelta, type Summary, summarize } from "./invariants.ts";
import { Leader } from "./leader.ts";
import { type Message, MessageType } from "./message.ts";
import { isPlausible } from "./plausible.ts";
import type { Append, RaftConfig, RaftStart, RaftStatus, Ready } from "./ready.ts";

type Role = Follower | Candidate | Leader;

export class Raft {
  readonly #core: Core;
  #role: Role;
  /** What the last append told the disk. */
  #written: HardState;
  #isCommitDue = false;
  /** As of the last Ready. */
  #summary: Summary;

  constructor(config: RaftConfig, start: RaftStart) {
    assert(config.id > 0n, "a member has an id");
    this.#core = new Core(config, start);
    this.#role = new Follower(this.#core);
    this.#written = start.hardState;
    this.#summary = this.summary();
  }

  /** Time passes: one heartbeat interval of the configuration's unit. */
  tick(): void {
    this.#isCommitDue = true;
    this.#become(this.#role.tick());
  }

  /** A message from a peer. What no honest member of the cluster would send is dropped. */
  step(message: Message): void {
    const core = this.#core;
    if (!isPlausible(message, core.id, core.term)) {
      core.drop();
      return;
    }
    if (isAnswer(message.type) && !core.isMember(message.from)) return;
    if (!this.#acceptTerm(message)) return;
    if (message.type === MessageType.VOTE || message.type === MessageType.PRE_VOTE) {
      answerVote(core, message);
    } else {
      this.#become(this.#role.step(message));
    }
  }

  /** False: not taken (no leader is known, or it is handing over). True promises nothing. */
  propose(data: readonly Buffer[]): boolean {
    return this.#propose(EntryType.NORMAL, data);
  }

  /** As propose. While another change is not applied the leader logs an empty entry instead. */
  proposeConfChange(data: Buffer): boolean {
    return this.#propose(EntryType.CONF_CHANGE, [data]);
  }

  #propose(type: EntryType, data: readonly Buffer[]): boolean {
    if (this.#role instanceof Candidate || data.length === 0) return false;
    return this.#role.propose(type, data);
  }

  /**
   * Asks for a read index; it comes as a ReadState with the same context, or never: ask again, with
   * another context. False: no leader is known, or too many wait.
   */
  readIndex(context: Buffer): boolean {
    return this.#role instanceof Candidate ? false : this.#role.readIndex(context);
  }

  /** False: `to` is no voter here, or no leader is known. */
  transferLeader(to: bigint): boolean {
    return this.#role instanceof Candidate ? false : this.#role.transferLeader(to);
  }

  /** Campaigns without waiting for silence. */
  campaign(): void {
    if (this.#role instanceof Leader || !this.#core.mayCampaign) return;
    this.#become({ to: "campaign", kind: this.#core.config.preVote ? "preVote" : "election" });
  }

  /** The transport could not deliver to `id`. */
  reportUnreachable(id: bigint): void {
    if (this.#role instanceof Leader) this.#role.unreachable(id);
  }

  /** The outcome of a SNAPSHOT message; owed for every one that ready() handed out. */
  reportSnapshot(id: bigint, delivered: boolean): void {
    if (this.#role instanceof Leader) this.#role.snapshotEnded(id, delivered);
  }

  get term(): number {
    return this.#core.term;
  }

  /** 0n: unknown. */
  get leader(): bigint {
    return this.#core.leader;
  }

  get isLeader(): boolean {
    return this.#role instanceof Leader;
  }

  get commit(): number {
    return this.#core.log.committed;
  }

  get lastIndex(): number {
    return this.#core.log.lastIndex;
  }

  get confState(): ConfState {
    return this.#core.confState;
  }

  /** The term of a log entry; undefined outside of [firstIndex − 1, lastIndex]. */
  termAt(index: number): number | undefined {
    return this.#core.log.term(index);
  }

  /** Whether the snapshot of this index will be installed, or is being installed. */
  awaitsSnapshot(index: number): boolean {
    return this.#core.log.awaits(index);
  }

  get hasReady(): boolean {
    const core = this.#core;
    if (core.messages.length > 0 || core.readStates.length > 0 || core.log.hasCommitted)
      return true;
    if (this.#role instanceof Leader && this.#role.hasNews) return true;
    return !core.log.isWriting && (this.#mustWrite || core.promises.length > 0);
  }

  get #mustWrite(): boolean {
    return this.#core.log.hasUnstable || this.#isVoteUnwritten || this.#isCommitUnwritten;
  }

  get #isVoteUnwritten(): boolean {
    const { term, vote } = this.#core;
    return term !== this.#written.term || vote !== this.#written.vote;
  }

  get #isCommitUnwritten(): boolean {
    return this.#isCommitDue && this.#durableCommit > this.#written.commit;
  }

  /** Never beyond what the disk holds, so that no torn write leaves a commit without its entry. */
  get #durableCommit(): number {
    const { log } = this.#core;
    return Math.min(log.committed, log.stable);
  }

  ready(): Ready {
    const core = this.#core;
    if (this.#role instanceof Leader) this.#role.flush();
    this.#check();
    const append = core.log.isWriting ? undefined : this.#nextAppend();
    const { messages, readStates } = core;
    core.messages = [];
    core.readStates = [];
    const rest = { messages, committed: core.log.takeCommitted(), readStates };
    return append === undefined ? rest : { ...rest, append };
  }

  /** Undefined when nothing has to be written; then promises have nothing to wait for. */
  #nextAppend(): Append | undefined {
    const core = this.#core;
    const mustSync = core.log.hasUnstable || this.#isVoteUnwritten;
    const { promises } = core;
    core.promises = [];
    if (!mustSync) for (const promise of promises) core.messages.push(promise);
    if (!mustSync && !this.#isCommitUnwritten) return;
    const { entries, snapshot } = core.log.beginWrite();
    const hardState = { term: core.term, vote: core.vote, commit: this.#durableCommit };
    const isNew = this.#isVoteUnwritten || hardState.commit > this.#written.commit;
    this.#written = hardState;
    this.#isCommitDue = false;
    return {
      ...(isNew && { hardState }),
      ...(snapshot !== undefined && { snapshot }),
      entries,
      messages: mustSync ? promises : [],
      mustSync,
    };
  }

  /** The append handed out by the last Ready that had one is durable, its snapshot installed. */
  appended(): void {
    const core = this.#core;
    core.log.endWrite();
    core.durableTerm = this.#written.term;
    core.durableVote = this.#written.vote;
    if (!(this.#role instanceof Follower)) this.#become(this.#role.durable());
  }

  /** The state machine has applied everything through `index`; told before the next ready(). */
  applied(index: number): void {
    this.#core.log.appliedTo(index);
  }

  /**
   * To be called when a CONF_CHANGE entry is applied, refused ones (nodeId 0n) included. What is
   * applied while a snapshot waits lies before it: the snapshot's configuration, which holds here
   * from its arrival on, contains the change already.
   */
  applyConfChange(change: ConfChange): void {
    if (this.#core.log.pendingSnapshot !== undefined) return;
    this.#core.changeConf(change);
    if (this.#role instanceof Leader) this.#role.confChanged();
  }

  /**
   * Forgets entries through `index`, which a durable state machine holds, but for the last of them:
   * as many, and of as many bytes, as are told.
   */
  compact(index: number, entriesKept = 0, bytesKept = Infinity): void {
    const { log } = this.#core;
    log.compact(log.forgettable(index, entriesKept, bytesKept));
  }

  status(): RaftStatus {
    const core = this.#core;
    const leader = this.#role instanceof Leader ? this.#role : undefined;
    return {
      id: core.id,
      role: this.#role.name,
      term: core.term,
      vote: core.vote,
      leader: core.leader,
      commit: core.log.committed,
      applied: core.log.applied,
      firstIndex: core.log.firstIndex,
      lastIndex: core.log.lastIndex,
      confState: core.confState,
      progress: leader?.status() ?? [],
      leadTransferee: leader?.transferee ?? 0n,
      droppedMessages: core.droppedMessages,
    };
  }

  /** For invariants; see checkDelta. */
  summary(): Summary {
    return summarize(this.#core, this.#role.name);
  }

  #check(): void {
    checkBasic(this.#core, this.#role.name);
    const summary = this.summary();
    checkDelta(this.#summary, summary);
    this.#summary = summary;
  }

  /** May the message be handled? Moves to its term, and to its sender as leader, when it must. */
  #acceptTerm(message: Message): boolean {
    const core = this.#core;
    const { type } = message;
    if (type === MessageType.PROPOSAL || type === MessageType.READ_INDEX) return true;
    if (message.term < core.term) {
      this.#answerOutdated(message);
      return false;
    }
    if (message.term === core.term) return !isFromLeader(type) || this.#acceptLeader(message);
    if (type === MessageType.VOTE || type === MessageType.PRE_VOTE) {
      if (isDisturbance(core, message)) {
        core.config.observer?.ignores(core, voteRequestIn(message), leaseTicks(core));
        return false;
      }
    }
    const isHypothetical =
      type === MessageType.PRE_VOTE || (type === MessageType.PRE_VOTE_RESPONSE && !message.reject);
    if (!isHypothetical) {
      core.config.observer?.heardOfTerm(core.term, message);
      this.#becomeFollower(message.term, isFromLeader(type) ? message.from : 0n);
    }
    return true;
  }

  /** One leader per term: the first one heard, or this member. */
  #acceptLeader(message: Message): boolean {
    const core = this.#core;
    if (!core.mayLead(message.from)) {
      core.drop();
      return false;
    }
    if (this.#role instanceof Candidate) this.#becomeFollower(core.term, message.from);
    return true;
  }

  /** Tells a member that leads or campaigns in the past what term it is, so that it catches up. */
  #answerOutdated({ type, from: to }: Message): void {
    if (type === MessageType.APPEND || type === MessageType.HEARTBEAT) {
      this.#core.send({ type: MessageType.APPEND_RESPONSE, to });
    } else if (type === MessageType.PRE_VOTE) {
      this.#core.send({ type: MessageType.PRE_VOTE_RESPONSE, to, reject: true });
    }
  }

  #become(transition: Transition | undefined): void {
    let next = transition;
    if (next === undefined) return;
    const { observer } = this.#core.config;
    while (next !== undefined) {
      switch (next.to) {
        case "follower":
          if (this.#role instanceof Leader) observer?.lostQuorum();
          next = this.#becomeFollower(this.#core.term, next.leader);
          break;
        case "leader":
          this.#role = new Leader(this.#core);
          observer?.became("leader", this.#core.term);
          next = undefined;
          break;
        case "campaign":
          if (!this.#core.mayCampaign) return;
          // A pre-candidate that goes on starts no other election.
          if (!(this.#role.name === "preCandidate" && next.kind === "election")) {
            observer?.campaigns(this.#core, next.kind === "transfer");
          }
          this.#role = new Candidate(this.#core, next.kind === "preVote");
          next = this.#role.begin(next.kind === "transfer");
          break;
      }
    }
  }

  #becomeFollower(term: number, leader: bigint): undefined {
    const core = this.#core;
    core.enterTerm(term);
    core.leader = leader;
    // A candidate that cannot win must not keep those who could from their turn: only a leader, or
    // a vote that is given, starts the silence anew.
    if (leader !== 0n || this.#role instanceof Leader) core.electionElapsed = 0;
    core.drawElectionTimeout();
    this.#role = new Follower(core);
    core.config.observer?.became("follower", term);
  }
}

function isAnswer(type: MessageType): boolean {
  return (
    type === MessageType.APPEND_RESPONSE ||
    type === MessageType.VOTE_RESPONSE ||
    type === MessageType.HEARTBEAT_RESPONSE ||
    type === MessageType.PRE_VOTE_RESPONSE ||
    type === MessageType.READ_INDEX_RESPONSE
  );
}

function isFromLeader(type: MessageType): boolean {
  return (
    type === MessageType.APPEND || type === MessageType.HEARTBEAT || type === MessageType.SNAPSHOT
  );
}
