import { EMPTY_BYTES } from "../base/bytes.ts";
import { CAMPAIGN_TRANSFER, type Core, type Transition } from "./core.ts";
import { tickElection } from "./follower.ts";
import { type Message, MessageType } from "./message.ts";
import { tallyVotes } from "./quorum.ts";

/**
 * Collects votes. As pre-candidate it asks whether it could win the next term without entering it,
 * so that a member that was cut off cannot disturb the others when it comes back.
 */
export class Candidate {
  readonly name: "preCandidate" | "candidate";
  readonly #core: Core;
  readonly #votes = new Map<bigint, boolean>();

  constructor(core: Core, isPreVote: boolean) {
    this.#core = core;
    this.name = isPreVote ? "preCandidate" : "candidate";
  }

  /** Enters the next term (a pre-candidate does not) and asks everyone. */
  begin(isTransfer: boolean): Transition | undefined {
    const core = this.#core;
    core.leader = 0n;
    core.electionElapsed = 0;
    core.drawElectionTimeout();
    if (this.name === "candidate") {
      core.enterTerm(core.term + 1);
      core.vote = core.id;
    }
    const { observer } = core.config;
    observer?.became(this.name, core.term);
    const { index, term: logTerm } = core.lastPosition;
    const isPreVote = this.name === "preCandidate";
    for (const to of core.confState.voters) {
      if (to === core.id) continue;
      observer?.asks(core, { isPreVote, member: to, index, logTerm });
      core.send({
        type: isPreVote ? MessageType.PRE_VOTE : MessageType.VOTE,
        to,
        term: isPreVote ? core.term + 1 : core.term,
        index,
        logTerm,
        context: isTransfer ? CAMPAIGN_TRANSFER : EMPTY_BYTES,
      });
    }
    // A pre-vote promises nothing; our own vote counts when the disk has it.
    return isPreVote ? this.#count(core.id, true) : undefined;
  }

  tick(): Transition | undefined {
    return tickElection(this.#core);
  }

  step(message: Message): Transition | undefined {
    const { term } = this.#core;
    switch (message.type) {
      case MessageType.PRE_VOTE_RESPONSE:
        if (this.name !== "preCandidate") return;
        if (!message.reject && message.term !== term + 1) return;
        return this.#count(message.from, !message.reject);
      case MessageType.VOTE_RESPONSE:
        if (this.name !== "candidate") return;
        return this.#count(message.from, !message.reject);
      default:
        return;
    }
  }

  /** The disk has made progress. */
  durable(): Transition | undefined {
    const core = this.#core;
    const isOurs = core.durableTerm === core.term && core.durableVote === core.id;
    if (this.name !== "candidate" || !isOurs) return;
    return this.#count(core.id, true);
  }

  #count(from: bigint, granted: boolean): Transition | undefined {
    const { config, confState, term } = this.#core;
    if (!this.#votes.has(from)) {
      config.observer?.gotVote(term, from, this.name === "preCandidate", granted);
      this.#votes.set(from, granted);
    }
    switch (tallyVotes(confState.voters, this.#votes)) {
      case "won":
        if (this.name === "candidate") return { to: "leader" };
        return { to: "campaign", kind: "election" };
      case "lost":
        return { to: "follower", leader: 0n };
      case "pending":
        return;
    }
  }
}
