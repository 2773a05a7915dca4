import { alarmText } from "../alarm/alarm-name.ts";
import { bodyOf } from "../apply/outcome.ts";
import type { Quota } from "../apply/quota.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { storageVersion } from "../base/version.ts";
import { EtcdError } from "../errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmResponse,
  AlarmType,
  MaintenanceDefinition,
  type StatusResponse,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import { databaseHash } from "../replica/database-hash.ts";
import { defragment } from "../replica/defragmentation.ts";
import type { HashRuns } from "../replica/hash-kv.ts";
import type { Replica } from "../replica/replica.ts";
import { AlarmLimit } from "./alarm-limit.ts";
import type { Callers } from "./callers.ts";
import type { Dispatcher } from "./dispatch.ts";
import { registerDowngrade } from "./downgrade.ts";
import type { Headers } from "./header.ts";
import { moveLeader } from "./leader-move.ts";
import type { Proposer } from "./proposer.ts";
import { SnapshotCall } from "./snapshot.ts";

/** Hashes of the whole database that are being taken at once. */
const DATABASE_HASHES_MAX = 8;
const ALARM_ACTIONS = new Set<number>(Object.values(AlarmRequest_AlarmAction));

export interface MaintenanceServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly hashes: HashRuns;
  readonly proposer: Proposer;
  readonly headers: Headers;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly callers: Callers;
  readonly heartbeatMs: number;
  /** Infinity: no limit. */
  readonly quotaBytes: number;
  readonly quota: Quota;
  /** The folder of the state, for the log. */
  readonly statePath: string;
  /** Told when a defragmentation begins and when it has ended. */
  readonly onDefragment?: ((isRunning: boolean) => void) | undefined;
}

export function registerMaintenance(
  dispatcher: Dispatcher,
  options: MaintenanceServiceOptions,
): void {
  const { state, hashes, proposer, headers, clock, log, metrics } = options;
  dispatcher.unary(MaintenanceDefinition, "status", () => status(options));
  const limit = new AlarmLimit();
  dispatcher.unary(MaintenanceDefinition, "alarm", async (request, call) => {
    if (!ALARM_ACTIONS.has(request.action)) throw new EtcdError("UnknownMethod");
    const proposed = AlarmRequest.encode(request).finish();
    const outcome = await limit.take(state.alarms, request, () =>
      proposer.propose(call, InternalField.ALARM, proposed),
    );
    return { ...AlarmResponse.decode(bodyOf(outcome)), header: headers.at(outcome.revision) };
  });
  dispatcher.unary(MaintenanceDefinition, "defragment", async () => {
    log.info("starting defragment");
    options.onDefragment?.(true);
    try {
      await metrics.defragmenting(() =>
        timed(clock, metrics.observeDefrag, () =>
          defragment({ engine: state.engine, path: options.statePath, clock, log }),
        ),
      );
      options.quota.refresh();
    } catch (error) {
      log.warn("failed to defragment", { error });
      throw error;
    } finally {
      options.onDefragment?.(false);
    }
    log.info("finished defragment");
    return { header: undefined };
  });
  let hashCount = 0;
  dispatcher.unary(MaintenanceDefinition, "hash", async () => {
    if (hashCount >= DATABASE_HASHES_MAX) throw new EtcdError("TooManyRequests");
    const header = headers.now();
    hashCount++;
    try {
      return { header, hash: await timed(clock, metrics.observeHash, () => databaseHash(options)) };
    } finally {
      hashCount--;
    }
  });
  dispatcher.unary(MaintenanceDefinition, "hashKV", async ({ revision }) => {
    const found = await timed(clock, metrics.observeHashRevision, () => hashes.take(revision));
    const { hash, compactRevision, currentRevision } = found;
    const header = headers.at(currentRevision);
    return { header, hash, compactRevision, hashRevision: found.revision };
  });
  dispatcher.unary(MaintenanceDefinition, "moveLeader", async ({ targetID }, context) => {
    await moveLeader(options, targetID, context);
    return { header: undefined };
  });
  dispatcher.stream(MaintenanceDefinition, "snapshot", (call) => new SnapshotCall(call, options));
  registerDowngrade(dispatcher, options);
}

async function timed<T>(
  clock: Clock,
  observe: (seconds: number) => void,
  step: () => Promise<T>,
): Promise<T> {
  const startedMs = clock.monotonic();
  const result = await step();
  observe((clock.monotonic() - startedMs) / 1000);
  return result;
}

function status(options: MaintenanceServiceOptions): StatusResponse {
  const { replica, state, headers, quotaBytes } = options;
  const { enabled, targetVersion } = state.membership.downgrade;
  const { leadership } = replica;
  const { totalBytes, inUseBytes } = state.engine.size();
  const errors = leadership.hasLeader ? [] : [new EtcdError("NoLeader").message];
  errors.push(...state.alarms.list(AlarmType.NONE).map(alarmText));
  return {
    header: headers.now(),
    version: state.serverVersion,
    dbSize: totalBytes,
    dbSizeInUse: inUseBytes,
    leader: leadership.leader,
    raftIndex: replica.committedIndex,
    raftTerm: replica.term,
    raftAppliedIndex: replica.appliedIndex,
    errors,
    isLearner: state.membership.local?.isLearner ?? false,
    storageVersion: storageVersion(state.serverVersion),
    dbSizeQuota: quotaBytes,
    downgradeInfo: { enabled, targetVersion },
  };
}
