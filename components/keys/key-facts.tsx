"use client";

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { cn } from "@/components/ui/class-names";
import { useNow } from "@/components/ui/now";
import { formatBytes, formatCount, formatDecimal, formatDuration } from "@/lib/browser/format";
import { leaseQuery } from "@/lib/browser/keys";
import { errorText, RequestError } from "@/lib/browser/request";
import { hexOfDecimal } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

interface KeyFactsProps {
  cluster: string;
  kv: KeyValue;
  /** A lease says nothing about the past. */
  isPast: boolean;
}

export function KeyFacts({ cluster, kv, isPast }: KeyFactsProps) {
  return (
    <Facts>
      <Fact name="Mod revision">
        <span key={kv.modRevision} className="-mx-1 animate-flash rounded-sm px-1">
          {formatDecimal(kv.modRevision)}
        </span>
      </Fact>
      <Fact name="Create revision">{formatDecimal(kv.createRevision)}</Fact>
      <Fact name="Version">{formatDecimal(kv.version)}</Fact>
      <Fact name="Size">
        <span title={`${formatCount(kv.sizeBytes)} bytes`}>{formatBytes(kv.sizeBytes)}</span>
      </Fact>
      <Fact name="Lease" isWide={kv.lease !== "0"}>
        {kv.lease === "0" ? (
          <span className="text-ink-3">None</span>
        ) : (
          <LeaseFact cluster={cluster} lease={kv.lease} isPast={isPast} />
        )}
      </Fact>
    </Facts>
  );
}

/** Figures side by side, each below its name. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <dl className="figures grid shrink-0 grid-cols-[repeat(auto-fit,minmax(96px,1fr))] gap-x-4 gap-y-2 px-4 pb-3">
      {children}
    </dl>
  );
}

interface FactProps {
  name: string;
  isWide?: boolean;
  children: ReactNode;
}

export function Fact({ name, isWide, children }: FactProps) {
  return (
    <div className={cn("min-w-0", isWide && "col-span-2")}>
      <dt className="text-2xs text-ink-3">{name}</dt>
      <dd className={cn("text-sm", !isWide && "truncate")}>{children}</dd>
    </div>
  );
}

interface LeaseFactProps {
  cluster: string;
  lease: string;
  isPast: boolean;
}

const SOON_SECONDS = 10;

function LeaseFact({ cluster, lease, isPast }: LeaseFactProps) {
  const { data, error, dataUpdatedAt } = useQuery({
    ...leaseQuery(cluster, lease),
    enabled: !isPast,
  });
  const now = useNow(1_000);
  const id = <span className="font-mono text-xs">{hexOfDecimal(lease)}</span>;
  if (isPast) return id;
  if (error !== null) {
    const isGone = error instanceof RequestError && error.code === "not-found";
    return (
      <>
        {id}{" "}
        <span className="text-xs text-ink-3" title={errorText(error)}>
          {isGone ? "is gone" : "time left not known"}
        </span>
      </>
    );
  }
  if (data === undefined) return id;
  const left = Math.max(0, data.ttlSeconds - Math.floor((now - dataUpdatedAt) / 1_000));
  return (
    <>
      {id}{" "}
      <span
        className={cn(
          "text-xs whitespace-nowrap",
          left <= SOON_SECONDS ? "text-warn" : "text-ink-2",
        )}
      >
        {left === 0 ? "expiring" : `${formatDuration(left)} left`}
      </span>{" "}
      <span className="text-xs whitespace-nowrap text-ink-3">
        of {formatDuration(data.grantedTtlSeconds)}
      </span>
    </>
  );
}
