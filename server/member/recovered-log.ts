import type { AppliedMark } from "../apply/applied-mark.ts";
import type { RaftStart } from "../raft/ready.ts";
import type { BootstrapLog } from "../replica/bootstrap.ts";
import type { Wal } from "../wal/wal.ts";

/** Log and state of one member do not belong together; starting would lose what was acknowledged. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
}

/**
 * What raft starts from. The state may be ahead of the log: a crash came between installing a
 * leader's snapshot and telling the log. Then the log either ends before the state, or leads past it
 * on a way that the cluster never took; it begins anew behind the state.
 */
export async function recoverLog(
  wal: Wal,
  log: BootstrapLog,
  applied: AppliedMark,
): Promise<RaftStart> {
  const { hardState, snapshot, entries } = log;
  if (applied.index < snapshot.index) {
    throw new RecoveryError(
      `the database is applied to ${applied.index}, but the log begins behind ${snapshot.index}: ` +
        "database file of the backend is missing or old",
    );
  }
  const { index, term, confState } = applied;
  const last = index === snapshot.index ? snapshot : entries[index - snapshot.index - 1];
  if (last?.term === term) return { hardState, snapshot, entries, applied: index, confState };
  await wal.append({ snapshot: applied, entries: [], sync: true });
  return {
    hardState,
    snapshot: { index, term, confState },
    entries: [],
    applied: index,
    confState,
  };
}
