// The leader of a term. Events only change what it knows: its log, each follower's progress, who
// waits for what. flush(), once per Ready, compares what each follower has with what there is and
// sends the difference. So everything that happened between two Readys goes out as one append per
// follower, however many proposals, acknowledgements and commits there were.

import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Core, Transition } from "./core.ts";
import { EntryType } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";
import { Progress } from "./progress.ts";
import { quorumIndex } from "./quorum.ts";
import { type ReadAnswer, type ReadQuestion, ReadRequests } from "./read-index.ts";
import type { ProgressStatus } from "./ready.ts";

export class Leader {
  readonly name = "leader" as const;
  readonly #core: Core;
  readonly #reads = new ReadRequests();
  readonly #progress = new Map<bigint, Progress>();
  /** The same, by ascending id: everything that is sent is sent in this order. */
  #followers: readonly Progress[] = [];
  readonly #scratch: number[] = [];
  #heartbeatElapsed = 0;
  #transferee = 0n;
  /** The newest conf change of the log may lie here; the next one waits until it is applied. */
  #confIndex: number;
  #hasCommittedInTerm = false;
  #hasNews = true;

  constructor(core: Core) {
    this.#core = core;
    this.#confIndex = core.log.lastIndex;
    core.leader = core.id;
    core.electionElapsed = 0;
    for (const id of core.peers) this.#admit(id, core.log.lastIndex + 1);
    this.#arrange();
    this.#push(EntryType.NORMAL, EMPTY_BYTES);
  }

  get transferee(): bigint {
    return this.#transferee;
  }

  /** May flush() have something to say? */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  tick(): Transition | undefined {
    const core = this.#core;
    core.electionElapsed++;
    if (core.electionElapsed >= core.config.electionTicks) {
      core.electionElapsed = 0;
      this.#transferee = 0n;
      if (!this.#isQuorumActive()) return { to: "follower", leader: 0n };
    }
    this.#heartbeatElapsed++;
    if (this.#heartbeatElapsed >= core.config.heartbeatTicks) {
      this.#heartbeatElapsed = 0;
      this.#sendHeartbeats();
    }
    return;
  }

  step(message: Message): Transition | undefined {
    switch (message.type) {
      case MessageType.APPEND_RESPONSE:
        this.#appendAnswered(message);
        return;
      case MessageType.HEARTBEAT_RESPONSE:
        this.#heartbeatAnswered(message);
        return;
      case MessageType.PROPOSAL:
        for (const entry of message.entries) this.propose(entry.type, [entry.data]);
        return;
      case MessageType.READ_INDEX:
        this.#ask({ from: message.from, entries: message.entries });
        return;
      case MessageType.TRANSFER_LEADER:
        this.transferLeader(message.from);
        return;
      default:
        return;
    }
  }

  propose(type: EntryType, data: readonly Buffer[]): boolean {
    const core = this.#core;
    if (this.#transferee !== 0n || !core.isMember(core.id)) return false;
    for (const bytes of data) {
      if (type === EntryType.NORMAL) {
        this.#push(type, bytes);
      } else if (this.#confIndex > core.log.applied) {
        this.#push(EntryType.NORMAL, EMPTY_BYTES);
      } else {
        this.#push(type, bytes);
        this.#confIndex = core.log.lastIndex;
      }
    }
    return true;
  }

  #push(type: EntryType, data: Buffer): void {
    const { log, term } = this.#core;
    log.push({ type, term, index: log.lastIndex + 1, data });
    this.#hasNews = true;
  }

  readIndex(context: Buffer): boolean {
    const question = { type: EntryType.NORMAL, term: 0, index: 0, data: context };
    return this.#ask({ from: this.#core.id, entries: [question] });
  }

  #ask(question: ReadQuestion): boolean {
    const { confState, id, log } = this.#core;
    if (!this.#hasCommittedInTerm) return this.#reads.postpone(question);
    if (confState.voters.length === 1 && confState.voters[0] === id) {
      this.#answer({ ...question, index: log.committed });
      return true;
    }
    this.#hasNews = true;
    return this.#reads.ask(question, log.committed);
  }

  #answer({ from, entries, index }: ReadAnswer): void {
    const core = this.#core;
    if (from === core.id) {
      core.readStates.push({ index, context: entries[0]?.data ?? EMPTY_BYTES });
    } else {
      core.send({ type: MessageType.READ_INDEX_RESPONSE, to: from, index, entries });
    }
  }

  /** Proposals are refused from now on, for one election timeout at most. */
  transferLeader(to: bigint): boolean {
    const core = this.#core;
    const progress = this.#progress.get(to);
    if (progress === undefined || progress.isLearner) return false;
    if (this.#transferee === to) return true;
    this.#transferee = to;
    core.electionElapsed = 0;
    this.#handOver(progress);
    return true;
  }

  #handOver(progress: Progress): void {
    const core = this.#core;
    if (progress.id !== this.#transferee || progress.match !== core.log.lastIndex) return;
    core.send({ type: MessageType.TIMEOUT_NOW, to: progress.id });
  }

  #appendAnswered(message: Message): void {
    const { log } = this.#core;
    const progress = this.#progress.get(message.from);
    if (progress === undefined) return;
    if (!message.reject && message.index > log.lastIndex) {
      this.#core.drop();
      return;
    }
    progress.recentActive = true;
    if (message.reject) {
      const hint =
        message.logTerm > 0
          ? log.lastPositionWithin(message.rejectHint, message.logTerm).index
          : message.rejectHint;
      progress.refused(message.index, hint);
    } else if (progress.acknowledged(message.index, log.firstIndex)) {
      if (progress.match > log.committed) this.#advanceCommit();
      this.#handOver(progress);
    }
    this.#notice(progress);
  }

  #notice(progress: Progress): void {
    const { log } = this.#core;
    if (progress.wants(log.lastIndex, log.committed)) this.#hasNews = true;
  }

  #heartbeatAnswered(message: Message): void {
    const progress = this.#progress.get(message.from);
    if (progress === undefined) return;
    progress.heartbeatAnswered(this.#core.log.lastIndex);
    this.#notice(progress);
    if (message.context.length > 0 && this.#reads.confirm(message.from, message.context)) {
      this.#releaseReads();
    }
  }

  #releaseReads(): void {
    const confirmed = this.#ofVoters(
      (progress) => this.#reads.confirmedBy(progress.id),
      this.#reads.newest,
    );
    for (const answer of this.#reads.release(quorumIndex(confirmed))) this.#answer(answer);
  }

  /** Only an entry of the own term is committed by counting; it commits all before it. */
  #advanceCommit(): void {
    const { log, term } = this.#core;
    const index = quorumIndex(this.#ofVoters((progress) => progress.match, log.stable));
    if (index <= log.committed || log.term(index) !== term) return;
    log.commitTo(index);
    this.#hasNews = true;
    if (this.#hasCommittedInTerm) return;
    this.#hasCommittedInTerm = true;
    for (const question of this.#reads.takePostponed()) this.#ask(question);
  }

  /** One number per voter; this member's own counts only while it votes. */
  #ofVoters(numberOf: (progress: Progress) => number, own: number): number[] {
    const { confState, id } = this.#core;
    this.#scratch.length = 0;
    for (const voter of confState.voters) {
      const progress = this.#progress.get(voter);
      if (voter === id) this.#scratch.push(own);
      else this.#scratch.push(progress === undefined ? 0 : numberOf(progress));
    }
    return this.#scratch;
  }

  #isQuorumActive(): boolean {
    const active = this.#ofVoters((progress) => (progress.recentActive ? 1 : 0), 1);
    const isActive = quorumIndex(active) === 1;
    for (const progress of this.#followers) progress.recentActive = false;
    return isActive;
  }

  /** Our own disk has made progress. */
  durable(): Transition | undefined {
    this.#advanceCommit();
    return;
  }

  /** The configuration has changed under us. */
  confChanged(): void {
    const core = this.#core;
    const peers = core.peers;
    for (const id of this.#progress.keys()) {
      if (!peers.includes(id)) this.#progress.delete(id);
    }
    for (const id of peers) {
      const known = this.#progress.get(id);
      if (known !== undefined) known.isLearner = core.confState.learners.includes(id);
      else this.#admit(id, core.log.lastIndex).recentActive = true;
    }
    this.#arrange();
    if (!core.confState.voters.includes(this.#transferee)) this.#transferee = 0n;
    this.#advanceCommit();
    this.#releaseReads();
    for (const progress of this.#followers) this.#notice(progress);
  }

  #admit(id: bigint, next: number): Progress {
    const isLearner = this.#core.confState.learners.includes(id);
    const window = this.#core.config.inflightAppendsMax;
    const progress = new Progress(id, isLearner, next, window);
    this.#progress.set(id, progress);
    return progress;
  }

  #arrange(): void {
    this.#followers = this.#core.peers.flatMap((id) => this.#progress.get(id) ?? []);
  }

  unreachable(id: bigint): void {
    const progress = this.#progress.get(id);
    if (progress === undefined) return;
    progress.unreachable();
    this.#notice(progress);
  }

  snapshotEnded(id: bigint, delivered: boolean): void {
    const progress = this.#progress.get(id);
    if (progress === undefined) return;
    progress.snapshotEnded(delivered);
    this.#notice(progress);
  }

  /** Sends every follower what it lacks and can take. */
  flush(): void {
    const { log } = this.#core;
    for (const progress of this.#followers) {
      while (progress.wants(log.lastIndex, log.committed) && this.#sendNext(progress));
    }
    if (this.#reads.isUnannounced) this.#sendHeartbeats();
    this.#hasNews = false;
  }

  /** False when nothing can be sent to it now. */
  #sendNext(progress: Progress): boolean {
    const core = this.#core;
    const { log } = core;
    const index = progress.next - 1;
    const logTerm = log.term(index);
    if (logTerm === undefined) return this.#sendSnapshot(progress);
    const entries = progress.hasRoom ? log.slice(progress.next, core.config.appendBytesMax) : [];
    core.send({
      type: MessageType.APPEND,
      to: progress.id,
      logTerm,
      index,
      entries,
      commit: log.committed,
    });
    progress.sent(entries.length, log.committed);
    return true;
  }

  #sendSnapshot(progress: Progress): boolean {
    const core = this.#core;
    const index = core.log.applied;
    const term = core.log.term(index);
    if (!progress.recentActive || term === undefined) return false;
    const snapshot = { index, term, confState: core.confState };
    core.send({ type: MessageType.SNAPSHOT, to: progress.id, snapshot });
    progress.becomeSnapshot(index);
    return true;
  }

  #sendHeartbeats(): void {
    const core = this.#core;
    const context = this.#reads.announce();
    for (const progress of this.#followers) {
      const commit = Math.min(progress.match, core.log.committed);
      core.send({ type: MessageType.HEARTBEAT, to: progress.id, commit, context });
    }
  }

  status(): ProgressStatus[] {
    const { id, log } = this.#core;
    const own: ProgressStatus = {
      id,
      isLearner: false,
      match: log.stable,
      next: log.lastIndex + 1,
      state: "replicate",
      recentActive: true,
    };
    const all = [own, ...this.#followers.map((progress) => progress.status())];
    return all.sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
