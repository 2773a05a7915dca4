// What etcd's raft writes about elections and the configuration, under the name of its logger.
import { hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import type { ConfState } from "../raft/entry.ts";
import type { Message } from "../raft/message.ts";
import type { CoreView, ElectionObserver, RoleName, VoteRequest } from "../raft/ready.ts";

const ROLES: Readonly<Record<RoleName, string>> = {
  follower: "follower",
  preCandidate: "pre-candidate",
  candidate: "candidate",
  leader: "leader",
};

/** By the number of a type. */
const MESSAGES: readonly string[] = [
  "MsgHup",
  "MsgBeat",
  "MsgProp",
  "MsgApp",
  "MsgAppResp",
  "MsgVote",
  "MsgVoteResp",
  "MsgSnap",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgTransferLeader",
  "MsgTimeoutNow",
  "MsgReadIndex",
  "MsgReadIndexResp",
  "MsgPreVote",
  "MsgPreVoteResp",
];

/** The log in which raft's lines are looked for. */
export function raftLog(log: Log): Log {
  return log.named("raft", "raft");
}

export class RaftLines implements ElectionObserver {
  readonly #log: Log;
  readonly #id: string;

  constructor(log: Log, id: bigint) {
    this.#log = log;
    this.#id = hexId(id);
  }

  campaigns({ term, leader }: CoreView, isTransfer: boolean): void {
    if (isTransfer) {
      this.#log.info(
        `${this.#id} [term ${term}] received MsgTimeoutNow from ${hexId(leader)} ` +
          "and starts an election to get leadership.",
      );
    }
    this.#log.info(`${this.#id} is starting a new election at term ${term}`);
  }

  became(role: RoleName, term: number): void {
    this.#log.info(`${this.#id} became ${ROLES[role]} at term ${term}`);
  }

  lostQuorum(): void {
    this.#log.warn(`${this.#id} stepped down to follower since quorum is not active`);
  }

  asks({ term }: CoreView, { isPreVote, member, index, logTerm }: VoteRequest): void {
    const message = isPreVote ? "MsgPreVote" : "MsgVote";
    this.#log.info(
      `${this.#id} [logterm: ${logTerm}, index: ${index}] sent ${message} request ` +
        `to ${hexId(member)} at term ${term}`,
    );
  }

  gotVote(term: number, from: bigint, isPreVote: boolean, isGranted: boolean): void {
    const message = isPreVote ? "MsgPreVoteResp" : "MsgVoteResp";
    const answer = isGranted ? message : `${message} rejection`;
    this.#log.info(`${this.#id} received ${answer} from ${hexId(from)} at term ${term}`);
  }

  heardOfTerm(term: number, message: Message): void {
    const type = MESSAGES[message.type] ?? String(message.type);
    this.#log.info(
      `${this.#id} [term: ${term}] received a ${type} message with higher term ` +
        `from ${hexId(message.from)} [term: ${message.term}]`,
    );
  }

  ignores(core: CoreView, request: VoteRequest, ticksLeft: number): void {
    this.#judgement(
      core,
      request,
      "ignored",
      "from",
      `: lease is not expired (remaining ticks: ${ticksLeft})`,
    );
  }

  judged(core: CoreView, request: VoteRequest, isGranted: boolean): void {
    if (isGranted) this.#judgement(core, request, "cast", "for");
    else this.#judgement(core, request, "rejected", "from");
  }

  #judgement(
    { term, vote, lastPosition }: CoreView,
    { isPreVote, member, index, logTerm }: VoteRequest,
    verdict: string,
    preposition: string,
    reason = "",
  ): void {
    const message = isPreVote ? "MsgPreVote" : "MsgVote";
    const { index: lastIndex, term: lastTerm } = lastPosition;
    const own = `[logterm: ${lastTerm}, index: ${lastIndex}, vote: ${hexId(vote)}]`;
    this.#log.info(
      `${this.#id} ${own} ${verdict} ${message} ${preposition} ${hexId(member)} ` +
        `[logterm: ${logTerm}, index: ${index}] at term ${term}${reason}`,
    );
  }
}

/** What a raft starts with. */
export interface RaftBeginning {
  readonly id: bigint;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly confState: ConfState;
}

/** The three lines by which etcd's raft says what it found. */
export function logRaftStart(log: Log, start: RaftBeginning): void {
  const { id, term, commit, applied, lastIndex, lastTerm, confState } = start;
  const name = hexId(id);
  logConfiguration(log, id, confState);
  log.info(`${name} became follower at term ${term}`);
  const peers = ascending(confState.voters).map(hexId).join(",");
  log.info(
    `newRaft ${name} [peers: [${peers}], term: ${term}, commit: ${commit}, ` +
      `applied: ${applied}, lastindex: ${lastIndex}, lastterm: ${lastTerm}]`,
  );
}

export function logConfiguration(log: Log, id: bigint, { voters, learners }: ConfState): void {
  const named = learners.length === 0 ? "" : ` learners=(${ascending(learners).join(" ")})`;
  const list = `voters=(${ascending(voters).join(" ")})${named}`;
  log.info(`${hexId(id)} switched to configuration ${list}`);
}

/** What changed about the leader, in the words of etcd's raft. 0n: none. */
export function logLeader(
  log: Log,
  id: bigint,
  { before, now, term }: { readonly before: bigint; readonly now: bigint; readonly term: number },
): void {
  if (before === now) return;
  const node = `raft.node: ${hexId(id)}`;
  if (now === 0n) log.info(`${node} lost leader ${hexId(before)} at term ${term}`);
  else if (before === 0n) log.info(`${node} elected leader ${hexId(now)} at term ${term}`);
  else {
    log.info(`${node} changed leader from ${hexId(before)} to ${hexId(now)} at term ${term}`);
  }
}

function ascending(ids: readonly bigint[]): bigint[] {
  return [...ids].sort((a, b) => (a < b ? -1 : 1));
}
