"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useAreaHref, useCluster, useConnection } from "@/components/shell/cluster";
import { segmentsOf } from "@/components/shell/segments";
import { cn } from "@/components/ui/class-names";
import { QuorumRing } from "@/components/ui/quorum-ring";
import { overviewQuery } from "@/lib/browser/clusters";
import { formatDecimal } from "@/lib/browser/format";
import { errorText } from "@/lib/browser/request";
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
  const { data, isError, error } = useQuery(overviewQuery(cluster));
  const overview = data?.overview;
  const revision = overview?.revision ?? null;
  const verdict = overview === undefined ? undefined : judge(overview);
  const isStale = isError && overview !== undefined;
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
        {isError ? (
          <span className="truncate font-medium text-bad">{errorText(error)}</span>
        ) : verdict === undefined ? (
          <span className="text-ink-3">Checking…</span>
        ) : (
          <span className={cn("truncate font-medium", inks[verdict.level])}>{verdict.title}</span>
        )}
      </span>
      {revision === null ? null : (
        <span className="figures hidden text-xs whitespace-nowrap text-ink-3 md:inline">
          Revision {formatDecimal(revision)}
        </span>
      )}
    </Link>
  );
}

const PENDING = ["a", "b", "c"].map((id) => ({ id, state: "unknown" as const }));
