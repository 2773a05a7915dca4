import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { MemberFigures } from "../metrics/figures.ts";
import { AlarmType } from "../proto/gen/rpc.ts";
import type { Replica } from "../replica/replica.ts";
import type { Transport } from "../transport/transport.ts";
import type { WatchHub } from "../watch/hub.ts";
import type { KeyCounts } from "./key-counts.ts";

export interface FigureSources {
  readonly state: ReplicatedState;
  readonly replica: Replica;
  readonly transport: Transport;
  readonly hub: WatchHub;
  readonly counts: KeyCounts;
  readonly quotaBytes: number;
}

/** What this member knows about itself at the moment of a scrape. */
export function memberFigures(sources: FigureSources): MemberFigures {
  const { state, replica, transport, hub, counts, quotaBytes } = sources;
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
    proposalsPending: replica.proposalsPending,
    proposalsFailed: replica.proposalsExpired,
    readIndexesFailed: replica.readsExpired,
    puts: counts.puts,
    deletes: counts.deletes,
    putBytes: counts.putBytes,
    snapshotsApplying: Number(state.isReplacing),
    quotaBytes: Number.isFinite(quotaBytes) ? quotaBytes : -1,
    watchStreams: hub.streamCount,
    watchers: hub.watcherCount,
    slowWatchers: hub.slowWatcherCount,
    events: hub.eventCount,
    authRevision: 1,
    peers: transport.traffic().map((peer) => ({
      id: hexId(peer.id),
      isActive: peer.isActive,
      sentBytes: peer.sentBytes,
      receivedBytes: peer.receivedBytes,
      sentFailures: peer.sendFailures,
      roundTripSeconds: peer.roundTripMs === undefined ? undefined : peer.roundTripMs / 1000,
    })),
    ...(state.isReplacing ? {} : storeFigures(state)),
  };
}

function storeFigures({ engine, kv, alarms }: ReplicatedState): Partial<MemberFigures> {
  const { totalBytes, inUseBytes } = engine.size();
  return {
    databaseBytes: totalBytes,
    databaseInUseBytes: inUseBytes,
    currentRevision: kv.revision,
    compactRevision: kv.compactRevision,
    keys: kv.keyCount,
    alarms: alarms.list(AlarmType.NONE).map(({ memberID, alarm }) => ({
      memberId: hexId(memberID),
      type: alarmName(alarm),
    })),
  };
}

export function alarmName(alarm: AlarmType): string {
  return alarm === AlarmType.NOSPACE ? "NOSPACE" : "CORRUPT";
}
