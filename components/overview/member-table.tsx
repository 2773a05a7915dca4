"use client";

import type { ReactNode } from "react";
import { DatabaseCell, HealthCell, RaftCell } from "@/components/overview/member-cells";
import { Badge } from "@/components/ui/badge";
import { Card, CardHeader } from "@/components/ui/card";
import { cn } from "@/components/ui/class-names";
import type { KnownStatus, OverviewLook } from "@/lib/browser/clusters";
import { plural } from "@/lib/browser/format";
import { nameOf } from "@/lib/browser/verdict";
import { hexOfDecimal } from "@/lib/schema/bytes";
import type { Alarm, OverviewMember } from "@/lib/schema/overview";

interface MemberTableProps {
  look: OverviewLook;
  isStale: boolean;
}

export function MemberTable({ look: { overview, known }, isStale }: MemberTableProps) {
  const alarmsOf = (member: OverviewMember) =>
    overview.alarms?.filter((alarm) => alarm.memberId === member.id) ?? null;
  const isMet = overview.membership.source !== "endpoints";
  const what = isMet ? "member" : "endpoint";
  return (
    <Card aria-labelledby="members" className={cn(isStale && "opacity-75")}>
      <CardHeader
        id="members"
        title={isMet ? "Members" : "Endpoints"}
        aside={plural(overview.members.length, what)}
      />
      <div className="overflow-x-auto">
        <table className="w-full min-w-160 text-left">
          <thead>
            <tr className="border-b text-2xs text-ink-3 [&_th]:px-3 [&_th]:py-1.5 [&_th]:font-medium [&_th:first-child]:pl-4 [&_th:last-child]:pr-4">
              <th scope="col">Member</th>
              <th scope="col">State</th>
              <th scope="col" className="hidden lg:table-cell">
                Version
              </th>
              <th scope="col" className="w-[24%]">
                Database
              </th>
              <th scope="col">Raft</th>
              <th scope="col" className="hidden lg:table-cell">
                Alarms
              </th>
            </tr>
          </thead>
          <tbody className="divide-y">
            {overview.members.map((member) => (
              <MemberRow
                key={`${member.id}${member.endpoint ?? ""}`}
                member={member}
                known={known[member.id]}
                alarms={alarmsOf(member)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

interface MemberRowProps {
  member: OverviewMember;
  known: KnownStatus | undefined;
  alarms: Alarm[] | null;
}

function MemberRow({ member, known, alarms }: MemberRowProps) {
  const status = member.status ?? known?.status;
  const address = member.clientUrls[0] ?? member.peerUrls[0] ?? "no address";
  const isOld = member.status === null && status !== undefined;
  return (
    <tr className="align-top [&_td]:px-3 [&_td]:py-3 [&_td:first-child]:pl-4 [&_td:last-child]:pr-4 [&_th]:py-3 [&_th]:pl-4">
      <th scope="row" className="font-normal">
        <div className="flex items-center gap-2">
          <span className="font-medium">{nameOf(member)}</span>
          <RoleBadge role={member.role} />
        </div>
        {address === nameOf(member) ? null : (
          <div className="max-w-64 truncate font-mono text-2xs text-ink-3">{address}</div>
        )}
        {member.id === "0" ? null : (
          <div className="text-2xs text-ink-3">
            ID <span className="font-mono">{hexOfDecimal(member.id)}</span>
          </div>
        )}
        {status === undefined ? null : (
          <div className="text-2xs text-ink-3 lg:hidden">Version {status.version}</div>
        )}
      </th>
      <td>
        <HealthCell member={member} known={known} />
        <div className="pt-1 lg:hidden">
          {alarms?.length ? <AlarmCell alarms={alarms} /> : null}
        </div>
      </td>
      <Figures isOld={isOld} isWideOnly>
        {status?.version ?? <Unknown />}
      </Figures>
      <Figures isOld={isOld}>
        {status === undefined ? <Unknown /> : <DatabaseCell status={status} />}
      </Figures>
      <Figures isOld={isOld}>
        {status === undefined ? <Unknown /> : <RaftCell status={status} />}
      </Figures>
      <td className="hidden lg:table-cell">
        <AlarmCell alarms={alarms} />
      </td>
    </tr>
  );
}

interface FiguresProps {
  isOld: boolean;
  isWideOnly?: boolean;
  children: ReactNode;
}

/** Figures of a member that is silent now are its last ones, and look it. */
function Figures({ isOld, isWideOnly, children }: FiguresProps) {
  const look = cn(
    "figures",
    isOld && "text-ink-3 [&_[data-bar]]:opacity-50",
    isWideOnly && "hidden lg:table-cell",
  );
  return <td className={look}>{children}</td>;
}

function Unknown() {
  return <span className="whitespace-nowrap text-ink-3">Not known</span>;
}

function RoleBadge({ role }: { role: OverviewMember["role"] }) {
  if (role === "unknown") return null;
  const names = { leader: "Leader", follower: "Follower", learner: "Learner" };
  return <Badge tone={role === "leader" ? "accent" : "neutral"}>{names[role]}</Badge>;
}

function AlarmCell({ alarms }: { alarms: Alarm[] | null }) {
  if (alarms === null) return <Unknown />;
  if (alarms.length === 0) return <span className="text-ink-3">None</span>;
  return (
    <div className="flex flex-wrap gap-1">
      {alarms.map(({ alarm }) => (
        <Badge key={alarm} tone="bad">
          {alarm}
        </Badge>
      ))}
    </div>
  );
}
