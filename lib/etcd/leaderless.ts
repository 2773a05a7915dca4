import { ClusterError } from "./cluster-error.ts";

/** What a read has found, and whether it is one member's own state. */
export interface Standing<T> {
  readonly found: T;
  /** True: the cluster could not be asked as a whole, so that this may be behind. */
  readonly isStale: boolean;
}

/** The cluster answers, but nobody leads it: what a member knows can still be read. */
const WITHOUT_QUORUM: ReadonlySet<string> = new Set(["no-leader", "timeout"]);

/**
 * Reads as of now, and where no majority can be asked for that, what the first member that answers
 * has. Throws the error of the first try when both fail.
 */
export async function readDespite<T>(
  ask: (options: { readonly serializable: boolean }) => Promise<T>,
): Promise<Standing<T>> {
  try {
    return { found: await ask({ serializable: false }), isStale: false };
  } catch (error) {
    if (!(error instanceof ClusterError) || !WITHOUT_QUORUM.has(error.code)) throw error;
    try {
      return { found: await ask({ serializable: true }), isStale: true };
    } catch (second) {
      if (second instanceof ClusterError && second.code !== "compacted") throw error;
      throw second;
    }
  }
}
