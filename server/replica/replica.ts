// The loop of a member. Everything that happens to it (messages, proposals, reads, ticks, a sync
// that ended) is only noted when it comes; once the event loop has read what was ready, one turn
// takes all of it together:
//
//   inbox ─────► raft.step ┐
//   proposals ─► raft.propose ├─► Ready ─┬─ messages ──► transport, at once
//   reads ─────► raft.readIndex ┘        ├─ append ────► wal ─► durable: then its messages
//                                        ├─ committed ─► applier ─► settle proposals, answer reads
//                                        └─ readStates ► reads
//
// So one turn is one batch: one sync of the log, one write per peer and connection, however many
// clients are behind it. On a quick disk the sync is over within the turn (see wal/sync-pace.ts), and
// what rests on it leaves at once. Otherwise the next batch gathers while one append is in flight.
//
// Invariants
// - What rests on an append (acknowledgements, votes, own commits) leaves after it is durable.
// - Entries are applied in order, once, and proposals settled in that order.
// - An I/O failure of log or engine stops the member before it can acknowledge anything more.
// - No turn works longer than TURN_MS; what is left waits for the next one.

import type { AppliedMark } from "../apply/applied-mark.ts";
import type { Applied } from "../apply/applier.ts";
import type { Outcome } from "../apply/outcome.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { finish, isSteps, type Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { type ConfChangeEntry, encodeConfChange } from "../proto/conf-codec.ts";
import { RequestIds } from "../proto/request-ids.ts";
import { type Entry, EntryType, type SnapshotMetadata } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import type { Append } from "../raft/ready.ts";
import { Backlog } from "./backlog.ts";
import { CommitNews } from "./commit-news.ts";
import { Inbox } from "./inbox.ts";
import { Leadership } from "./leadership.ts";
import { LogWriter } from "./log-writer.ts";
import { type ProposalRequest, Proposals, type ProposalTerms, settled } from "./proposals.ts";
import { type ReadCaller, Reads } from "./reads.ts";
import { figuresOf, type ReplicaParts, requestTimeoutMs } from "./replica-parts.ts";
import { Standstill } from "./standstill.ts";

/** Applying pauses after so many ms, so that heartbeats and clients get their turn. */
const TURN_MS = 10;
/** Bytes of entries kept in memory behind a marker, for followers that lag a little. */
const CATCHUP_BYTES_MAX = 32 * 1024 * 1024;

export class Replica {
  readonly leadership: Leadership;
  readonly #parts: ReplicaParts;
  readonly #raft: Raft;
  readonly #clock: Clock;
  readonly #ids: RequestIds;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  readonly #log: LogWriter;
  readonly #news: CommitNews;
  readonly #inbox: Inbox;
  readonly #standstill: Standstill;
  readonly #readIndex: (context: Buffer) => boolean;
  readonly #isAwaited = (id: bigint): boolean => this.#proposals.has(id);
  readonly #committed = new Backlog();
  #committedIndex: number;
  /** The rest of the first entry that is committed: it takes more than a turn. */
  #unfinished: Steps<Applied> | undefined;
  #isTurnDue = false;
  #isTickDue = false;
  /** A snapshot takes the place of the state: nothing is applied or read meanwhile. */
  #isInstalling = false;
  /** Entries up to here are only kept while a snapshot is on its way. */
  #forgettableIndex = 0;
  #isStopped = false;
  #cancelTicks: Cancel | undefined;

  constructor(parts: ReplicaParts) {
    const { raft, clock, timing, sink, memberId } = parts;
    this.#parts = parts;
    this.#raft = raft;
    this.#clock = clock;
    this.#ids = new RequestIds(memberId, clock.now());
    const timeoutMs = requestTimeoutMs(timing);
    this.#proposals = new Proposals(timeoutMs);
    this.#reads = new Reads(timeoutMs, () => this.#ids.next());
    this.#inbox = new Inbox(timeoutMs);
    this.#standstill = new Standstill(clock, timing.heartbeatMs);
    this.#news = new CommitNews(clock, (messages) => sink.send(messages));
    this.#log = new LogWriter(parts.wal, {
      install: (snapshot) => this.#install(snapshot),
      installed: () => parts.snapshots.logged(),
      appended: (append) => {
        this.#appended(append);
        this.#wake();
      },
      marked: (mark) => this.#marked(mark),
      failed: (error) => this.#fail(error),
    });
    this.#readIndex = (context) => raft.readIndex(context);
    this.#committedIndex = parts.state.applied.index;
    const voters = () => parts.state.applied.confState.voters;
    this.leadership = new Leadership({ memberId, clock, timing, sink, voters });
  }

  start(): void {
    const { heartbeatMs } = this.#parts.timing;
    this.#cancelTicks = this.#clock.every(heartbeatMs, () => {
      this.#isTickDue = true;
      this.#wake();
    });
    this.#wake();
  }

  /** Settles everything that waits, finishes the append in flight, then lets go of the log. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#halt();
    this.#proposals.failAll(new EtcdError("Stopped"));
    this.#reads.failAll(new EtcdError("Stopped"));
    if (this.#unfinished !== undefined) finish(this.#unfinished);
    this.#unfinished = undefined;
    await this.#log.settle();
    await this.#parts.checkpoints.stop();
    await this.#parts.wal.close();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get appliedIndex(): number {
    return this.#parts.state.applied.index;
  }

  /** The last entry known to be committed and durable here. */
  get committedIndex(): number {
    return this.#committedIndex;
  }

  get term(): number {
    return this.#raft.term;
  }

  get isLeader(): boolean {
    return this.leadership.isLeader;
  }

  get figures() {
    return figuresOf(this.#proposals, this.#reads);
  }

  status() {
    return this.#raft.status();
  }

  /** For an entry about to be proposed: its proposer waits under it. */
  nextId(): bigint {
    return this.#ids.next();
  }

  /**
   * Resolves with the outcome once the entry is applied here.
   * @param id from `nextId`, in the entry's header
   * @throws EtcdError TooManyRequests, Timeout and its kin, NotLeader, Canceled, Stopped
   */
  propose(id: bigint, data: Buffer, terms?: ProposalTerms): Promise<Outcome> {
    return settled((settle) => this.#add({ ...terms, id, data, kind: "normal", settle }));
  }

  /**
   * As `propose`, for paths where promises are what costs: `settle` is called once, as a rule at the
   * end of a turn.
   * @throws EtcdError TooManyRequests, Stopped; then `settle` is never called
   */
  submit({ id, data, settle, caller }: Omit<ProposalRequest, "kind" | "leaderOnly">): void {
    this.#add({ id, data, kind: "normal", settle, caller });
  }

  /** @throws EtcdError as `propose`, and what `Membership.validate` gives */
  async configure(change: ConfChangeEntry): Promise<Outcome> {
    const { id } = change;
    const data = encodeConfChange(change);
    return settled((settle) => this.#add({ id, data, kind: "confChange", settle }));
  }

  /**
   * Resolves when local state holds all that was acknowledged before. A caller waits for applying
   * as long as he likes. @throws EtcdError LeaderChanged, Timeout, TooManyRequests, Stopped
   */
  readBarrier(caller?: ReadCaller): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) throw new EtcdError("Stopped");
      this.#reads.add({ resolve, reject, caller });
      this.#wake();
    });
  }

  /** The disk has caught up: applying goes on. */
  roomMade(): void {
    this.#wake();
  }

  /** The state is durable up to here: the log on disk may begin behind it. */
  checkpointed(mark: AppliedMark): void {
    this.#log.mark(mark);
    this.#wake();
  }

  /** From a peer. Nothing is taken on the way to the log that nobody could apply. */
  step(message: Message): void {
    const isProposal = message.type === MessageType.PROPOSAL;
    if (isProposal && !this.#parts.applier.canPropose(message)) return;
    this.#inbox.push(message);
    this.#wake();
  }

  /** Runs at the next turn's start, where raft may be asked for something. */
  withRaft(ask: (raft: Raft) => void): void {
    if (this.#isStopped) return;
    ask(this.#raft);
    this.#wake();
  }

  #add(request: ProposalRequest): void {
    if (this.#isStopped) throw new EtcdError("Stopped");
    this.#proposals.add(request, this.#clock.monotonic());
    this.#wake();
  }

  #wake(): void {
    if (this.#isTurnDue || this.#isStopped) return;
    this.#isTurnDue = true;
    this.#clock.soon(() => this.#turn());
  }

  #turn(): void {
    if (this.#isStopped || this.#standstill.postpones(() => this.#turn())) return;
    this.#isTurnDue = false;
    const isTick = this.#isTickDue;
    this.#isTickDue = false;
    if (isTick) this.#forget();
    this.#inbox.drain(this.#raft, this.#clock.monotonic(), (message) => this.#news.heard(message));
    if (isTick) this.#raft.tick();
    this.#proposals.submit(this.#raft);
    this.#reads.submit(this.#readIndex, this.#clock.monotonic());
    this.#takeReady();
    this.#observeLeadership();
    if (!this.#isInstalling) this.#applyCommitted();
    // Applying may give raft more to say: a conf change, or reads that waited for the term's start.
    this.#takeReady();
    this.#log.writeMarker();
    if (isTick) this.#expire();
  }

  #expire(): void {
    const nowMs = this.#clock.monotonic();
    this.#proposals.expire(nowMs, (startedMs) => this.leadership.timeoutError(startedMs));
    this.#reads.expire(nowMs);
  }

  #takeReady(): void {
    while (this.#raft.hasReady) {
      const ready = this.#raft.ready();
      this.#send(ready.messages);
      this.#committed.push(ready.committed);
      const last = ready.committed.at(-1);
      if (last !== undefined) this.#committedIndex = last.index;
      for (const { index, context } of ready.readStates) this.#reads.confirm(index, context);
      const { append } = ready;
      if (append !== undefined && this.#log.append(append)) this.#appended(append);
    }
  }

  #send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.#parts.sink.send(this.#news.sift(this.#parts.snapshots.divert(messages)));
  }

  #appended(append: Append): void {
    this.#isInstalling = false;
    if (this.#isStopped) return;
    this.#raft.appended();
    this.#send(append.messages);
  }

  /** What was committed but not applied before is part of it. */
  async #install(snapshot: SnapshotMetadata): Promise<void> {
    const { checkpoints, compactor, snapshots, applier } = this.#parts;
    while (this.#unfinished !== undefined) {
      await new Promise<void>((resolve) => this.#clock.soon(resolve));
    }
    // After a restart the leader sends it again.
    if (this.#isStopped) throw new EtcdError("Stopped");
    this.#isInstalling = true;
    compactor.pause();
    await checkpoints.pause();
    await snapshots.install(snapshot);
    const { index } = snapshot;
    this.#committed.dropUpTo(index);
    this.#committedIndex = Math.max(this.#committedIndex, index);
    this.#log.forgetMarker();
    applier.restored();
    checkpoints.resume(index);
    compactor.resume();
  }

  #marked({ index }: AppliedMark): void {
    this.#forgettableIndex = index;
    this.#wake();
  }

  #forget(): void {
    if (this.#forgettableIndex === 0 || this.#parts.snapshots.needsLog) return;
    this.#raft.compact(this.#forgettableIndex, this.#parts.catchupEntries, CATCHUP_BYTES_MAX);
    this.#forgettableIndex = 0;
  }

  #applyCommitted(): void {
    const startedMs = this.#clock.monotonic();
    let count = 0;
    let bytes = 0;
    for (let entry = this.#toApply; entry !== undefined; entry = this.#toApply) {
      if (entry.type === EntryType.CONF_CHANGE) this.#applyConfChange(entry);
      else this.#applyNormal(entry);
      if (this.#unfinished === undefined) {
        this.#committed.shift();
        count++;
        bytes += entry.data.length;
      }
      // One entry may take ms without a pause, and a look takes far less than the shortest.
      if (this.#clock.monotonic() - startedMs > TURN_MS) break;
    }
    if (count > 0) {
      this.#raft.applied(this.appliedIndex);
      this.#parts.checkpoints.applied(bytes);
    }
    this.#reads.advance(this.appliedIndex);
    if (this.#toApply !== undefined) this.#wake();
  }

  /** The next entry, unless the disk has to catch up first: then `roomMade` comes. */
  get #toApply(): Entry | undefined {
    const isFull = this.#unfinished === undefined && this.#parts.checkpoints.isFull;
    return isFull ? undefined : this.#committed.first;
  }

  /** All of it, or a slice of a long one, which is then unfinished. */
  #applyNormal(entry: Entry): void {
    const result = this.#unfinished ?? this.#parts.applier.apply(entry, this.#isAwaited);
    let applied: Applied | undefined;
    if (isSteps(result)) {
      const step = result.next();
      this.#unfinished = step.done === true ? undefined : result;
      if (step.done !== true) return;
      applied = step.value;
    } else applied = result;
    if (applied !== undefined) this.#proposals.settle(applied.id, applied.outcome);
    else if (entry.term === this.#raft.term) this.#termStarted();
  }

  #termStarted(): void {
    this.#reads.repeat(this.#readIndex, this.#clock.monotonic());
    this.#parts.events.termStarted(this.leadership.isLeader);
  }

  #applyConfChange(entry: Entry): void {
    // A member that it removes is not reached any more, and must have heard that it is committed.
    this.#news.tell();
    const { applier, events } = this.#parts;
    const { id, outcome, change } = applier.applyConfChange(entry);
    this.#raft.applyConfChange(change.change);
    events.confChanged(change);
    this.#proposals.settle(id, outcome);
  }

  #observeLeadership(): void {
    const { isLeader, leader } = this.#raft;
    const seen = this.leadership.observe({ isLeader, leader });
    if (seen === "same") return;
    if (seen === "newLeader") this.#reads.leaderChanged();
    this.#parts.events.leadershipChanged();
  }

  /** Nothing goes on by itself: the engine may fail or be closed. */
  #halt(): void {
    this.#isStopped = true;
    this.#cancelTicks?.();
    this.#news.stop();
    this.#parts.compactor.stop();
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#halt();
    this.#parts.events.failed(error);
  }
}
