import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config.ts";
import { Metrics } from "../metrics/metrics.ts";
import { Raft } from "../raft/raft.ts";
import type { IndexCheckpoints } from "../replica/index-checkpoints.ts";
import type { PeerAddress } from "../transport/transport.ts";
import { FileWal } from "../wal/file-wal.ts";
import type { Wal } from "../wal/wal.ts";
import { openDataFolder } from "./data-folder.ts";
import { logListeners, startingFields } from "./log-lines.ts";
import { startAlone } from "./lone-restart.ts";
import { systemNames } from "./name-service.ts";
import { openLog } from "./opened-log.ts";
import { openState } from "./opened-state.ts";
import { logSettings, raftConfig } from "./raft-config.ts";
import { logRaftStart, raftLog } from "./raft-lines.ts";
import { recover } from "./recovered-log.ts";
import { openSecurity, type Security } from "./security.ts";

export interface MemberSurroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What a member stands on, recovered or new. */
export interface Ground {
  readonly state: ReplicatedState;
  readonly index: IndexCheckpoints;
  readonly raft: Raft;
  readonly wal: Wal;
  readonly markerIndex: number;
  readonly metrics: Metrics;
  readonly security: Security;
  /** Folder of databases on their way in. */
  readonly incoming: string;
  /** Whom to talk to before the log has said who is a member. */
  readonly remotes: readonly PeerAddress[];
}

/**
 * Reads what there is of a member, or makes it.
 * @throws BootstrapError, RecoveryError, WalCorruptionError, and errors of the system
 */
export async function openGround(surroundings: MemberSurroundings): Promise<Ground> {
  const { config, clock, random, log } = surroundings;
  const folder = openDataFolder(config, log);
  logListeners(log, config);
  const security = await openSecurity(config, clock, log);
  log.info("starting an etcd server", startingFields(config, FileWal.exists(folder.wal)));
  const metrics = new Metrics(config.metricsLevel === "extensive");
  metrics.reportGates(config.featureGates);
  const { wal, origin } = await openLog(
    { config, folder, clock, log, names: systemNames(clock), peerTls: security.peer },
    {
      ...logSettings(config, clock, metrics),
      random,
      onWait: (pid, limitMs) =>
        log.warn("waiting to see whether another container still uses the data directory", {
          "data-dir": folder.wal,
          "holder-pid": pid,
          timeout: formatMs(limitMs),
        }),
    },
  );
  const membership = { ...origin.metadata, learnersMax: config.maxLearners };
  const stateGround = { config, folder: folder.state, membership, clock, metrics, log };
  const { state, index } = await openState(stateGround);
  const recovered = await recover(wal, origin, state.applied, folder.incoming);
  const { forceNewCluster } = config;
  const start = forceNewCluster ? await startAlone(wal, recovered, origin, log) : recovered;
  state.setConfState(start.confState);
  const { memberId } = origin.metadata;
  const raft = new Raft(raftConfig(surroundings, memberId), start);
  const status = raft.status();
  logRaftStart(raftLog(log), { ...status, lastTerm: raft.termAt(status.lastIndex) ?? 0 });
  const { remotes } = origin;
  const { incoming } = folder;
  const markerIndex = start.snapshot.index;
  return { state, index, raft, wal, markerIndex, metrics, security, incoming, remotes };
}
