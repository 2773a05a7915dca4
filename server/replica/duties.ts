// What a member does unasked. All of it only proposes; what is proposed may be refused or lost, and
// is then proposed again.
//
//   leader      revokes expired leases, tells what is left of long ones, settles the cluster
//               version, ends a downgrade that is done
//   everybody   publishes its name and client URLs, raises NOSPACE when its own file is full

import type { ReplicatedState } from "../apply/replicated-state.ts";
import { ROOT } from "../auth/identity.ts";
import { leaseIdText } from "../base/bytes.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import { minorVersion } from "../base/version.ts";
import { EtcdError } from "../errors.ts";
import type { LeaseRemainder } from "../lease/lessor.ts";
import type { MemberAttributes } from "../membership/member-record.ts";
import {
  attributesPath,
  encodePublication,
  isV2Written,
  type Publication,
} from "../membership/publication.ts";
import { decideClusterVersion } from "../membership/versions.ts";
import { DowngradeInfoSetRequest, LeaseCheckpointRequest } from "../proto/gen/internal.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  LeaseRevokeRequest,
} from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";
import { MemberVersions } from "./member-versions.ts";
import type { Replica } from "./replica.ts";

const EXPIRY_PERIOD_MS = 500;
/** Revocations proposed per period; etcd's rate. */
const REVOKES_PER_PERIOD_MAX = 500;
/** Between two checkpoints of a lease, and how many one proposal holds; etcd's. */
const LEASE_CHECKPOINT_MS = 300_000;
const CHECKPOINTS_PER_PROPOSAL_MAX = 1000;
const CHECKPOINT_PROPOSALS_PER_PERIOD_MAX = 500;
const VERSION_PERIOD_MS = 4000;
const PUBLISH_RETRY_MS = 500;
/** Whatever is asked for, nothing is looked at more often. */
const CHECK_MS_MIN = 10;

export interface DutiesOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly clock: Clock;
  readonly log: Log;
  readonly electionMs: number;
  /** From the start of a proposal until it fails. */
  readonly timeoutMs: number;
  /** Between two looks at whether a downgrade is done; 0: nobody looks. */
  readonly downgradeCheckMs: number;
  /** Whether what is left of leases is told to all members. */
  readonly leaseCheckpoint: boolean;
  readonly attributes: MemberAttributes;
  readonly calls: (id: bigint) => PeerCalls | undefined;
}

/** Told why a proposal failed; `undefined`: it was applied. */
type Done = (error: EtcdError | undefined) => void;

export class Duties {
  readonly #options: DutiesOptions;
  readonly #cancels: Cancel[] = [];
  readonly #versions: MemberVersions;
  #isAskingVersions = false;
  #isAskingDowngraded = false;
  #raisingAlarm: Promise<void> | undefined;
  #hasStopped = false;
  #expiredLeases = 0;

  constructor(options: DutiesOptions) {
    this.#options = options;
    const { state, calls, log } = options;
    const { serverVersion } = state;
    const membership = () => state.membership;
    this.#versions = new MemberVersions({ membership, serverVersion, calls, log });
  }

  /** Expired leases whose revocation this member got through. */
  get expiredLeases(): number {
    return this.#expiredLeases;
  }

  /** @param onReady is called once, when the cluster knows this member and calls are answered */
  start(onReady: () => void): void {
    const { clock, downgradeCheckMs } = this.#options;
    this.#cancels.push(
      clock.every(EXPIRY_PERIOD_MS, () => this.#tendLeases()),
      clock.every(VERSION_PERIOD_MS, () => this.#settleVersion()),
    );
    if (downgradeCheckMs > 0) {
      const periodMs = Math.max(downgradeCheckMs, CHECK_MS_MIN);
      this.#cancels.push(clock.every(periodMs, () => void this.#endDowngrade()));
    }
    this.#publish(onReady);
  }

  stop(): void {
    this.#hasStopped = true;
    for (const cancel of this.#cancels) cancel();
  }

  /** All entries of earlier terms are applied. */
  termStarted(isLeader: boolean): void {
    const { state, electionMs, leaseCheckpoint } = this.#options;
    if (!isLeader) return;
    const checkpointMs = leaseCheckpoint ? LEASE_CHECKPOINT_MS : Number.POSITIVE_INFINITY;
    state.lessor.promote(state.nowMs, electionMs, checkpointMs);
    this.#settleVersion();
  }

  leadershipChanged(isLeader: boolean): void {
    const { state } = this.#options;
    if (!isLeader && !state.isReplacing && state.lessor.isPrimary) state.lessor.demote();
  }

  /**
   * This member's file is full: the cluster must stop growing.
   * @returns when the alarm is raised, or could not be for now
   */
  raiseNoSpace(): Promise<void> {
    const { state, log } = this.#options;
    const { memberId } = state.membership;
    if (state.alarms.isRaised(memberId, AlarmType.NOSPACE)) return Promise.resolve();
    this.#raisingAlarm ??= new Promise((resolve) => {
      log.warn("exceeded quota; raising NOSPACE alarm");
      this.#raise(memberId, AlarmType.NOSPACE, () => {
        this.#raisingAlarm = undefined;
        resolve();
      });
    });
    return this.#raisingAlarm;
  }

  /** A member's data differ from the others'; 0n: it is not known which member's. */
  raiseCorrupt(memberId: bigint): void {
    this.#raise(memberId, AlarmType.CORRUPT);
  }

  #raise(memberID: bigint, alarm: AlarmType, done?: Done): void {
    const { ACTIVATE: action } = AlarmRequest_AlarmAction;
    const request = AlarmRequest.encode({ action, memberID, alarm }).finish();
    const id = this.#options.replica.nextId();
    this.#propose("alarm", id, encodeInternal(InternalField.ALARM, request, id), false, done);
  }

  /**
   * A renewal is about to give a lease its whole time again. Resolves once that is committed.
   * @throws EtcdError as `Replica.propose`, and LeaseNotFound
   */
  async clearCheckpoint(leaseId: bigint): Promise<void> {
    const { replica } = this.#options;
    const id = replica.nextId();
    await replica.propose(id, encodeCheckpoints([{ id: leaseId, remainingSeconds: 0 }], id), {
      leaderOnly: true,
    });
  }

  #proposeCheckpoints(remainders: readonly LeaseRemainder[]): void {
    const id = this.#options.replica.nextId();
    this.#propose("lease checkpoint", id, encodeCheckpoints(remainders, id), true);
  }

  #tendLeases(): void {
    const { replica, state } = this.#options;
    if (!replica.isLeader || state.isReplacing || !state.lessor.isPrimary) return;
    this.#revokeExpired();
    for (let count = 0; count < CHECKPOINT_PROPOSALS_PER_PERIOD_MAX; count++) {
      const due = state.lessor.checkpointsDue(state.nowMs, CHECKPOINTS_PER_PROPOSAL_MAX);
      if (due.length > 0) this.#proposeCheckpoints(due);
      if (due.length < CHECKPOINTS_PER_PROPOSAL_MAX) break;
    }
  }

  #revokeExpired(): void {
    const { replica, state, log } = this.#options;
    for (const leaseId of state.lessor.expired(state.nowMs, REVOKES_PER_PERIOD_MAX)) {
      const id = replica.nextId();
      const request = LeaseRevokeRequest.encode({ ID: leaseId }).finish();
      // Nobody else may delete all keys. A fresh start of auth may refuse it: then once more.
      const field = InternalField.LEASE_REVOKE;
      const { auth } = state;
      const data = auth.isEnabled
        ? encodeInternal(field, request, id, ROOT, auth.revision)
        : encodeInternal(field, request, id);
      this.#propose("lease revocation", id, data, true, (error) => {
        if (error === undefined) this.#expiredLeases++;
        else log.warn("failed to revoke lease", { "lease-id": leaseIdText(leaseId), error });
      });
    }
  }

  #settleVersion(): void {
    const { replica, log } = this.#options;
    if (!replica.isLeader || this.#isAskingVersions) return;
    this.#isAskingVersions = true;
    this.#decideVersion()
      .catch((error: unknown) => log.warn("could not settle the cluster version", { error }))
      .finally(() => {
        this.#isAskingVersions = false;
      });
  }

  async #decideVersion(): Promise<void> {
    const { state, replica, log } = this.#options;
    const { membership } = state;
    const servers = await this.#versions.ask();
    const { enabled, targetVersion } = membership.downgrade;
    const target = enabled ? targetVersion : undefined;
    const version = decideClusterVersion(membership.clusterVersion, servers, target);
    if (version === undefined || !replica.isLeader || this.#hasStopped) return;
    const from = membership.clusterVersion;
    const to = minorVersion(version);
    const api = `using ${isV2Written(from) ? "v2" : "v3"} API`;
    if (from === undefined) {
      log.info(`setting up initial cluster version ${api}`, { "cluster-version": to });
    } else log.info(`updating cluster version ${api}`, { from: minorVersion(from), to });
    this.#proposePublication({ kind: "version", version }, true, (error) => {
      if (error !== undefined) log.warn("failed to update cluster version", { error });
      else log.info("cluster version is updated", { "cluster-version": to });
    });
  }

  /** A downgrade is done when every member knows the version that it leads to. */
  async #endDowngrade(): Promise<void> {
    const { state, replica, log } = this.#options;
    const { enabled, targetVersion } = state.membership.downgrade;
    if (!replica.isLeader || !enabled || this.#isAskingDowngraded) return;
    this.#isAskingDowngraded = true;
    const { members } = state.membership;
    const known = await Promise.all(members.map(({ id }) => this.#clusterVersionOf(id)));
    this.#isAskingDowngraded = false;
    if (this.#hasStopped || !replica.isLeader) return;
    if (!known.every((version) => version === targetVersion)) return;
    log.info("the cluster has been downgraded", { "cluster-version": targetVersion });
    const id = replica.nextId();
    const request = DowngradeInfoSetRequest.encode({ enabled: false, ver: "" }).finish();
    const data = encodeInternal(InternalField.DOWNGRADE_INFO_SET, request, id);
    this.#propose("end of the downgrade", id, data, true);
  }

  /** What a member takes for the version of the cluster. */
  async #clusterVersionOf(id: bigint): Promise<string | undefined> {
    const { state, calls } = this.#options;
    if (id === state.membership.memberId) return state.membership.clusterVersion;
    try {
      return (await calls(id)?.version())?.cluster;
    } catch {
      return undefined; // Out of reach: it is asked again.
    }
  }

  #publish(onReady: () => void): void {
    const { state, attributes, log, clock, timeoutMs } = this.#options;
    if (this.#hasStopped) return;
    const memberId = state.membership.memberId;
    const { name, clientUrls } = attributes;
    this.#proposePublication({ kind: "attributes", memberId, attributes }, false, (error) => {
      if (error !== undefined) {
        clock.after(PUBLISH_RETRY_MS, () => this.#publish(onReady));
        return;
      }
      log.info("published local member to cluster through raft", {
        "local-member-id": memberId.toString(16),
        "local-member-attributes": `{Name:${name} ClientURLs:[${clientUrls.join(" ")}]}`,
        "request-path": attributesPath(memberId),
        "cluster-id": state.membership.clusterId.toString(16),
        "publish-timeout": formatMs(timeoutMs),
      });
      // Until the leader has asked the others for theirs every call is refused.
      state.membership.whenDecided(() => {
        if (!this.#hasStopped) onReady();
      });
    });
  }

  #proposePublication(publication: Publication, leaderOnly: boolean, done?: Done): void {
    const { replica, state } = this.#options;
    const id = replica.nextId();
    const data = encodePublication(publication, id, state.membership.clusterVersion);
    this.#propose(publication.kind, id, data, leaderOnly, done);
  }

  #propose(
    what: string,
    id: bigint,
    data: Buffer,
    leaderOnly: boolean,
    done: Done = () => undefined,
  ): void {
    const { replica, log } = this.#options;
    replica.propose(id, data, { leaderOnly }).then(
      () => done(undefined),
      (error: unknown) => {
        if (!(error instanceof EtcdError)) throw error;
        log.debug("own proposal failed", { what, error });
        done(error);
      },
    );
  }
}

/** @param id of the entry */
function encodeCheckpoints(remainders: readonly LeaseRemainder[], id: bigint): Buffer {
  const checkpoints = remainders.map(({ id: ID, remainingSeconds: remainingTTL }) => ({
    ID,
    remainingTTL,
  }));
  const request = LeaseCheckpointRequest.encode({ checkpoints }).finish();
  return encodeInternal(InternalField.LEASE_CHECKPOINT, request, id);
}
