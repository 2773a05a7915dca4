"use client";

import { ChevronRight, Clock, EllipsisVertical, Folder, FolderOpen } from "lucide-react";
import { KeyLabel } from "@/components/keys/key-label";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/class-names";
import { Spinner } from "@/components/ui/spinner";
import { formatCount } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import type { FolderRow, KeyRow, NoteRow, TreeRow } from "@/lib/browser/tree-rows";
import { decodeBase64 } from "@/lib/schema/bytes";

export const ROW_PIXELS = 26;
const INDENT_PIXELS = 14;

interface TreeRowViewProps {
  row: TreeRow;
  domId: string;
  separator: string;
  isSelected: boolean;
  hasCursor: boolean;
  hasDraft: boolean;
  onLoadMore: (note: NoteRow) => void;
}

export function TreeRowView(props: TreeRowViewProps) {
  const { row, domId, isSelected, hasCursor } = props;
  const aria =
    row.kind === "folder" || row.kind === "key"
      ? { "aria-setsize": row.size, ...(row.position > 0 && { "aria-posinset": row.position }) }
      : {};
  return (
    <div
      id={domId}
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth + 1}
      aria-selected={isSelected}
      aria-expanded={row.kind === "folder" ? row.isOpen : undefined}
      {...aria}
      style={{ height: ROW_PIXELS, paddingLeft: 8 + row.depth * INDENT_PIXELS }}
      className={cn(
        "relative flex cursor-default items-center gap-1.5 pr-3 font-mono text-xs whitespace-nowrap select-none",
        isSelected ? "bg-accent-soft" : "hover:bg-hover",
        hasCursor &&
          "group-focus-visible/tree:outline-2 group-focus-visible/tree:-outline-offset-2 group-focus-visible/tree:outline-accent",
      )}
    >
      {isSelected ? (
        <span aria-hidden className="absolute inset-y-0 left-0 w-0.5 bg-accent" />
      ) : null}
      <RowBody {...props} />
    </div>
  );
}

function RowBody({ row, separator, hasDraft, onLoadMore }: TreeRowViewProps) {
  switch (row.kind) {
    case "folder":
      return <FolderBody row={row} separator={separator} />;
    case "key":
      return <KeyBody row={row} hasDraft={hasDraft} />;
    case "more":
    case "gap":
    case "loading":
    case "failed":
    case "full":
      return <NoteBody row={row} onLoadMore={onLoadMore} />;
  }
}

function FolderBody({ row, separator }: { row: FolderRow; separator: string }) {
  const name = decodeBase64(row.name);
  const Icon = row.isOpen ? FolderOpen : Folder;
  return (
    <>
      <ChevronRight
        aria-hidden
        className={cn(
          "size-3.5 shrink-0 text-ink-3 transition-transform",
          row.isOpen && "rotate-90",
        )}
      />
      <Icon aria-hidden className="size-3.5 shrink-0 text-accent" />
      <span className="min-w-0 flex-1 truncate" title={formatKey(name) + separator}>
        {name.length === 0 ? null : <KeyLabel bytes={name} />}
        <span className={name.length === 0 ? "" : "text-ink-3"}>{separator}</span>
      </span>
      <span className="figures font-sans text-2xs text-ink-3">
        {formatCount(row.count)}
        <span className="sr-only"> {row.count === 1 ? "key" : "keys"}</span>
      </span>
    </>
  );
}

function KeyBody({ row, hasDraft }: { row: KeyRow; hasDraft: boolean }) {
  const isFlat = row.sharedBytes !== undefined;
  return (
    <>
      <span aria-hidden className={cn("flex shrink-0 justify-end pr-1.5", isFlat ? "w-4" : "w-8")}>
        <span className="size-1 rounded-full bg-line-strong" />
      </span>
      <KeyName name={decodeBase64(row.name)} sharedBytes={row.sharedBytes ?? 0} />
      {hasDraft ? (
        <span className="font-sans text-2xs text-warn">
          Edited<span className="sr-only">, not saved</span>
        </span>
      ) : null}
      {row.meta.lease === "0" ? null : (
        <span className="shrink-0">
          <Clock aria-hidden className="size-3 text-ink-3" />
          <span className="sr-only">on a lease</span>
        </span>
      )}
    </>
  );
}

/** Cut short, a name keeps the end that tells it from its neighbours. */
function KeyName({ name, sharedBytes }: { name: Uint8Array; sharedBytes: number }) {
  const shared = name.slice(0, sharedBytes);
  const own = name.slice(sharedBytes);
  const text = formatKey(name);
  const isCut = sharedBytes > 0 && own.length > 0 && formatKey(shared) + formatKey(own) === text;
  const clip = "overflow-hidden text-ellipsis whitespace-pre";
  return (
    <span className="flex min-w-0 flex-1" title={text}>
      {isCut ? <KeyLabel bytes={shared} className={cn(clip, "min-w-6 text-ink-3")} /> : null}
      <KeyLabel
        bytes={isCut ? own : name}
        className={cn(clip, isCut ? "max-w-[calc(100%-24px)] shrink-0" : "min-w-0")}
      />
    </span>
  );
}

function NoteBody({ row, onLoadMore }: { row: NoteRow; onLoadMore: (note: NoteRow) => void }) {
  if (row.kind === "loading" || row.kind === "more") {
    return (
      <span className="flex items-center gap-2 pl-5 font-sans text-ink-3">
        <Spinner />
        {row.kind === "more" ? "Loading more" : "Loading"}
      </span>
    );
  }
  if (row.kind === "gap") {
    return (
      <button
        type="button"
        tabIndex={-1}
        className="flex items-center gap-2 rounded pl-5 font-sans text-accent hover:underline"
      >
        <EllipsisVertical aria-hidden className="size-3.5" />
        Load what stands in between
      </button>
    );
  }
  if (row.kind === "full") return <span className="pl-5 font-sans text-ink-3">{row.text}</span>;
  return (
    <span className="flex min-w-0 items-center gap-2 pl-5 font-sans text-bad">
      <span className="truncate" title={row.text}>
        {row.text}
      </span>
      <Button
        tone="quiet"
        size="sm"
        tabIndex={-1}
        className="h-5"
        onClick={(event) => {
          event.stopPropagation();
          onLoadMore(row);
        }}
      >
        Try again
      </Button>
    </span>
  );
}
