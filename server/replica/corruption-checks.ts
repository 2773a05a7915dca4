// Whether all members hold the same data. The log sees to it; what it cannot see to is a disk that
// rots, a file that somebody edited, a bug. Members therefore compare hashes of their key spaces:
//
//   initial      before a restarted member serves anybody: it does not start when it differs
//   periodic     the leader compares everybody's present state with its own
//   compaction   the leader compares what everybody's hash was when a compaction ran: the same
//                revision everywhere, so that no member can be ahead or behind
//
// Hashes only compare where both sides have compacted as far. A member that is found to differ
// raises a CORRUPT alarm, which stops reads and writes everywhere until an operator has looked.
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import type { KeyHash } from "../mvcc/key-hash.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";
import type { HashKv } from "../transport/transport.ts";
import { hashKv } from "./hash-kv.ts";

/** This member's data differ from the others': it must not serve them. */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
}

export interface CorruptionChecksOptions {
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly log: Log;
  readonly calls: (id: bigint) => PeerCalls | undefined;
  readonly readBarrier: () => Promise<void>;
  /** Proposes a CORRUPT alarm for a member; 0n: nobody knows which. */
  readonly raise: (memberId: bigint) => void;
}

interface PeerHash {
  readonly id: bigint;
  readonly answer: HashKv | undefined;
  readonly error: unknown;
}

export class CorruptionChecks {
  readonly #options: CorruptionChecksOptions;
  /** Compactions up to here are known to be the same on all members. */
  #checkedRevision = 0;

  constructor(options: CorruptionChecksOptions) {
    this.#options = options;
  }

  /** @throws CorruptionError when any peer that has compacted as far has other data */
  async initial(): Promise<void> {
    const { log } = this.#options;
    const local = { "local-member-id": hexId(this.#memberId) };
    log.info("starting initial corruption check", local);
    const own = await this.#ownHash();
    let isDifferent = false;
    for (const peer of await this.#peerHashes(own.revision)) {
      isDifferent = this.#differsAtStart(own, peer) || isDifferent;
    }
    if (isDifferent) {
      throw new CorruptionError(`${hexId(this.#memberId)} found data inconsistency with peers`);
    }
    log.info("initial corruption checking passed; no corruption", local);
  }

  /** As the leader. @throws EtcdError when leadership is lost meanwhile */
  async periodic(): Promise<void> {
    const { log, readBarrier } = this.#options;
    const before = await this.#ownHash();
    const peers = await this.#peerHashes(before.revision);
    await readBarrier();
    const after = await this.#ownHash();
    const suspects = new Set<bigint>();
    const isSame = before.revision === after.revision;
    if (isSame && before.compactRevision === after.compactRevision && before.hash !== after.hash) {
      log.warn("found hash mismatch", {
        "revision-1": before.revision,
        "hash-1": before.hash,
        "revision-2": after.revision,
        "hash-2": after.hash,
      });
      suspects.add(this.#memberId);
    }
    const answered = peers.filter(({ answer }) => answer !== undefined);
    for (const { id, answer } of answered) {
      if (answer !== undefined && this.#isSuspect(id, answer, before, after)) suspects.add(id);
    }
    // One is enough: the alarm stops the whole cluster.
    const [first] = suspects;
    if (first !== undefined) this.#options.raise(first);
    log.info("finished peer corruption check", { "number-of-peers-checked": answered.length });
  }

  /** As the leader: from the newest compaction back to one that all members agree on. */
  async compactions(): Promise<void> {
    const { state, log } = this.#options;
    log.info("starting compact hash check", { "local-member-id": hexId(this.#memberId) });
    const hashes = state.kv.compactionHashes
      .filter(({ revision }) => revision > this.#checkedRevision)
      .sort((a, b) => b.revision - a.revision);
    for (const hash of hashes) {
      const peers = await this.#peerHashes(hash.revision);
      if (peers.length > 0 && this.#isSettled(hash, peers)) return;
    }
    log.info("finished compaction hash check", { "number-of-hashes-checked": hashes.length });
  }

  get #memberId(): bigint {
    return this.#options.state.membership.memberId;
  }

  #ownHash(): Promise<KeyHash> {
    return hashKv(this.#options, 0);
  }

  #peerHashes(revision: number): Promise<PeerHash[]> {
    const { state, calls, log } = this.#options;
    const { members, clusterId } = state.membership;
    const others = members.filter(({ id }) => id !== this.#memberId);
    return Promise.all(
      others.map(async ({ id }): Promise<PeerHash> => {
        try {
          return { id, answer: await calls(id)?.hashKv(clusterId, revision), error: undefined };
        } catch (error) {
          log.warn("failed hash kv request", {
            "local-member-id": hexId(this.#memberId),
            "requested-revision": revision,
            "remote-peer-id": hexId(id),
            error,
          });
          return { id, answer: undefined, error };
        }
      }),
    );
  }

  #differsAtStart(own: KeyHash, { id, answer, error }: PeerHash): boolean {
    const { log } = this.#options;
    const fields = {
      "local-member-id": hexId(this.#memberId),
      "local-member-revision": own.revision,
      "local-member-compact-revision": own.compactRevision,
      "local-member-hash": own.hash,
      "remote-peer-id": hexId(id),
      "remote-peer-revision": answer?.revision,
      "remote-peer-compact-revision": answer?.compactRevision,
      "remote-peer-hash": answer?.hash,
    };
    if (answer === undefined) {
      const code = error instanceof EtcdError ? error.code : undefined;
      if (code === "FutureRev") log.warn("cannot fetch hash from slow remote peer", fields);
      if (code === "Compacted") {
        log.warn("cannot fetch hash from remote peer; local member is behind", fields);
      }
      return false;
    }
    if (answer.hash === own.hash) return false;
    const isComparable = answer.compactRevision === own.compactRevision;
    if (isComparable) log.warn("found different hash values from remote peer", fields);
    else log.warn("found different compact revision values from remote peer", fields);
    return isComparable;
  }

  /** @param before the leader's hash that was asked for; @param after its state once all had answered */
  #isSuspect(id: bigint, answer: HashKv, before: KeyHash, after: KeyHash): boolean {
    const { log } = this.#options;
    const fields = {
      "leader-revision": after.revision,
      "leader-compact-revision": after.compactRevision,
      "leader-hash": before.hash,
      "follower-revision": answer.revision,
      "follower-compact-revision": answer.compactRevision,
      "follower-hash": answer.hash,
      "follower-peer-id": hexId(id),
    };
    if (answer.revision > after.revision) {
      log.warn("revision from follower must be less than or equal to leader's", fields);
      return true;
    }
    if (answer.compactRevision > after.compactRevision) {
      log.warn("compact revision from follower must be less than or equal to leader's", fields);
      return true;
    }
    const isComparable = answer.compactRevision === before.compactRevision;
    if (!isComparable || answer.hash === before.hash) return false;
    log.warn("same compact revision then hashes must match", fields);
    return true;
  }

  /** Whether this compaction says it all: everybody agrees on it, or somebody does not. */
  #isSettled(own: KeyHash, peers: readonly PeerHash[]): boolean {
    const { log } = this.#options;
    const holders = new Map<number, bigint[]>([[own.hash, [this.#memberId]]]);
    let checked = 0;
    for (const { id, answer } of peers) {
      if (answer === undefined || answer.compactRevision !== own.compactRevision) {
        const reason =
          answer === undefined
            ? "no response"
            : `the peer's CompactRevision ${answer.compactRevision} doesn't match ` +
              `leader's CompactRevision ${own.compactRevision}`;
        log.warn("Skipped peer when checking hash", { "peer-id": hexId(id), reason });
        continue;
      }
      checked++;
      holders.set(answer.hash, [...(holders.get(answer.hash) ?? []), id]);
    }
    if (holders.size > 1) {
      this.#raiseForMinority(own, holders, peers.length + 1);
      return true;
    }
    if (checked < peers.length) return false;
    this.#checkedRevision = Math.max(this.#checkedRevision, own.revision);
    const fields = { "leader-id": hexId(this.#memberId), "leader-revision": own.revision };
    log.info("successfully checked hash on whole cluster", fields);
    return true;
  }

  #raiseForMinority(
    own: KeyHash,
    holders: ReadonlyMap<number, readonly bigint[]>,
    memberCount: number,
  ): void {
    const { log, raise } = this.#options;
    const quorum = Math.floor(memberCount / 2) + 1;
    const hasQuorum = [...holders.values()].some((ids) => ids.length >= quorum);
    if (!hasQuorum) raise(0n);
    for (const [hash, ids] of holders) {
      if (ids.length >= quorum) continue;
      log.error("Detected compaction hash mismatch", {
        "leader-id": hexId(this.#memberId),
        "leader-revision": own.revision,
        "leader-compact-revision": own.compactRevision,
        "leader-hash": own.hash,
        "peer-ids": ids.map(hexId),
        "peer-hash": hash,
        "quorum-exist": hasQuorum,
      });
      if (hasQuorum) for (const id of ids) raise(id);
    }
  }
}
