"use client";

import { useQuery } from "@tanstack/react-query";
import { CloudOff } from "lucide-react";
import Link from "next/link";
import { MemberTable } from "@/components/overview/member-table";
import { OverviewSkeleton } from "@/components/overview/overview-skeleton";
import { QuorumCard } from "@/components/overview/quorum-card";
import { VerdictCard } from "@/components/overview/verdict-card";
import { useCluster } from "@/components/shell/cluster";
import { useOverview } from "@/components/shell/use-overview";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Blank, Notice } from "@/components/ui/notice";
import { type OverviewLook, overviewQuery } from "@/lib/browser/clusters";
import { formatDecimal, plural } from "@/lib/browser/format";
import { errorText, RequestError } from "@/lib/browser/request";
import { judge } from "@/lib/browser/verdict";
import { hexOfDecimal } from "@/lib/schema/bytes";

export function OverviewBoard() {
  const cluster = useCluster();
  const { data, error, isError, dataUpdatedAt, refetch } = useQuery(overviewQuery(cluster));
  const { silence, isOld } = useOverview(cluster);
  if (data === undefined) {
    if (!isError) return <OverviewSkeleton />;
    if (error instanceof RequestError && error.code === "not-found") return <UnknownCluster />;
    return (
      <Blank
        icon={<CloudOff aria-hidden />}
        title="The state of the cluster cannot be read"
        actions={<Button onClick={() => void refetch()}>Try again</Button>}
      >
        {errorText(error)}
      </Blank>
    );
  }
  return <Board look={data} lookedAt={dataUpdatedAt} silence={silence} isOld={isOld} />;
}

/** The address names a cluster that this console was not started with. */
function UnknownCluster() {
  return (
    <Blank
      icon={<CloudOff aria-hidden />}
      title="This console knows no such cluster"
      actions={
        <Button asChild tone="primary">
          <Link href="/overview">Go to its own cluster</Link>
        </Button>
      }
    >
      The address may come from another console.
    </Blank>
  );
}

interface BoardProps {
  look: OverviewLook;
  /** When the look came, in ms since 1970. */
  lookedAt: number;
  /** Why no newer one is known, or null. */
  silence: string | null;
  /** The look says nothing of now. */
  isOld: boolean;
}

function Board({ look, lookedAt, silence, isOld }: BoardProps) {
  const { overview } = look;
  const isChecking = isOld && silence === null;
  const isStale = isOld || silence !== null;
  const standing = { overview, isStale, isChecking };
  return (
    <div className="h-full overflow-auto">
      <div className="mx-auto flex max-w-400 flex-col gap-4 p-4 lg:p-6">
        <header className="flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
          <h1 className="text-xl font-semibold tracking-tight">Overview</h1>
          <Facts look={look} />
        </header>
        {silence !== null ? (
          <Notice tone="bad" title={silence}>
            What you see was true <Age since={lookedAt} />. The console keeps trying.
          </Notice>
        ) : null}
        {overview.membership.source === "live" ? null : <MembershipNotice look={look} />}
        <div className="grid gap-4 md:grid-cols-2">
          <QuorumCard {...standing} />
          <VerdictCard {...standing} verdict={judge(overview)} />
        </div>
        <MemberTable look={look} isStale={isStale} />
      </div>
    </div>
  );
}

function Facts({ look: { overview } }: { look: OverviewLook }) {
  const { clusterId, revision, raftTerm, checkedAt } = overview;
  return (
    <dl className="figures flex flex-wrap gap-x-5 gap-y-1 text-xs [&_dd]:inline [&_dd]:text-ink-2 [&_dt]:inline [&_dt]:pr-1.5 [&_dt]:text-ink-3">
      <div>
        <dt>Cluster</dt>
        <dd className="font-mono">{clusterId === null ? "unknown" : hexOfDecimal(clusterId)}</dd>
      </div>
      <div>
        <dt>Term</dt>
        <dd>{raftTerm === null ? "unknown" : formatDecimal(raftTerm)}</dd>
      </div>
      <div>
        <dt>Revision</dt>
        <dd>{revision === null ? "unknown" : formatDecimal(revision)}</dd>
      </div>
      <div>
        <dt>Checked</dt>
        <dd>
          <Age since={checkedAt} />
        </dd>
      </div>
    </dl>
  );
}

function MembershipNotice({ look: { overview } }: { look: OverviewLook }) {
  const { source, ageMs } = overview.membership;
  if (source === "remembered") {
    return (
      <Notice tone="warn" title="No member could say who belongs to the cluster">
        The list below was true <Age since={Date.parse(overview.checkedAt) - ageMs} />.
      </Notice>
    );
  }
  const isAnswered = overview.members.some(({ status }) => status !== null);
  return (
    <Notice tone="warn" title="It is not known who belongs to the cluster">
      {isAnswered
        ? "The list of members has never been readable."
        : "No member has answered since the console started."}{" "}
      Below {overview.members.length === 1 ? "is" : "are"} the{" "}
      {plural(overview.members.length, "endpoint")} that it was given.
    </Notice>
  );
}
