// One member, put together. Only wiring stands here: every decision is in the station it belongs to.
//
//   start   data folder ─► log (its own, or bootstrapped) ─► engine ─► state ─► raft ─► replica
//           ─► peers ─► clients
//   stop    hand over leadership ─► clients ─► peers ─► replica, with a last commit ─► engine
import { Applier } from "./apply/applier.ts";
import { Quota } from "./apply/quota.ts";
import type { ReplicatedState } from "./apply/replicated-state.ts";
import { hexId } from "./base/bytes.ts";
import type { Log } from "./base/log.ts";
import { ClientFront } from "./member/client-front.ts";
import { type Credentials, openCredentials } from "./member/credentials.ts";
import { memberFigures } from "./member/figures.ts";
import { hastenFirstElection } from "./member/first-election.ts";
import { followChange } from "./member/followed-change.ts";
import { type Ground, type MemberSurroundings, openGround } from "./member/ground.ts";
import { handOverLeadership } from "./member/handover.ts";
import { closingFields, servingFields, startedFields } from "./member/log-lines.ts";
import { peerAnswers } from "./member/peer-answers.ts";
import { checkpointSettings, timingOf, transportSettings } from "./member/raft-config.ts";
import { logConfiguration, logLeader, raftLog } from "./member/raft-lines.ts";
import { spoolDatabase } from "./member/spooled-database.ts";
import { Upkeep } from "./member/upkeep.ts";
import { SERVER_VERSION } from "./member/version.ts";
import type { ChangeOutcome } from "./membership/membership.ts";
import { Checkpoints } from "./replica/checkpoints.ts";
import { Compactor } from "./replica/compactor.ts";
import { Duties } from "./replica/duties.ts";
import { HashRuns } from "./replica/hash-kv.ts";
import { HeartbeatPace } from "./replica/heartbeat-pace.ts";
import { Leases } from "./replica/leases.ts";
import { Reconfigurer } from "./replica/reconfigurer.ts";
import { Replica } from "./replica/replica.ts";
import { requestTimeoutMs } from "./replica/replica-parts.ts";
import { SlowRequests } from "./replica/slow-requests.ts";
import { Snapshots } from "./replica/snapshots.ts";
import { TimedApplier } from "./replica/timed-applier.ts";
import { Proposer } from "./rpc/proposer.ts";
import { PeerTransport } from "./transport/peer-transport.ts";
import type { TransportEvents } from "./transport/transport.ts";
import { WatchHub } from "./watch/hub.ts";

/** A removed member goes on so long, so that the others hear that its removal is committed. */
const REMOVED_GRACE_MS = 1000;

/** Why a member ended by itself. */
export type MemberEnd =
  | { readonly kind: "removed" }
  | { readonly kind: "failed"; readonly error: unknown };

export class Member {
  readonly #surroundings: MemberSurroundings;
  readonly #state: ReplicatedState;
  readonly #replica: Replica;
  readonly #transport: PeerTransport;
  readonly #snapshots: Snapshots;
  readonly #compactor: Compactor;
  readonly #pace: HeartbeatPace;
  readonly #duties: Duties;
  readonly #upkeep: Upkeep;
  readonly #front: ClientFront;
  readonly #hub: WatchHub;
  readonly #credentials: Credentials;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<MemberEnd>();
  readonly #raftLog: Log;
  /** As the log knows it; 0n: none. */
  #leader = 0n;
  #isStopping = false;

  /**
   * Resolves when the member listens; it may have no leader yet.
   * @throws BootstrapError, RecoveryError, WalCorruptionError, and errors of the system
   */
  static async start(surroundings: MemberSurroundings): Promise<Member> {
    const ground = await openGround(surroundings);
    const member = new Member(surroundings, ground);
    for (const remote of ground.remotes) member.#transport.addRemote(remote);
    await member.#start();
    return member;
  }

  private constructor(surroundings: MemberSurroundings, ground: Ground) {
    const { config, clock, random, log } = surroundings;
    const { state, index, raft, wal, markerIndex, metrics, security, incoming } = ground;
    const timing = timingOf(config);
    const timeoutMs = requestTimeoutMs(timing);
    const calls = (id: bigint) => this.#transport.calls(id);
    this.#surroundings = surroundings;
    this.#raftLog = raftLog(log);
    this.#state = state;
    this.#hub = new WatchHub(state.kv, clock, random);
    const hashes = new HashRuns({ state, clock });
    wal.onLost = (error) => this.#fail(error);
    const quota = new Quota(config.quotaBytes, () => state.engine.size().totalBytes);
    this.#transport = new PeerTransport({
      identity: {
        memberId: state.membership.memberId,
        clusterId: state.membership.clusterId,
        serverVersion: SERVER_VERSION,
        peerUrls: config.initialAdvertisePeerUrls,
      },
      ...transportSettings(config),
      clock,
      log: log.named("transport"),
      tls: security.peer,
      events: this.#transportEvents(),
      questions: peerAnswers(state, () => ({ hashes, replica, leases, reconfigurer, callers })),
    });
    this.#snapshots = new Snapshots({
      state,
      clock,
      log: log.named("replica/snapshots"),
      spool: (index, chunks) => spoolDatabase(incoming, index, chunks, { clock, metrics }),
      upload: (message, blob, database) => this.#transport.sendSnapshot(message, blob, database),
      onReceived: (message) => this.#replica.withRaft((each) => each.step(message)),
      isAwaited: (index) => raft.awaitsSnapshot(index),
      onFailed: (id, error) => {
        log.warn("failed to send database snapshot", { "remote-peer-id": hexId(id), error });
        this.#replica.withRaft((each) => each.reportSnapshot(id, false));
      },
      onInstalling: () => this.#hub.pause(),
      onInstalled: () => {
        // Changes of the membership that came with it are not told one by one.
        logConfiguration(this.#raftLog, state.membership.memberId, state.applied.confState);
        this.#connectMembers();
        this.#hub.restore(state.kv);
        credentials.tokens.stateReplaced();
      },
    });
    const checkpoints = new Checkpoints({
      state,
      quota,
      index,
      clock,
      ...checkpointSettings(config),
      markerIndex,
      onMarker: (mark) => this.#replica.checkpointed(mark),
      confirmHeld: () => wal.confirmHeld(),
      onRoom: () => this.#replica.roomMade(),
      onFailed: (error) => this.#fail(error),
    });
    const credentials = openCredentials(surroundings, state, () => replica.readBarrier());
    this.#credentials = credentials;
    const { callers } = credentials;
    this.#compactor = new Compactor({
      state,
      clock,
      log: log.named("replica/compactor"),
      touched: () => checkpoints.touched(),
      batchLimit: config.compactionBatchLimit,
      pauseMs: config.compactionSleepMs,
    });
    const slowRequests = new SlowRequests(log, config.warningApplyMs);
    const plainApplier = new Applier({
      state,
      quota,
      log: log.named("apply"),
      onChanges: (revision, changes) => this.#hub.publish(revision, changes),
      onCompacted: () => this.#compactor.kick(),
      tokens: credentials.tokens,
      onSpaceExceeded: () => void this.#duties.raiseNoSpace(),
    });
    const applier = new TimedApplier(plainApplier, clock, slowRequests);
    this.#pace = new HeartbeatPace({ transport: this.#transport, clock, timing, log });
    const replica = new Replica({
      memberId: state.membership.memberId,
      raft,
      wal,
      state,
      applier,
      checkpoints,
      compactor: this.#compactor,
      snapshots: this.#snapshots,
      sink: this.#pace,
      clock,
      timing,
      catchupEntries: config.snapshotCatchupEntries,
      events: {
        confChanged: (change) => this.#confChanged(change),
        leadershipChanged: () => this.#leadershipChanged(),
        termStarted: (isLeader) => this.#duties.termStarted(isLeader),
        failed: (error) => this.#fail(error),
      },
    });
    this.#replica = replica;
    const attributes = { name: config.name, clientUrls: config.advertiseClientUrls };
    const { electionMs, leaseCheckpoint, downgradeCheckMs } = config;
    const common = { replica, state, clock, log, calls };
    this.#duties = new Duties({
      ...common,
      electionMs,
      timeoutMs,
      leaseCheckpoint,
      downgradeCheckMs,
      attributes,
    });
    this.#upkeep = new Upkeep({ ...common, config, duties: this.#duties });
    const clearCheckpoint = (id: bigint) => this.#duties.clearCheckpoint(id);
    const leases = new Leases({ replica, state, clock, timeoutMs, calls, clearCheckpoint });
    const reconfigurer = new Reconfigurer({
      replica,
      state,
      clock,
      log,
      activeSince: (id) => this.#transport.activeSince(id),
      calls,
      isStrict: config.strictReconfigCheck,
      timeoutMs,
    });
    const hub = this.#hub;
    const transport = this.#transport;
    const { quotaBytes } = config;
    metrics.reportFrom(() =>
      memberFigures({
        state,
        replica,
        transport,
        hub,
        applier,
        compactor: this.#compactor,
        duties: this.#duties,
        pace: this.#pace,
        slowRequests,
        reconfigurer,
        quotaBytes,
      }),
    );
    this.#front = new ClientFront({
      config,
      clock,
      random,
      log: log.named("rpc"),
      state,
      replica,
      compactor: this.#compactor,
      leases,
      reconfigurer,
      hashes,
      proposer: new Proposer({
        replica,
        quota,
        requestBytesMax: config.requestBytesMax,
        callers,
        objection: (...asked) => plainApplier.objection(...asked),
        onSpaceExceeded: () => this.#duties.raiseNoSpace(),
      }),
      quota,
      credentials,
      hub,
      metrics,
      slowRequests,
      handshakes: security.client,
    });
  }

  /** Resolves when the cluster knows this member and calls are answered, which may never come. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when the member ends by itself: removed from its cluster, or unable to go on. */
  get ended(): Promise<MemberEnd> {
    return this.#ended.promise;
  }

  /** Hands over leadership, ends all calls, commits, closes. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { config, log } = this.#surroundings;
    log.info("closing etcd server", closingFields(config));
    await handOverLeadership({
      replica: this.#replica,
      state: this.#state,
      transport: this.#transport,
      clock: this.#surroundings.clock,
      log: this.#surroundings.log,
    });
    this.#duties.stop();
    this.#upkeep.stop();
    await this.#front.stop();
    this.#credentials.tokens.close();
    await this.#transport.stop();
    await this.#replica.stop();
    await this.#state.engine.close();
    log.info("closed etcd server", closingFields(config));
  }

  async #start(): Promise<void> {
    const { config, clock, log } = this.#surroundings;
    const { membership } = this.#state;
    this.#connectMembers();
    const id = hexId(membership.memberId);
    log.info("starting etcd server", startedFields(membership));
    await this.#upkeep.checkBeforeServing();
    await this.#transport.start();
    await this.#front.start();
    log.info("now serving peer/client/metrics", servingFields(config, id));
    this.#replica.start();
    this.#compactor.kick();
    this.#upkeep.start();
    this.#duties.start(() => {
      log.info("ready to serve client requests");
      this.#ready.resolve();
    });
    const timing = timingOf(config);
    if (!config.initialElectionTickAdvance) {
      const fields = { "election-ticks": timing.electionTicks };
      log.info("skipping initial election tick advance", fields);
      return;
    }
    const activeSince = (member: bigint) => this.#transport.activeSince(member);
    const replica = this.#replica;
    hastenFirstElection({ clock, log, membership, replica, activeSince, timing });
  }

  #connectMembers(): void {
    const { members } = this.#state.membership;
    this.#transport.setPeers(members.map(({ id, peerUrls }) => ({ id, urls: peerUrls })));
  }

  #transportEvents(): TransportEvents {
    return {
      message: (message) => this.#replica.step(message),
      unreachable: (id) => this.#replica.withRaft((raft) => raft.reportUnreachable(id)),
      snapshotDone: (id, delivered) => {
        this.#snapshots.sent(id);
        this.#replica.withRaft((raft) => raft.reportSnapshot(id, delivered));
      },
      snapshotArrived: (message, database) => this.#snapshots.receive(message, database),
      removed: () => this.#removed(),
    };
  }

  #confChanged(change: ChangeOutcome): void {
    if (change.kind === "refused") return;
    const { membership, applied } = this.#state;
    logConfiguration(this.#raftLog, membership.memberId, applied.confState);
    followChange(change, membership, this.#transport, this.#surroundings.log);
    if (change.kind === "removed" && change.member.id === membership.memberId) this.#removed();
  }

  #leadershipChanged(): void {
    this.#duties.leadershipChanged(this.#replica.isLeader);
    this.#pace.reset();
    const { leadership, term } = this.#replica;
    const { memberId } = this.#state.membership;
    logLeader(this.#raftLog, memberId, { before: this.#leader, now: leadership.leader, term });
    this.#leader = leadership.leader;
  }

  #removed(): void {
    const { clock, log } = this.#surroundings;
    log.warn("the member has been permanently removed from the cluster", {
      "local-member-id": hexId(this.#state.membership.memberId),
    });
    clock.after(REMOVED_GRACE_MS, () => this.#ended.resolve({ kind: "removed" }));
  }

  #fail(error: unknown): void {
    this.#ended.resolve({ kind: "failed", error });
  }
}
