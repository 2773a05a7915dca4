import type { AppliedMark } from "../apply/applied-mark.ts";
import type { RaftStart } from "../raft/ready.ts";
import type { BootstrapLog } from "../replica/bootstrap.ts";
import type { Wal } from "../wal/wal.ts";
import { clearSpooled, spooledIndexes } from "./spooled-database.ts";

/** Log and state of one member do not belong together; starting would lose what was acknowledged. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
}

/**
 * What raft starts from. The state may be ahead of the log: a crash came between installing a
 * leader's snapshot and telling the log. Then the log either ends before the state, or leads past
 * it on a way that the cluster never took; it begins anew behind the state. Without such a snapshot
 * the log has lost its end, and with it what this member has promised: votes, terms, entries.
 * @param received indexes of the snapshots that this member had taken in and not yet logged
 * @throws RecoveryError
 */
export async function recoverLog(
  wal: Wal,
  log: BootstrapLog,
  applied: AppliedMark,
  received: ReadonlySet<number>,
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
  if (!received.has(index)) {
    const end = snapshot.index + entries.length;
    throw new RecoveryError(
      `the database is applied to ${index} of term ${term}, which the log, ending at ${end}, ` +
        "does not hold: files of the log are missing or old",
    );
  }
  await wal.append({ snapshot: applied, entries: [], sync: true });
  return {
    hardState,
    snapshot: { index, term, confState },
    entries: [],
    applied: index,
    confState,
  };
}

/**
 * As `recoverLog`.
 * @param incoming the folder of received snapshots; empty afterwards
 */
export async function recover(
  wal: Wal,
  log: BootstrapLog,
  applied: AppliedMark,
  incoming: string,
): Promise<RaftStart> {
  const start = await recoverLog(wal, log, applied, spooledIndexes(incoming));
  clearSpooled(incoming);
  return start;
}
