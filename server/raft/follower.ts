import { EMPTY_BYTES } from "../base/bytes.ts";
import { CAMPAIGN_TRANSFER, type Core, type Transition } from "./core.ts";
import { type Entry, EntryType } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";
import type { VoteRequest } from "./ready.ts";

/** Takes over the leader's log, forwards what only a leader can do, and waits for silence. */
export class Follower {
  readonly name = "follower" as const;
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  tick(): Transition | undefined {
    return tickElection(this.#core);
  }

  /** The message is of the current term, and if a leader sent it, of the one leader of the term. */
  step(message: Message): Transition | undefined {
    switch (message.type) {
      case MessageType.APPEND:
        this.#heard(message.from);
        this.#append(message);
        return;
      case MessageType.HEARTBEAT:
        this.#heartbeat(message);
        return;
      case MessageType.SNAPSHOT:
        this.#heard(message.from);
        this.#restore(message);
        return;
      case MessageType.PROPOSAL:
      case MessageType.READ_INDEX:
      case MessageType.TRANSFER_LEADER:
        this.#forward(message);
        return;
      case MessageType.READ_INDEX_RESPONSE:
        this.#readAnswered(message);
        return;
      case MessageType.TIMEOUT_NOW:
        return { to: "campaign", kind: "transfer" };
      default:
        return;
    }
  }

  propose(type: EntryType, data: readonly Buffer[]): boolean {
    const entries = data.map((bytes) => ({ type, term: 0, index: 0, data: bytes }));
    return this.#ask(MessageType.PROPOSAL, entries);
  }

  readIndex(context: Buffer): boolean {
    const question = { type: EntryType.NORMAL, term: 0, index: 0, data: context };
    return this.#ask(MessageType.READ_INDEX, [question]);
  }

  transferLeader(to: bigint): boolean {
    const { leader } = this.#core;
    if (leader === 0n || !this.#core.confState.voters.includes(to)) return false;
    this.#core.send({ type: MessageType.TRANSFER_LEADER, to: leader, from: to });
    return true;
  }

  #ask(type: MessageType, entries: readonly Entry[]): boolean {
    const { leader } = this.#core;
    if (leader === 0n) return false;
    this.#core.send({ type, to: leader, entries });
    return true;
  }

  /**
   * For a member that took us for the leader. Who leads by now gets its own proposal back, as
   * nobody else has it; its own question it will ask again. Nothing goes round in circles.
   */
  #forward(message: Message): void {
    const { leader, id } = this.#core;
    if (leader === 0n || message.from === id) return;
    if (leader === message.from && message.type !== MessageType.PROPOSAL) return;
    this.#core.send({ ...message, to: leader });
  }

  #heard(leader: bigint): void {
    this.#core.electionElapsed = 0;
    this.#core.leader = leader;
  }

  #readAnswered({ from, index, entries }: Message): void {
    if (from !== this.#core.leader) return;
    this.#core.readStates.push({ index, context: entries[0]?.data ?? EMPTY_BYTES });
  }

  #append(message: Message): void {
    const core = this.#core;
    const { log } = core;
    const answer = { type: MessageType.APPEND_RESPONSE, to: message.from };
    if (message.index < log.committed) {
      core.send({ ...answer, index: log.committed });
      return;
    }
    const previous = { index: message.index, term: message.logTerm };
    const last = log.append(previous, message.entries);
    if (last === "committed") {
      core.drop();
      return;
    }
    if (last !== undefined) {
      log.commitTo(Math.min(message.commit, last));
      core.send({ ...answer, index: last });
      return;
    }
    const hint = log.lastPositionWithin(Math.min(message.index, log.lastIndex), message.logTerm);
    core.send({
      ...answer,
      index: message.index,
      reject: true,
      rejectHint: hint.index,
      logTerm: hint.term,
    });
  }

  #heartbeat(message: Message): void {
    const { log } = this.#core;
    // An honest leader names only what this member acknowledged.
    if (message.commit > log.lastIndex) {
      this.#core.drop();
      return;
    }
    this.#heard(message.from);
    log.commitTo(message.commit);
    this.#core.send({
      type: MessageType.HEARTBEAT_RESPONSE,
      to: message.from,
      context: message.context,
    });
  }

  #restore(message: Message): void {
    const core = this.#core;
    const { log } = core;
    const { snapshot } = message;
    if (snapshot === undefined) return;
    const { voters, learners } = snapshot.confState;
    const isMeant = voters.includes(core.id) || learners.includes(core.id);
    if (snapshot.index > log.committed && isMeant) {
      if (log.matches(snapshot)) {
        log.commitTo(snapshot.index);
      } else {
        log.restore(snapshot);
        core.installConf(snapshot);
      }
    }
    core.send({ type: MessageType.APPEND_RESPONSE, to: message.from, index: log.committed });
  }
}

/** Followers and candidates alike campaign after a silence of the drawn length. */
export function tickElection(core: Core): Transition | undefined {
  core.electionElapsed++;
  if (core.electionElapsed < core.electionTimeout || !core.mayCampaign) return;
  core.electionElapsed = 0;
  return { to: "campaign", kind: core.config.preVote ? "preVote" : "election" };
}

/**
 * A vote is given to one candidate per term, never against a log that ends later than the
 * candidate's. A pre-vote asks for the same verdict and costs nothing. Learners answer too: the
 * candidate may know better than they do that they vote by now.
 */
export function answerVote(core: Core, request: Message): void {
  const isReal = request.type === MessageType.VOTE;
  const isFree =
    core.vote === request.from ||
    (core.vote === 0n && core.leader === 0n) ||
    (!isReal && request.term > core.term);
  const isUpToDate = core.log.isUpToDate({ index: request.index, term: request.logTerm });
  const type = isReal ? MessageType.VOTE_RESPONSE : MessageType.PRE_VOTE_RESPONSE;
  core.config.observer?.judged(core, voteRequestIn(request), isFree && isUpToDate);
  if (!isFree || !isUpToDate) {
    core.send({ type, to: request.from, reject: true });
    return;
  }
  if (isReal) {
    core.vote = request.from;
    core.electionElapsed = 0;
  }
  core.send({ type, to: request.from, term: request.term });
}

export function voteRequestIn({ type, from, index, logTerm }: Message): VoteRequest {
  return { isPreVote: type === MessageType.PRE_VOTE, member: from, index, logTerm };
}

/** How long nobody may disturb the leader that was heard last. */
export function leaseTicks(core: Core): number {
  return core.config.electionTicks - core.electionElapsed;
}

/** While a leader is heard, others may not disturb it, unless the leader itself wants to go. */
export function isDisturbance(core: Core, request: Message): boolean {
  const isHeard = core.leader !== 0n && leaseTicks(core) > 0;
  return isHeard && !request.context.equals(CAMPAIGN_TRANSFER);
}
