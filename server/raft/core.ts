import { EMPTY_BYTES } from "../base/bytes.ts";
import { ascending, changeConfState } from "./conf-change.ts";
import {
  type ConfChange,
  type ConfState,
  type Entry,
  EntryType,
  type SnapshotMetadata,
} from "./entry.ts";
import { RaftLog } from "./log.ts";
import { type Message, MessageType } from "./message.ts";
import type { RaftConfig, RaftStart, ReadState } from "./ready.ts";

/** The fields of a message that are not at their zero value. */
export type Letter = Pick<Message, "type" | "to"> & Partial<Message>;

const NO_ENTRIES: readonly Entry[] = [];

/** etcd's mark of a vote request that comes from a leader transfer: it overrides stickiness. */
export const CAMPAIGN_TRANSFER: Buffer = Buffer.from("CampaignTransfer");

/**
 * What a role demands of its owner after an event: to become something else. Undefined: nothing.
 * Roles never replace themselves.
 */
export type Transition =
  | { readonly to: "follower"; readonly leader: bigint }
  | { readonly to: "campaign"; readonly kind: "preVote" | "election" | "transfer" }
  | { readonly to: "leader" };

/** The state that outlives roles, and the way out for messages. */
export class Core {
  readonly id: bigint;
  readonly config: RaftConfig;
  readonly log: RaftLog;
  term: number;
  vote: bigint;
  #leader = 0n;
  /** Outlives a pre-campaign: whoever else claims to lead the same term is not believed. */
  #leaderOfTerm = 0n;
  confState: ConfState;
  /** Ticks since the leader was heard, a vote was given or a campaign began. */
  electionElapsed = 0;
  electionTimeout = 0;
  /** The term and vote that the disk holds for certain. */
  durableTerm: number;
  durableVote: bigint;
  droppedMessages = 0;
  readStates: ReadState[] = [];
  /** May leave at once. */
  messages: Message[] = [];
  /** Leave when everything that is true now is durable. */
  promises: Message[] = [];

  constructor(config: RaftConfig, start: RaftStart) {
    this.config = config;
    this.id = config.id;
    const proven = provenCommit(start.entries);
    // What the state machine has applied durably was committed, even if no commit index says so.
    const commit = Math.max(start.hardState.commit, start.applied, proven);
    this.log = new RaftLog(start.snapshot, start.entries, commit, start.applied);
    this.term = Math.max(start.hardState.term, this.log.lastTerm);
    this.vote = this.term === start.hardState.term ? start.hardState.vote : 0n;
    this.durableTerm = start.hardState.term;
    this.durableVote = start.hardState.vote;
    this.confState = start.confState;
    this.drawElectionTimeout();
  }

  /** 0n: unknown. */
  get leader(): bigint {
    return this.#leader;
  }

  set leader(id: bigint) {
    this.#leader = id;
    if (id !== 0n) this.#leaderOfTerm = id;
  }

  mayLead(id: bigint): boolean {
    return this.#leaderOfTerm === 0n || this.#leaderOfTerm === id;
  }

  drawElectionTimeout(): void {
    const { electionTicks, random } = this.config;
    this.electionTimeout = electionTicks + random.below(electionTicks);
  }

  /** A later term: nobody got our vote in it, nobody is known to lead it. */
  enterTerm(term: number): void {
    if (term === this.term) return;
    this.term = term;
    this.vote = 0n;
    this.#leader = 0n;
    this.#leaderOfTerm = 0n;
    // Acknowledgements meant for the leader of a term that is over must not reach it.
    this.promises = this.promises.filter(
      (message) => message.type !== MessageType.APPEND_RESPONSE || message.reject,
    );
  }

  get isVoter(): boolean {
    return this.confState.voters.includes(this.id);
  }

  /** Nobody campaigns who does not vote, or whose configuration may be outdated by its own log. */
  get mayCampaign(): boolean {
    const { log } = this;
    if (!this.isVoter || log.pendingSnapshot !== undefined) return false;
    const isConfChange = (entry: Entry) => entry.type === EntryType.CONF_CHANGE;
    return !log.hasEntry(log.applied, log.committed, isConfChange);
  }

  get lastPosition(): { index: number; term: number } {
    return { index: this.log.lastIndex, term: this.log.lastTerm };
  }

  isMember(id: bigint): boolean {
    return this.confState.voters.includes(id) || this.confState.learners.includes(id);
  }

  /** Voters and learners but this member, by ascending id. */
  get peers(): bigint[] {
    const { voters, learners } = this.confState;
    return [...voters, ...learners].filter((id) => id !== this.id).sort(ascending);
  }

  changeConf(change: ConfChange): void {
    this.confState = changeConfState(this.confState, change);
  }

  installConf(snapshot: SnapshotMetadata): void {
    this.confState = snapshot.confState;
  }

  /**
   * Term 0 stands for messages that belong to no term. Answers that promise something to a leader
   * or a candidate wait for the disk, and so does every message of a term the disk does not know
   * yet: after a crash this member could speak in that term again, with another log or vote.
   */
  send(letter: Letter): void {
    const message = this.#complete(letter);
    const waits =
      isPromise(message.type) ||
      (message.term !== this.durableTerm &&
        message.term !== 0 &&
        message.type !== MessageType.PRE_VOTE);
    if (!waits) this.messages.push(message);
    else if (this.#supersedesLast(message)) this.promises[this.promises.length - 1] = message;
    else this.promises.push(message);
  }

  /** An acknowledgement says all that an earlier one to the same leader said. */
  #supersedesLast(message: Message): boolean {
    const last = this.promises.at(-1);
    return (
      last !== undefined &&
      message.type === MessageType.APPEND_RESPONSE &&
      last.type === MessageType.APPEND_RESPONSE &&
      !message.reject &&
      !last.reject &&
      message.to === last.to &&
      message.term === last.term &&
      message.index >= last.index
    );
  }

  #complete(letter: Letter): Message {
    const isTermless =
      letter.type === MessageType.PROPOSAL || letter.type === MessageType.READ_INDEX;
    const message: Message = {
      type: letter.type,
      to: letter.to,
      from: letter.from ?? this.id,
      term: letter.term ?? (isTermless ? 0 : this.term),
      logTerm: letter.logTerm ?? 0,
      index: letter.index ?? 0,
      entries: letter.entries ?? NO_ENTRIES,
      commit: letter.commit ?? 0,
      reject: letter.reject ?? false,
      rejectHint: letter.rejectHint ?? 0,
      context: letter.context ?? EMPTY_BYTES,
    };
    return letter.snapshot === undefined ? message : { ...message, snapshot: letter.snapshot };
  }

  drop(): void {
    this.droppedMessages++;
  }
}

function isPromise(type: MessageType): boolean {
  return (
    type === MessageType.APPEND_RESPONSE ||
    type === MessageType.VOTE ||
    type === MessageType.VOTE_RESPONSE ||
    type === MessageType.PRE_VOTE_RESPONSE
  );
}

/**
 * A leader logs a configuration change only when the one before it is applied, so of two in a log
 * the first is committed. A crash can lose the commit index that came with them. A member that
 * believed in a configuration two changes old could be elected by a majority that shares nobody
 * with the majority of today.
 */
function provenCommit(entries: readonly Entry[]): number {
  const isConfChange = (entry: Entry) => entry.type === EntryType.CONF_CHANGE;
  const last = entries.findLastIndex(isConfChange);
  if (last < 1) return 0;
  return entries.slice(0, last).findLast(isConfChange)?.index ?? 0;
}
