import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import { additionOf, promotionOf, removalOf, updateOf } from "../membership/conf-changes.ts";
import { deriveMemberId } from "../membership/member-ids.ts";
import { type Member, parseMembers } from "../membership/member-record.ts";
import {
  type Connectivity,
  checkAddition,
  checkPromotion,
  checkRemoval,
  isLearnerReady,
} from "../membership/reconfiguration.ts";
import type { ConfChangeEntry } from "../proto/conf-codec.ts";
import { ConfChangeType } from "../raft/entry.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";
import type { Replica } from "./replica.ts";

/** Between two attempts to find the leader. */
const RETRY_MS = 100;
/** raftpb.ConfChangeType */
const CHANGE_NAMES: Readonly<Record<ConfChangeType, string>> = {
  [ConfChangeType.ADD_NODE]: "ConfChangeAddNode",
  [ConfChangeType.REMOVE_NODE]: "ConfChangeRemoveNode",
  [ConfChangeType.UPDATE_NODE]: "ConfChangeUpdateNode",
  [ConfChangeType.ADD_LEARNER_NODE]: "ConfChangeAddLearnerNode",
};

export interface ReconfigurerOptions {
  readonly replica: Pick<
    Replica,
    "isLeader" | "isStopped" | "leadership" | "status" | "nextId" | "configure"
  >;
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly log: Log;
  readonly activeSince: (id: bigint) => number | undefined;
  readonly calls: (id: bigint) => PeerCalls | undefined;
  /** `--strict-reconfig-check` */
  readonly isStrict: boolean;
  readonly timeoutMs: number;
}

/**
 * Changes of the cluster. Whether it would keep its quorum is judged here, by what this member
 * sees of the others; whether the change is possible at all is judged by every member when it is
 * applied.
 */
export class Reconfigurer {
  /** While this member led: learners promoted, and attempts refused, by the reason. */
  promotions = 0;
  readonly refusedPromotions: Map<string, number> = new Map();
  readonly #options: ReconfigurerOptions;

  constructor(options: ReconfigurerOptions) {
    this.#options = options;
  }

  /** @param peerUrls checked, sorted @throws EtcdError */
  async add(peerUrls: readonly string[], isLearner: boolean): Promise<Member> {
    const { replica, state, clock, isStrict } = this.#options;
    const id = deriveMemberId(peerUrls, "", Math.trunc(clock.now() / 1000));
    const member = { id, peerUrls, isLearner, name: "", clientUrls: [] };
    if (isStrict) checkAddition(state.membership.members, member, this.#connectivity());
    await this.#configure(additionOf(member, replica.nextId()));
    return member;
  }

  /** @throws EtcdError */
  async remove(id: bigint): Promise<void> {
    const { replica, state, isStrict } = this.#options;
    if (isStrict) checkRemoval(state.membership.members, id, this.#connectivity());
    await this.#configure(removalOf(id, replica.nextId()));
  }

  /** Only the peer URLs change. @param peerUrls checked, kept as they are @throws EtcdError */
  async update(id: bigint, peerUrls: readonly string[]): Promise<void> {
    const { replica } = this.#options;
    const member = { id, peerUrls, isLearner: false, name: "", clientUrls: [] };
    await this.#configure(updateOf(member, replica.nextId()));
  }

  /**
   * Makes a learner a voter, through the leader, who alone knows how far it has got.
   * @param token of the caller, for the leader to judge him once more
   * @returns the members afterwards, as the leader knows them: this one may be behind
   * @throws EtcdError NoLeader, Timeout, and what the leader refuses it with
   */
  async promote(id: bigint, token: string | undefined): Promise<readonly Member[]> {
    const { replica, state, clock, calls, timeoutMs } = this.#options;
    const deadlineMs = clock.monotonic() + timeoutMs;
    while (clock.monotonic() < deadlineMs) {
      if (replica.isStopped) throw new EtcdError("Stopped");
      try {
        if (replica.isLeader) {
          await this.promoteHere(id);
          return state.membership.members;
        }
        const leader = calls(replica.leadership.leader);
        if (leader !== undefined) {
          return parseMembers(await leader.promote(id, token)) ?? state.membership.members;
        }
      } catch (error) {
        // Who has just stepped down asks his successor.
        const isRefusal = error instanceof EtcdError && error.code !== "NotLeader";
        if (isRefusal) throw error;
      }
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
    throw new EtcdError(replica.leadership.hasLeader ? "Timeout" : "NoLeader");
  }

  /** @throws EtcdError NotLeader on every other member */
  async promoteHere(id: bigint): Promise<void> {
    if (!this.#options.replica.isLeader) throw new EtcdError("NotLeader");
    try {
      await this.#promoteAsLeader(id);
      this.promotions++;
    } catch (error) {
      if (error instanceof EtcdError && error.code !== "NotLeader") {
        const { refusedPromotions } = this;
        const reason = this.#countedReason(id, error);
        refusedPromotions.set(reason, (refusedPromotions.get(reason) ?? 0) + 1);
      }
      throw error;
    }
  }

  /** etcd's own words: clients hear others of some refusals. */
  #countedReason(id: bigint, { code, message }: EtcdError): string {
    const { removed } = this.#options.state.membership;
    if (code === "MemberNotLearner") return "membership: can only promote a learner member";
    if (code !== "MemberNotFound") return message;
    return removed.has(id) ? "membership: ID removed" : "membership: ID not found";
  }

  async #promoteAsLeader(id: bigint): Promise<void> {
    const { replica, state, isStrict } = this.#options;
    const member = state.membership.member(id);
    if (member?.isLearner === true) {
      if (!isLearnerReady(this.#match(id))) throw new EtcdError("LearnerNotReady");
      if (isStrict) checkPromotion(state.membership.members);
    }
    await this.#configure(promotionOf(id, replica.nextId()));
  }

  /** @throws EtcdError as `Replica.configure` */
  async #configure(change: ConfChangeEntry): Promise<void> {
    const { replica, state, log } = this.#options;
    await replica.configure(change);
    log.info("applied a configuration change through raft", {
      "local-member-id": hexId(state.membership.memberId),
      "raft-conf-change": CHANGE_NAMES[change.type],
      "raft-conf-change-node-id": hexId(change.nodeId),
    });
  }

  #match(id: bigint): { learner: number; leader: number } {
    const { progress, id: leaderId } = this.#options.replica.status();
    const matchOf = (wanted: bigint) => progress.find((each) => each.id === wanted)?.match;
    const leader = matchOf(leaderId);
    // Raft has stepped down already; the replica sees it at its next turn.
    if (leader === undefined) throw new EtcdError("NotLeader");
    return { learner: matchOf(id) ?? 0, leader };
  }

  #connectivity(): Connectivity {
    const { state, clock, activeSince } = this.#options;
    return { localId: state.membership.memberId, nowMs: clock.monotonic(), activeSince };
  }
}
