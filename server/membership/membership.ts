// Who is in the cluster. This is replicated state: every member applies the same changes in the same
// order and judges them alone from what it holds, so that all refuse the same ones. It lives in the
// tables members, members_removed and cluster and nowhere else; the copy in memory is a cache.

import { assert, must } from "../base/assert.ts";
import { hexId } from "../base/bytes.ts";
import { isJsonObject, parseJson } from "../base/json.ts";
import { compareMinor } from "../base/version.ts";
import { EtcdError } from "../errors.ts";
import type { ConfChangeEntry } from "../proto/conf-codec.ts";
import { type ConfChange, ConfChangeType, type ConfState } from "../raft/entry.ts";
import type { Engine } from "../storage/engine.ts";
import {
  type ChangeContext,
  type Member,
  type MemberAttributes,
  memberJson,
  parseChangeContext,
  parseMember,
} from "./member-record.ts";
import { encodeV2Store } from "./v2-store.ts";

/** What of the engine is needed. */
export type MembershipTables = Pick<Engine, "get" | "scan" | "put" | "delete">;

export interface MembershipOptions {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Limit of `--max-learners`; the same on every member, as all judge with it. */
  readonly learnersMax?: number;
}

/** What a committed change did, and what raft is to be told of it. */
export type ChangeOutcome =
  | {
      readonly kind: "added" | "promoted" | "updated" | "removed";
      readonly change: ConfChange;
      /** As it stands after the change; as it stood, when removed. */
      readonly member: Member;
    }
  | { readonly kind: "refused"; readonly change: ConfChange; readonly error: EtcdError };

export interface Downgrade {
  readonly enabled: boolean;
  readonly targetVersion: string;
}

type Judgement =
  | { readonly kind: "refused"; readonly error: EtcdError }
  | { readonly kind: "accepted"; readonly context: ChangeContext | undefined };

const LEARNERS_MAX_DEFAULT = 1;
const REMOVED_VALUE = Buffer.from("removed");
const VERSION_KEY = Buffer.from("clusterVersion");
const DOWNGRADE_KEY = Buffer.from("downgrade");
const NO_DOWNGRADE: Downgrade = { enabled: false, targetVersion: "" };

export class Membership {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly #engine: MembershipTables;
  readonly #learnersMax: number;
  readonly #byId = new Map<bigint, Member>();
  readonly #removed = new Set<bigint>();
  #sorted: readonly Member[] = [];
  #clusterVersion: string | undefined;
  #whenDecided: (() => void)[] = [];
  #downgrade: Downgrade = NO_DOWNGRADE;

  /** Reads what the engine holds. */
  constructor(engine: MembershipTables, options: MembershipOptions) {
    this.#engine = engine;
    this.memberId = options.memberId;
    this.clusterId = options.clusterId;
    this.#learnersMax = options.learnersMax ?? LEARNERS_MAX_DEFAULT;
    this.#load();
  }

  /** Ascending by id. */
  get members(): readonly Member[] {
    return this.#sorted;
  }

  /** Every id that was ever removed. */
  get removed(): ReadonlySet<bigint> {
    return this.#removed;
  }

  /** This member; absent before its own addition is applied and after its removal. */
  get local(): Member | undefined {
    return this.#byId.get(this.memberId);
  }

  /** E.g. `3.5.0`; absent until the first leader has decided. */
  get clusterVersion(): string | undefined {
    return this.#clusterVersion;
  }

  /** Calls `act` when there is a cluster version, which may be at once. */
  whenDecided(act: () => void): void {
    if (this.#clusterVersion === undefined) this.#whenDecided.push(act);
    else act();
  }

  get downgrade(): Downgrade {
    return this.#downgrade;
  }

  member(id: bigint): Member | undefined {
    return this.#byId.get(id);
  }

  /** The blob of a snapshot message. */
  v2Store(): Buffer {
    return encodeV2Store(this.#sorted, this.#removed, this.#clusterVersion);
  }

  /**
   * After the engine's content was replaced by a leader's. Who votes is what raft says: some etcds
   * leave the mark of a learner in their tables when they promote it.
   */
  reload(confState: ConfState): void {
    this.#load();
    for (const member of this.#sorted) {
      const isLearner = confState.learners.includes(member.id);
      if (member.isLearner !== isLearner) this.#save({ ...member, isLearner });
    }
  }

  /** Would `apply` refuse it now? Asked before proposing, to answer early. */
  validate(change: ConfChangeEntry): EtcdError | undefined {
    const judgement = this.#judge(change);
    return judgement.kind === "refused" ? judgement.error : undefined;
  }

  /** Applies a committed change; a refused one alters nothing and goes to raft with id 0. */
  apply(change: ConfChangeEntry): ChangeOutcome {
    const { type, nodeId } = change;
    const judgement = this.#judge(change);
    if (judgement.kind === "refused") {
      return { kind: "refused", change: { type, nodeId: 0n }, error: judgement.error };
    }
    const raftChange = { type, nodeId };
    const before = this.#byId.get(nodeId);
    if (type === ConfChangeType.REMOVE_NODE) {
      const member = must(before, "a removal was accepted for a member that exists");
      this.#remove(member);
      return { kind: "removed", change: raftChange, member };
    }
    const context = must(judgement.context, "a change other than a removal has a context");
    if (type === ConfChangeType.UPDATE_NODE) {
      const known = must(before, "an update was accepted for a member that exists");
      const member = this.#save({ ...known, peerUrls: context.member.peerUrls });
      return { kind: "updated", change: raftChange, member };
    }
    if (context.isPromote) {
      const known = must(before, "a promotion was accepted for a member that exists");
      const member = this.#save({ ...known, isLearner: false });
      return { kind: "promoted", change: raftChange, member };
    }
    const isLearner = type === ConfChangeType.ADD_LEARNER_NODE;
    const member = this.#save({ ...context.member, isLearner });
    return { kind: "added", change: raftChange, member };
  }

  /** What a member published about itself. False for one that is no member: nothing is kept. */
  setAttributes(id: bigint, attributes: MemberAttributes): boolean {
    const member = this.#byId.get(id);
    if (member === undefined) return false;
    const { name, clientUrls } = attributes;
    this.#save({ ...member, name, clientUrls });
    return true;
  }

  /**
   * False for what is no version or beyond `serverVersion`, this member's: nothing is kept. A leader
   * decides on none that a member cannot follow.
   */
  setClusterVersion(version: string, serverVersion: string): boolean {
    if (!(compareMinor(version, serverVersion) <= 0)) return false;
    this.#clusterVersion = version;
    this.#engine.put("cluster", VERSION_KEY, Buffer.from(version));
    this.#decide();
    return true;
  }

  setDowngrade(enabled: boolean, targetVersion: string): void {
    this.#downgrade = enabled ? { enabled, targetVersion } : NO_DOWNGRADE;
    const json = { "target-version": this.#downgrade.targetVersion, enabled };
    this.#engine.put("cluster", DOWNGRADE_KEY, Buffer.from(JSON.stringify(json)));
  }

  #judge(change: ConfChangeEntry): Judgement {
    if (this.#removed.has(change.nodeId)) return refusal("MemberNotFound");
    const known = this.#byId.get(change.nodeId);
    if (change.type === ConfChangeType.REMOVE_NODE) {
      return known === undefined
        ? refusal("MemberNotFound")
        : { kind: "accepted", context: undefined };
    }
    const context = parseChangeContext(change.context.toString());
    if (context === undefined || context.member.id !== change.nodeId) {
      // Nobody has the id 0, so it is nobody who is to change.
      return refusal(change.nodeId === 0n ? "MemberNotFound" : "MemberBadURLs");
    }
    if (change.type === ConfChangeType.UPDATE_NODE || context.isPromote) {
      if (known === undefined) return refusal("MemberNotFound");
    }
    if (change.type === ConfChangeType.UPDATE_NODE) return this.#judgeUrls(change.nodeId, context);
    if (context.isPromote) {
      return known?.isLearner === true
        ? { kind: "accepted", context }
        : refusal("MemberNotLearner");
    }
    if (known !== undefined) return refusal("MemberExist");
    const judgement = this.#judgeUrls(change.nodeId, context);
    if (judgement.kind === "refused") return judgement;
    const learnerCount = this.#sorted.filter(({ isLearner }) => isLearner).length;
    const isFull =
      change.type === ConfChangeType.ADD_LEARNER_NODE && learnerCount >= this.#learnersMax;
    return isFull ? refusal("TooManyLearners") : judgement;
  }

  #judgeUrls(id: bigint, context: ChangeContext): Judgement {
    const taken = new Set<string>();
    for (const member of this.#sorted) {
      if (member.id !== id) for (const url of member.peerUrls) taken.add(url);
    }
    return context.member.peerUrls.some((url) => taken.has(url))
      ? refusal("PeerURLExist")
      : { kind: "accepted", context };
  }

  #save(member: Member): Member {
    this.#byId.set(member.id, member);
    this.#engine.put("members", keyOf(member.id), Buffer.from(memberJson(member)));
    this.#sort();
    return member;
  }

  #remove(member: Member): void {
    this.#byId.delete(member.id);
    this.#removed.add(member.id);
    this.#engine.delete("members", keyOf(member.id));
    this.#engine.put("members_removed", keyOf(member.id), REMOVED_VALUE);
    this.#sort();
  }

  #sort(): void {
    this.#sorted = [...this.#byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #load(): void {
    this.#byId.clear();
    this.#removed.clear();
    for (const [key, value] of this.#engine.scan("members")) {
      const member = parseMember(value.toString());
      assert(member !== undefined, `table members holds a record that is none: ${String(key)}`);
      this.#byId.set(member.id, member);
    }
    for (const [key] of this.#engine.scan("members_removed")) {
      this.#removed.add(BigInt(`0x${key.toString()}`));
    }
    this.#clusterVersion = this.#engine.get("cluster", VERSION_KEY)?.toString();
    this.#downgrade = parseDowngrade(this.#engine.get("cluster", DOWNGRADE_KEY));
    this.#sort();
    if (this.#clusterVersion !== undefined) this.#decide();
  }

  #decide(): void {
    const waiting = this.#whenDecided;
    this.#whenDecided = [];
    for (const act of waiting) act();
  }
}

function refusal(code: ConstructorParameters<typeof EtcdError>[0]): Judgement {
  return { kind: "refused", error: new EtcdError(code) };
}

function keyOf(id: bigint): Buffer {
  return Buffer.from(hexId(id));
}

function parseDowngrade(value: Buffer | undefined): Downgrade {
  if (value === undefined) return NO_DOWNGRADE;
  const json = parseJson(value.toString());
  if (!isJsonObject(json) || json.enabled !== true) return NO_DOWNGRADE;
  const target = json["target-version"];
  return typeof target === "string" ? { enabled: true, targetVersion: target } : NO_DOWNGRADE;
}
