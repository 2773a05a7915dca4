"use client";

import { CircleAlert, CircleCheck, TriangleAlert } from "lucide-react";
import { Age } from "@/components/ui/age";
import { Badge, type Tone } from "@/components/ui/badge";
import { Card, CardHeader } from "@/components/ui/card";
import { plural } from "@/lib/browser/format";
import type { Verdict, VerdictLevel, VerdictReason } from "@/lib/browser/verdict";
import type { OverviewReply } from "@/lib/schema/overview";

const tones: Record<VerdictLevel, Tone> = { healthy: "good", risk: "warn", lost: "bad" };

interface VerdictCardProps {
  verdict: Verdict;
  overview: OverviewReply;
  isStale: boolean;
  /** Stale, and nothing is known to be wrong: the next look is awaited. */
  isChecking: boolean;
}

export function VerdictCard({ verdict, overview, isStale, isChecking }: VerdictCardProps) {
  const unknown = isChecking ? "Checking…" : "Not known now";
  return (
    <Card aria-labelledby="verdict" className="flex flex-col">
      <CardHeader
        id="verdict"
        title="Health"
        aside={
          <>
            {isChecking ? (
              <span>
                Last seen <Age since={overview.checkedAt} />
              </span>
            ) : null}
            <Badge tone={isStale ? "neutral" : tones[verdict.level]} aria-live="polite">
              {isStale ? unknown : verdict.title}
            </Badge>
          </>
        }
      />
      {verdict.reasons.length === 0 ? (
        <AllWell overview={overview} />
      ) : (
        <ul className="flex max-h-72 flex-1 flex-col divide-y overflow-auto">
          {verdict.reasons.map((reason) => (
            <Reason key={reason.title + reason.text} reason={reason} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Reason({ reason }: { reason: VerdictReason }) {
  const Icon = reason.level === "lost" ? CircleAlert : TriangleAlert;
  return (
    <li className="flex gap-2.5 px-4 py-2.5">
      <Icon
        aria-hidden
        className={`mt-0.5 size-4 shrink-0 ${reason.level === "lost" ? "text-bad" : "text-warn"}`}
      />
      <div className="min-w-0">
        <div className="font-medium break-words">{reason.title}</div>
        <div className="text-xs break-words text-ink-2">{reason.text}</div>
      </div>
    </li>
  );
}

/** What was looked at, so that "healthy" means something. */
function AllWell({ overview }: { overview: OverviewReply }) {
  const leader = overview.members.find((member) => member.id === overview.leaderId);
  const lag = Math.max(0, ...overview.members.map(({ status }) => status?.commitLag ?? 0));
  const checks = [
    leader === undefined ? "A leader is agreed on" : `All members follow ${leader.name}`,
    `Every member answers within ${overview.slowAboveMs} ms`,
    lag === 0
      ? "No member lags behind"
      : `No member lags by more than ${plural(lag, "entry", "entries")}`,
    "No alarm is raised",
  ];
  return (
    <ul className="grid flex-1 content-center gap-x-6 gap-y-2.5 px-5 py-4 sm:grid-cols-2">
      {checks.map((check) => (
        <li key={check} className="flex items-center gap-2.5">
          <CircleCheck aria-hidden className="size-4 shrink-0 text-good" />
          {check}
        </li>
      ))}
    </ul>
  );
}
