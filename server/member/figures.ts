import { alarmName } from "../alarm/alarm-name.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { MemberFigures, PeerFigures } from "../metrics/figures.ts";
import { AlarmType } from "../proto/gen/rpc.ts";
import type { Compactor } from "../replica/compactor.ts";
import type { Duties } from "../replica/duties.ts";
import type { HeartbeatPace } from "../replica/heartbeat-pace.ts";
import type { Reconfigurer } from "../replica/reconfigurer.ts";
import type { Replica } from "../replica/replica.ts";
import type { SlowRequests } from "../replica/slow-requests.ts";
import type { TimedApplier } from "../replica/timed-applier.ts";
import type { PeerTraffic, Transport } from "../transport/transport.ts";
import type { WatchHub } from "../watch/hub.ts";
import { processFigures } from "./process-figures.ts";

export interface FigureSources {
  readonly state: ReplicatedState;
  readonly replica: Replica;
  readonly transport: Transport;
  readonly hub: WatchHub;
  readonly applier: TimedApplier;
  readonly compactor: Compactor;
  readonly duties: Duties;
  readonly pace: HeartbeatPace;
  readonly reconfigurer: Reconfigurer;
  readonly slowRequests: SlowRequests;
  readonly quotaBytes: number;
}

/** What this member knows about itself at the moment of a scrape. */
export function memberFigures(sources: FigureSources): MemberFigures {
  const { state, replica, transport, hub, reconfigurer, pace, quotaBytes } = sources;
  const { membership } = state;
  const { leadership } = replica;
  return {
    memberId: hexId(membership.memberId),
    serverVersion: state.serverVersion,
    clusterVersion: membership.clusterVersion,
    hasLeader: leadership.hasLeader,
    isLeader: leadership.isLeader,
    isLearner: membership.local?.isLearner ?? false,
    leaderChanges: leadership.changes,
    committedIndex: replica.committedIndex,
    appliedIndex: replica.appliedIndex,
    ...replica.figures,
    slowApplies: sources.slowRequests.count,
    heartbeatsLate: pace.lateCount,
    learnerPromotions: reconfigurer.promotions,
    refusedPromotions: reconfigurer.refusedPromotions,
    ...operationFigures(sources),
    snapshotsApplying: Number(state.isReplacing),
    quotaBytes,
    watchStreams: hub.streamCount,
    watchers: hub.watcherCount,
    slowWatchers: hub.slowWatcherCount,
    events: hub.eventCount,
    process: processFigures(),
    peers: transport.traffic().map(peerFigures),
    ...(state.isReplacing ? {} : storeFigures(state)),
  };
}

/** What was done to the state since the start. */
function operationFigures(sources: FigureSources): Partial<MemberFigures> {
  const { state, applier, compactor, duties } = sources;
  const { operationCounts, leaseCounts } = state;
  return {
    puts: operationCounts.puts,
    deletes: operationCounts.deletes,
    ranges: operationCounts.ranges,
    transactions: operationCounts.transactions,
    putBytes: operationCounts.putBytes,
    leasesGranted: leaseCounts.granted,
    leasesRevoked: leaseCounts.revoked,
    leasesRenewed: leaseCounts.renewed,
    leasesExpired: duties.expiredLeases,
    leaseTtlSeconds: leaseCounts.ttlSeconds,
    compactedKeys: compactor.deletedCount,
    lastCompaction: compactor.finishedAt,
    compactionSliceMs: compactor.sliceMs,
    compactionTotalMs: compactor.totalMs,
    applies: applier.times.map(({ operation, isSuccess, seconds }) => ({
      version: operation.version,
      operation: operation.name,
      isSuccess,
      seconds,
    })),
  };
}

function peerFigures(peer: PeerTraffic): PeerFigures {
  return {
    id: hexId(peer.id),
    isActive: peer.isActive,
    sentBytes: peer.sentBytes,
    receivedBytes: peer.receivedBytes,
    sentFailures: peer.sendFailures,
    receivedFailures: peer.receiveFailures,
    disconnects: peer.disconnects,
    roundTrips: peer.roundTrips,
    snapshotsSent: peer.snapshotsSent,
    snapshotsReceived: peer.snapshotsReceived,
  };
}

function storeFigures({ engine, kv, alarms, auth }: ReplicatedState): Partial<MemberFigures> {
  const { totalBytes, inUseBytes } = engine.size();
  return {
    authRevision: auth.revision,
    databaseBytes: totalBytes,
    databaseInUseBytes: inUseBytes,
    openReadTransactions: engine.openSnapshots,
    currentRevision: kv.revision,
    compactRevision: kv.compactRevision,
    keys: kv.keyCount,
    alarms: alarms.list(AlarmType.NONE).map(({ memberID, alarm }) => ({
      memberId: hexId(memberID),
      type: alarmName(alarm),
    })),
  };
}
