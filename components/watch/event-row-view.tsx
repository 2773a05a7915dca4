"use client";

import { RefreshCw, TriangleAlert, Unplug } from "lucide-react";
import { cn } from "@/components/ui/class-names";
import { COLUMNS, UNLESS_NARROW, UNLESS_NARROWEST } from "@/components/watch/columns";
import { formatBytes, formatDecimal, formatTimeOrDay } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import {
  type EventRow,
  type MarkerRow,
  previewOf,
  type WatchOp,
  type WatchRow,
} from "@/lib/browser/watch-row";
import { decodeBase64 } from "@/lib/schema/bytes";

export const ROW_PIXELS = 26;

export const OPS: Record<WatchOp, { label: string; ink: string }> = {
  create: { label: "Create", ink: "text-good" },
  update: { label: "Update", ink: "text-accent" },
  delete: { label: "Delete", ink: "text-bad" },
};

interface EventRowViewProps {
  row: WatchRow;
  index: number;
  /** Pixels from the top of the list. */
  top: number;
  domId: string;
  isChosen: boolean;
  /** In ms since 1970: which day is today. */
  now: number;
}

export function EventRowView({ row, index, top, domId, isChosen, now }: EventRowViewProps) {
  return (
    <tr
      id={domId}
      data-row={index}
      aria-rowindex={index + 1}
      aria-selected={isChosen}
      style={{ height: ROW_PIXELS, transform: `translateY(${top}px)` }}
      className={cn(
        "absolute inset-x-0 top-0 cursor-default border-b border-line/60 text-xs whitespace-nowrap",
        row.kind === "event" ? COLUMNS : "block",
        isChosen ? "bg-accent-soft" : "hover:bg-hover",
      )}
    >
      {row.kind === "event" ? <EventCells row={row} now={now} /> : <Marker row={row} />}
    </tr>
  );
}

function EventCells({ row, now }: { row: EventRow; now: number }) {
  const { label, ink } = OPS[row.op];
  return (
    <>
      <td className="figures text-ink-2">{formatDecimal(row.revision)}</td>
      <td className={cn("figures text-ink-3", UNLESS_NARROW)}>
        {formatTimeOrDay(row.receivedAt, now)}
      </td>
      <td className={cn("font-medium", ink)}>{label}</td>
      <td className="truncate font-mono">{formatKey(decodeBase64(row.key))}</td>
      <td
        className={cn(
          "truncate font-mono text-ink-3",
          row.op === "delete" && "line-through",
          UNLESS_NARROWEST,
        )}
      >
        {previewOf(row)}
      </td>
      <td className={cn("figures text-right text-ink-3", UNLESS_NARROW)}>
        {row.kv === null ? "" : formatBytes(row.kv.sizeBytes)}
      </td>
    </>
  );
}

const markers = {
  gap: { look: "bg-bad-soft text-bad", Icon: TriangleAlert },
  lost: { look: "bg-warn-soft text-warn", Icon: Unplug },
  resumed: { look: "bg-good-soft text-good", Icon: RefreshCw },
};

function Marker({ row }: { row: MarkerRow }) {
  const { look, Icon } = markers[row.kind];
  return (
    <td className={cn("flex h-full items-center gap-2 px-3 font-medium", look)}>
      <Icon aria-hidden className="size-3.5 shrink-0" />
      <span className="truncate" title={row.text}>
        {row.text}
      </span>
    </td>
  );
}
