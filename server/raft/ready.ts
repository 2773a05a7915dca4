import type { Random } from "../base/random.ts";
import type { ConfState, Entry, HardState, SnapshotMetadata } from "./entry.ts";
import type { Message } from "./message.ts";

export interface RaftConfig {
  /** This member's own id; never 0n. */
  readonly id: bigint;
  /** Silence after which a follower campaigns: drawn from [electionTicks, 2·electionTicks). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly preVote: boolean;
  /** Entry bytes per APPEND; one entry always fits. etcd: 1 MiB. */
  readonly appendBytesMax: number;
  /** Unanswered APPENDs per follower. etcd: 512. */
  readonly inflightAppendsMax: number;
  readonly random: Random;
  readonly observer?: ElectionObserver;
}

/** Who asks whom for a vote, and what for. */
export interface VoteRequest {
  readonly isPreVote: boolean;
  /** Who asks; in what is asked of others, whom. */
  readonly member: bigint;
  /** The end of the log of whoever asks. */
  readonly index: number;
  readonly logTerm: number;
}

/**
 * Told of elections while they happen, for a log. It only listens: nothing depends on it, and it
 * must not call back.
 */
export interface ElectionObserver {
  /** After a silence, or because the leader names this member as its successor. */
  campaigns(core: CoreView, isTransfer: boolean): void;
  became(role: RoleName, term: number): void;
  /** A leader that heard nothing of most of its voters. */
  lostQuorum(): void;
  asks(core: CoreView, request: VoteRequest): void;
  /** A vote has come, or this member's own one counts. */
  gotVote(term: number, from: bigint, isPreVote: boolean, isGranted: boolean): void;
  /** A message of a later term makes a follower of this member. @param term of until now */
  heardOfTerm(term: number, message: Message): void;
  /** Another member asks while a leader is heard, for so many ticks more. */
  ignores(core: CoreView, request: VoteRequest, ticksLeft: number): void;
  /** Another member asked, and gets an answer. */
  judged(core: CoreView, request: VoteRequest, isGranted: boolean): void;
}

/** What an observer is shown. */
export interface CoreView {
  readonly term: number;
  readonly vote: bigint;
  /** 0n: unknown. */
  readonly leader: bigint;
  readonly lastPosition: { readonly index: number; readonly term: number };
}

/** What was recovered from disk. Entries start at snapshot.index + 1, without a gap. */
export interface RaftStart {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata;
  readonly entries: readonly Entry[];
  /** Applied to the state machine, durably; ≥ snapshot.index. */
  readonly applied: number;
  /** The configuration that holds at `applied` (not at snapshot.index, if that is earlier). */
  readonly confState: ConfState;
}

/** Answer to readIndex(context): a read is linearizable once `index` is applied. */
export interface ReadState {
  readonly index: number;
  readonly context: Buffer;
}

/** What must become durable, in this order: snapshot, entries, hardState. */
export interface Append {
  /** Absent: nothing of it changed. */
  readonly hardState?: HardState;
  /** Install into the state machine before anything else; its entries replace the whole log. */
  readonly snapshot?: SnapshotMetadata;
  /** Overwrite whatever the log holds from entries[0].index on. */
  readonly entries: readonly Entry[];
  /** Promises that rest on this append: they leave only when it is durable. */
  readonly messages: readonly Message[];
  /** False: only the commit index moved; losing it in a crash is harmless. */
  readonly mustSync: boolean;
}

/**
 * All that must happen outside, handed out once. `append` is absent while an earlier one is not yet
 * confirmed by appended(). `messages` may leave at once; `committed` are durable here and follow
 * what was handed out before: apply them now, in order. Arrays belong to the receiver of the Ready
 * but their elements are shared and never written to.
 */
export interface Ready {
  readonly messages: readonly Message[];
  readonly committed: readonly Entry[];
  readonly readStates: readonly ReadState[];
  readonly append?: Append;
}

export type RoleName = "follower" | "preCandidate" | "candidate" | "leader";

/** The leader's picture of one member. */
export interface ProgressStatus {
  readonly id: bigint;
  readonly isLearner: boolean;
  /** Known to be durable there. */
  readonly match: number;
  /** Sent next. */
  readonly next: number;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Heard of since the last quorum check. */
  readonly recentActive: boolean;
}

export interface RaftStatus {
  readonly id: bigint;
  readonly role: RoleName;
  readonly term: number;
  /** 0n: none. */
  readonly vote: bigint;
  /** 0n: unknown. */
  readonly leader: bigint;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly confState: ConfState;
  /** By ascending id, this member included; empty unless leader. */
  readonly progress: readonly ProgressStatus[];
  /** 0n: no transfer under way. */
  readonly leadTransferee: bigint;
  /** Messages refused because no honest member sends them. */
  readonly droppedMessages: number;
}
