"use client";

import { segmentsOf } from "@/components/shell/segments";
import { Age } from "@/components/ui/age";
import { Card, CardHeader } from "@/components/ui/card";
import { cn } from "@/components/ui/class-names";
import { QuorumRing } from "@/components/ui/quorum-ring";
import { formatLatency, plural } from "@/lib/browser/format";
import { answeringVoters, quorumDoubt } from "@/lib/browser/verdict";
import type { OverviewReply, Quorum } from "@/lib/schema/overview";

interface QuorumCardProps {
  overview: OverviewReply;
  isStale: boolean;
  /** Stale, and nothing is known to be wrong: the next look is awaited. */
  isChecking: boolean;
}

export function QuorumCard({ overview, isStale, isChecking }: QuorumCardProps) {
  const { quorum } = overview;
  const doubt = quorumDoubt(overview);
  const centre = doubt === null ? "Lost" : "Unknown";
  return (
    <Card aria-labelledby="quorum">
      <CardHeader
        id="quorum"
        title="Quorum"
        aside={
          isChecking ? (
            <span>
              Last seen <Age since={overview.checkedAt} />
            </span>
          ) : (
            <ProvingRead quorum={quorum} />
          )
        }
      />
      <div className="flex items-center gap-6 p-5">
        <QuorumRing segments={segmentsOf(overview, isStale)} className="size-32">
          {quorum.hasQuorum ? (
            <span className="text-[34px] leading-9 font-semibold tracking-tight">
              {quorum.canLose}
            </span>
          ) : (
            <span className="text-lg font-semibold text-bad">{centre}</span>
          )}
          {doubt === null ? (
            <span className="text-2xs text-ink-3">
              {quorum.hasQuorum ? "to spare" : "no writes"}
            </span>
          ) : null}
        </QuorumRing>
        <div className="min-w-0">
          <p className={cn("text-lg leading-6 font-semibold", headlineInk(quorum))}>
            {doubt === null ? headline(overview) : doubt.title}
          </p>
          <p className="pt-1 text-ink-2">
            {doubt === null ? explanation(quorum) : "Whether there is a quorum is not known."}
          </p>
          <Learners overview={overview} />
        </div>
      </div>
    </Card>
  );
}

function headline({ quorum, members }: OverviewReply): string {
  const { hasQuorum, canLose, voters, healthyVoters, needed } = quorum;
  if (!hasQuorum) {
    const answering = answeringVoters(members);
    if (answering >= needed) return "The members have no common leader";
    return `${answering} of ${plural(voters, "member")} left, ${needed} needed`;
  }
  if (voters === 1) return "A single member: none can be lost";
  if (canLose === 0) return `Cannot lose any of ${plural(healthyVoters, "member")} now`;
  return `Can lose ${canLose} of ${plural(voters, "member")} now`;
}

function headlineInk({ hasQuorum, canLose, canLoseAtBest }: Quorum): string {
  if (!hasQuorum) return "text-bad";
  return canLose < canLoseAtBest ? "text-warn" : "text-ink";
}

function explanation({ hasQuorum, healthyVoters, voters, needed, canLoseAtBest, canLose }: Quorum) {
  if (!hasQuorum) {
    return "Nothing can be written, and only stale reads are possible, until enough members are back.";
  }
  const healthy = `${healthyVoters} of ${plural(voters, "voting member")} healthy, ${needed} needed.`;
  if (canLose === canLoseAtBest) return healthy;
  return `${healthy} With all healthy it would be ${canLoseAtBest}.`;
}

function ProvingRead({ quorum }: { quorum: Quorum }) {
  if (quorum.readLatencyMs === null) return <span>Linearizable read failed</span>;
  return (
    <span className="figures">Linearizable read in {formatLatency(quorum.readLatencyMs)}</span>
  );
}

function Learners({ overview }: { overview: OverviewReply }) {
  const count = overview.members.filter((member) => member.isLearner).length;
  if (count === 0) return null;
  return <p className="pt-1 text-xs text-ink-3">{plural(count, "learner")} without a vote</p>;
}
