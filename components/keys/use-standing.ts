"use client";

import { useMemo } from "react";
import { useOverview } from "@/components/shell/use-overview";
import { formatTimeOrDay } from "@/lib/browser/format";
import { nameById, type QuorumDoubt, quorumDoubt } from "@/lib/browser/verdict";
import type { OverviewReply } from "@/lib/schema/overview";

export interface Standing {
  /** False from the first look that does not prove one until a look does again. */
  readonly hasQuorum: boolean;
  /** Why it is not known whether there is a quorum; null where that is known. */
  readonly doubt: QuorumDoubt | null;
  /** Why no write is tried now, or null. */
  readonly refusal: string | null;
  /** Why what is said here may be over, or null. */
  readonly silence: string | null;
  /** What a member is called, by its id in decimal. */
  readonly memberName: (id: string) => string;
  /** When the cluster was last looked at, as an ISO time. */
  readonly checkedAt: string | undefined;
  /** The newest that any member had then; null when none told. */
  readonly revision: string | null;
}

/** Whether what the keys page shows may be believed, and whether it may be changed. */
export function useStanding(cluster: string): Standing {
  const { overview, silence } = useOverview(cluster);
  return useMemo(() => {
    const memberName = (id: string) => nameById(id, { members: overview?.members ?? [] });
    const doubt = overview === undefined ? null : quorumDoubt(overview);
    return {
      hasQuorum: overview?.quorum.hasQuorum ?? true,
      doubt,
      refusal: overview === undefined ? null : refusalOf(overview, doubt, silence),
      silence,
      memberName,
      checkedAt: overview?.checkedAt,
      revision: overview?.revision ?? null,
    };
  }, [overview, silence]);
}

function refusalOf(
  overview: OverviewReply,
  doubt: QuorumDoubt | null,
  silence: string | null,
): string | null {
  if (overview.quorum.hasQuorum) return null;
  if (doubt?.mayWrite === true) return null;
  if (silence !== null) {
    const found = doubt === null ? "the cluster had no quorum" : `it was: ${doubt.title}`;
    const at = formatTimeOrDay(overview.checkedAt, Date.now());
    return `When last looked at, at ${at}, ${found}.`;
  }
  if (doubt === null) return "Nothing can be written while the cluster has no quorum.";
  return `${doubt.title}.`;
}
