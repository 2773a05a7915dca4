"use client";

import { Age } from "@/components/ui/age";
import { cn } from "@/components/ui/class-names";
import type { KnownStatus } from "@/lib/browser/clusters";
import { formatBytes, formatCount, formatDecimal, formatLatency } from "@/lib/browser/format";
import { sentence } from "@/lib/browser/request";
import { LAG_ENTRIES_MAX } from "@/lib/browser/verdict";
import type { MemberHealth, MemberStatus, OverviewMember } from "@/lib/schema/overview";

const healths: Record<MemberHealth, { label: string; dot: string; ink: string }> = {
  up: { label: "Up", dot: "bg-good-fill", ink: "text-ink" },
  slow: { label: "Slow", dot: "bg-warn-fill", ink: "text-warn" },
  timeout: { label: "No answer", dot: "bg-bad-fill", ink: "text-bad" },
  unreachable: { label: "Unreachable", dot: "bg-bad-fill", ink: "text-bad" },
  error: { label: "Error", dot: "bg-bad-fill", ink: "text-bad" },
  unstarted: { label: "Not started", dot: "bg-line-strong", ink: "text-ink-2" },
};

interface HealthCellProps {
  member: OverviewMember;
  known: KnownStatus | undefined;
}

export function HealthCell({ member, known }: HealthCellProps) {
  const { label, dot, ink } = healths[member.health];
  const seenAt = known?.seenAt ?? member.lastSeen;
  return (
    <>
      <div className={cn("flex items-center gap-2 font-medium whitespace-nowrap", ink)}>
        <span aria-hidden className={cn("size-2 rounded-full", dot)} />
        {label}
        {member.status === null ? null : (
          <span className="figures font-normal text-ink-2">
            {formatLatency(member.status.latencyMs)}
          </span>
        )}
      </div>
      {member.status === null ? (
        <div className="max-w-72 text-xs text-ink-2">
          {member.error === null ? null : (
            <div className="line-clamp-2 break-words">{sentence(member.error.message)}</div>
          )}
          <div className="text-ink-3">
            {seenAt === null ? (
              "Never seen by this console"
            ) : (
              <>
                Last seen <Age since={seenAt} />
              </>
            )}
          </div>
        </div>
      ) : null}
    </>
  );
}

export function DatabaseCell({ status }: { status: MemberStatus }) {
  const { dbSizeBytes, dbSizeInUseBytes, dbQuotaBytes } = status;
  const full = Math.max(1, dbQuotaBytes ?? dbSizeBytes);
  const share = dbSizeBytes === 0 ? 0 : Math.round((dbSizeInUseBytes / dbSizeBytes) * 100);
  return (
    <div className="max-w-80">
      <div className="flex justify-between gap-3">
        <span>{formatBytes(dbSizeBytes)}</span>
        <span className="text-ink-3">
          {dbQuotaBytes === null ? null : <>of {formatBytes(dbQuotaBytes)}</>}
        </span>
      </div>
      <div
        aria-hidden
        data-bar
        className="relative my-1 h-1.5 overflow-hidden rounded-full bg-hover"
      >
        <Bar part={dbSizeBytes / full} className="bg-accent-line" />
        <Bar part={dbSizeInUseBytes / full} className="bg-accent" />
      </div>
      <div className="text-xs text-ink-3">
        {formatBytes(dbSizeInUseBytes)} in use ({share} %)
      </div>
    </div>
  );
}

function Bar({ part, className }: { part: number; className: string }) {
  const width = `${Math.min(100, Math.max(0, part * 100))}%`;
  return <div className={cn("absolute inset-y-0 left-0", className)} style={{ width }} />;
}

export function RaftCell({ status }: { status: MemberStatus }) {
  const lag = Math.max(status.applyLag, status.commitLag);
  return (
    <dl className="grid grid-cols-[auto_auto] justify-start gap-x-2 text-xs whitespace-nowrap [&_dt]:text-ink-3">
      <dt>Term</dt>
      <dd>{formatDecimal(status.raftTerm)}</dd>
      <dt>Index</dt>
      <dd>{formatDecimal(status.raftIndex)}</dd>
      <dt>Applied</dt>
      <dd>
        {formatDecimal(status.appliedIndex)}
        <span className={cn("pl-1.5", lag > LAG_ENTRIES_MAX ? "text-warn" : "text-ink-3")}>
          {lag === 0 ? "no lag" : `${formatCount(lag)} behind`}
        </span>
      </dd>
    </dl>
  );
}
