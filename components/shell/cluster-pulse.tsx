"use client";

import Link from "next/link";
import { useAreaHref, useCluster, useConnection } from "@/components/shell/cluster";
import { segmentsOf } from "@/components/shell/segments";
import { useOverview } from "@/components/shell/use-overview";
import { Age } from "@/components/ui/age";
import { cn } from "@/components/ui/class-names";
import { QuorumRing } from "@/components/ui/quorum-ring";
import { formatDecimal } from "@/lib/browser/format";
import { judge, type VerdictLevel } from "@/lib/browser/verdict";

const inks: Record<VerdictLevel, string> = {
  healthy: "text-good",
  risk: "text-warn",
  lost: "text-bad",
};

/** Name and health of the cluster, on every page. */
export function ClusterPulse() {
  const cluster = useCluster();
  const connection = useConnection();
  const href = useAreaHref();
  const { overview, silence, isOld } = useOverview(cluster);
  const revision = overview?.revision ?? null;
  const verdict = overview === undefined ? undefined : judge(overview);
  const isStale = (silence !== null || isOld) && overview !== undefined;
  return (
    <Link
      href={href("overview")}
      className="flex h-8 min-w-0 items-center gap-2.5 rounded-md px-2 hover:bg-hover"
    >
      <QuorumRing
        segments={overview === undefined ? PENDING : segmentsOf(overview, isStale)}
        weight={18}
        className="size-5"
      />
      <span className="truncate font-medium">{connection?.name ?? cluster}</span>
      <span aria-live="polite" className="flex min-w-0 items-center gap-2.5 text-xs">
        {silence !== null ? (
          <span className="truncate font-medium text-bad">{silence}</span>
        ) : verdict === undefined || isOld ? (
          <span className="text-ink-3">Checking…</span>
        ) : (
          <span className={cn("truncate font-medium", inks[verdict.level])}>{verdict.title}</span>
        )}
      </span>
      {isStale ? (
        <span className="shrink-0 text-xs text-ink-3">
          Last seen <Age since={overview.checkedAt} />
        </span>
      ) : null}
      {revision === null ? null : (
        <span className="figures hidden text-xs whitespace-nowrap text-ink-3 md:inline">
          Revision {formatDecimal(revision)}
        </span>
      )}
    </Link>
  );
}

const PENDING = ["a", "b", "c"].map((id) => ({ id, state: "unknown" as const }));
