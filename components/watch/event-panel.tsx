"use client";

import { ArrowUpRight, X } from "lucide-react";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/class-names";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { ValueDiff } from "@/components/ui/value-diff";
import { OPS } from "@/components/watch/event-row-view";
import { getCommand } from "@/lib/browser/etcdctl";
import { formatBytes, formatDateTime, formatDecimal } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import { keysHref } from "@/lib/browser/page-address";
import type { EventRow } from "@/lib/browser/watch-row";
import { decodeBase64, hexOfDecimal } from "@/lib/schema/bytes";

interface EventPanelProps {
  cluster: string;
  row: EventRow;
  onClose: () => void;
}

/** One event: what stood there, what stands there after it. */
export function EventPanel({ cluster, row, onClose }: EventPanelProps) {
  const key = decodeBase64(row.key);
  const { label, ink } = OPS[row.op];
  const command = getCommand(key, row.revision);
  const { kv, previous } = row;
  return (
    <section
      aria-label="Event"
      className="flex min-h-0 shrink-0 flex-col border-line max-lg:h-[46%] max-lg:border-t lg:w-[52%] lg:border-l"
    >
      <header className="flex items-start justify-between gap-3 px-4 pt-3 pb-2">
        <h2 className="max-h-16 min-w-0 overflow-auto font-mono text-sm leading-6 font-medium [overflow-wrap:anywhere]">
          {formatKey(key)}
        </h2>
        <Button
          tone="quiet"
          size="icon-sm"
          aria-label="Close the event"
          onClick={onClose}
          className="-mt-0.5 -mr-1.5"
        >
          <X />
        </Button>
      </header>
      <dl className="figures flex shrink-0 flex-wrap gap-x-5 gap-y-1 px-4 pb-2 text-xs [&_dd]:inline [&_dt]:inline [&_dt]:pr-1.5 [&_dt]:text-ink-3">
        <div>
          <dt>Change</dt>
          <dd className={cn("font-medium", ink)}>{label}</dd>
        </div>
        <Fact name="Revision" value={formatDecimal(row.revision)} />
        <Fact name="Received" value={formatDateTime(row.receivedAt)} />
        {kv === null ? null : (
          <>
            <Fact name="Version" value={formatDecimal(kv.version)} />
            <Fact name="Size" value={formatBytes(kv.sizeBytes)} />
            {kv.lease === "0" ? null : <Fact name="Lease" value={hexOfDecimal(kv.lease)} />}
          </>
        )}
      </dl>
      <div className="flex shrink-0 items-center gap-1.5 px-4 pb-3">
        <Button asChild size="sm">
          <Link href={keysHref({ cluster, key })}>
            Open key <ArrowUpRight />
          </Link>
        </Button>
        <CopyCommandButton command={command} />
      </div>
      <ValueDiff
        before={previous === null ? null : decodeBase64(previous.value)}
        after={kv === null ? null : decodeBase64(kv.value)}
        beforeTitle={beforeTitle(row)}
        afterTitle={
          kv === null ? "After: deleted" : `After, revision ${formatDecimal(row.revision)}`
        }
        className="flex-1 px-4 pb-3"
      />
    </section>
  );
}

function beforeTitle({ previous, op }: EventRow): string {
  if (previous !== null) return `Before, revision ${formatDecimal(previous.modRevision)}`;
  return op === "create" ? "Before: no such key" : "Before: compacted";
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
