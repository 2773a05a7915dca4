// Knows what really happened, on all members at once, and asserts what Raft promises. Called after
// every event; each check looks only at what the event can have changed.

import { assert, must } from "../base/assert.ts";
import type { Entry } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import type { SimMember } from "./sim-member.ts";

interface KnownEntry {
  readonly data: Buffer;
  readonly termBefore: number;
}

export class Oracle {
  readonly #members: ReadonlyMap<bigint, SimMember>;
  readonly #leaders = new Map<number, bigint>();
  readonly #completeLeaders = new Map<bigint, number>();
  /** By term and index: log matching says that there is one entry, and one log before it. */
  readonly #entries = new Map<number, KnownEntry>();
  /** Terms of committed entries; the place is the index. */
  readonly #committed: number[] = [0];
  readonly #hashes: number[] = [0];
  readonly #commits = new Map<bigint, number>();
  #appliedMax = 0;

  constructor(members: ReadonlyMap<bigint, SimMember>) {
    this.#members = members;
  }

  /** What some member has applied: a read that begins now must not answer with less. */
  get appliedMax(): number {
    return this.#appliedMax;
  }

  get commitMax(): number {
    return this.#committed.length - 1;
  }

  /** A member that was founded with entries has committed them before time began. */
  founded(entries: readonly Entry[]): void {
    for (const entry of entries) this.#committed[entry.index] = entry.term;
  }

  /** What a crash forgets: the member knows of commits again when it is told. */
  crashed(member: SimMember): void {
    this.#commits.delete(member.id);
    this.#completeLeaders.delete(member.id);
  }

  afterEvent(member: SimMember): void {
    const { raft } = member;
    if (raft === undefined) return;
    if (raft.isLeader) this.#checkLeader(member, raft);
    this.#checkCommit(member, raft);
  }

  #checkLeader(member: SimMember, raft: Raft): void {
    const { term } = raft;
    if (this.#completeLeaders.get(member.id) === term) return;
    const other = this.#leaders.get(term);
    assert(other === undefined || other === member.id, `term ${term} has two leaders`);
    this.#leaders.set(term, member.id);
    this.#completeLeaders.set(member.id, term);
    const last = this.commitMax;
    const termOfLast = must(this.#committed[last], "commits have no gaps");
    if (termOfLast >= term) return;
    const held = raft.termAt(last);
    const isForgotten = held === undefined && last <= member.machine.applied;
    assert(isForgotten || held === termOfLast, `the leader of term ${term} lacks entry ${last}`);
  }

  #checkCommit(member: SimMember, raft: Raft): void {
    const { commit } = raft;
    const before = this.#commits.get(member.id);
    if (before === commit) return;
    this.#commits.set(member.id, commit);
    for (let index = (before ?? 0) + 1; index <= commit; index++) {
      const term = raft.termAt(index);
      if (term === undefined) continue;
      const known = this.#committed[index];
      if (known !== undefined) {
        assert(known === term, `entry ${index} was committed with terms ${known} and ${term}`);
        continue;
      }
      assert(raft.isLeader, `member ${member.id} committed ${index} before any leader did`);
      assert(index === this.#committed.length, "commits have no gaps");
      this.#committed.push(term);
      this.#checkDurable(raft, index, term);
    }
  }

  /** What is committed lies on the disks of a majority, whatever their processes believe. */
  #checkDurable(raft: Raft, index: number, term: number): void {
    const { voters } = raft.confState;
    const holders = voters.filter((id) => this.#members.get(id)?.disk.holds({ index, term }));
    const isMajority = holders.length * 2 > voters.length;
    assert(isMajority, `entry ${index} is committed but lies on ${holders.length} disks only`);
  }

  /** Entries that a member is about to write. */
  writing(member: SimMember, entries: readonly Entry[]): void {
    const { raft } = member;
    if (raft === undefined) return;
    for (const entry of entries) {
      const termBefore = raft.termAt(entry.index - 1);
      const key = entry.term * 2 ** 26 + entry.index;
      const known = this.#entries.get(key);
      if (known === undefined) {
        if (termBefore !== undefined) this.#entries.set(key, { data: entry.data, termBefore });
        continue;
      }
      const place = `${entry.index}@${entry.term}`;
      assert(known.data.equals(entry.data), `two entries at ${place}`);
      const isSame = termBefore === undefined || termBefore === known.termBefore;
      assert(isSame, `two logs lead to ${place}`);
    }
  }

  overwritten(member: SimMember, entry: Entry): void {
    const isCommitted = this.#committed[entry.index] === entry.term;
    assert(!isCommitted, `member ${member.id} overwrites entry ${entry.index}, which is committed`);
  }

  committed(member: SimMember, entry: Entry): void {
    const term = this.#committed[entry.index];
    const isRight = term === undefined || term === entry.term;
    assert(isRight, `member ${member.id} applies another entry ${entry.index} than was committed`);
    const isDurable = member.disk.holds(entry);
    assert(isDurable, `member ${member.id} applies entry ${entry.index} before its disk has it`);
  }

  applied(member: SimMember, entry: Entry): void {
    const { hash } = member.machine;
    const known = this.#hashes[entry.index];
    assert(known === undefined || known === hash, `states differ at entry ${entry.index}`);
    this.#hashes[entry.index] = hash;
    this.#appliedMax = Math.max(this.#appliedMax, entry.index);
  }

  /** Whatever leaves must already be true on disk. */
  sent(member: SimMember, message: Message): void {
    const { disk } = member;
    const { type, term } = message;
    if (type === MessageType.PRE_VOTE || type === MessageType.PRE_VOTE_RESPONSE) return;
    const durable = disk.hardState;
    assert(term <= durable.term, `member ${member.id} speaks in term ${term} before its disk does`);
    if (message.reject) return;
    if (type === MessageType.VOTE_RESPONSE && term === durable.term) {
      assert(durable.vote === message.to, "a vote leaves that the disk does not have");
    }
    if (type === MessageType.VOTE && term === durable.term) {
      assert(durable.vote === member.id, "a candidate asks before its own vote is durable");
    }
    if (type === MessageType.APPEND_RESPONSE && term === durable.term) {
      assert(message.index <= disk.lastIndex, "acknowledged more than the disk has");
    }
  }
}
