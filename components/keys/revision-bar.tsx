"use client";

import { useQuery } from "@tanstack/react-query";
import { History, RefreshCw } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/class-names";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import { overviewQuery } from "@/lib/browser/clusters";
import { compareDecimal, isRevision } from "@/lib/browser/decimal";
import { formatCount, formatDecimal } from "@/lib/browser/format";
import type { TreeView } from "@/lib/browser/key-tree";

interface RevisionBarProps {
  cluster: string;
  view: TreeView;
  /** Set when the past is looked at. */
  fixed: string | undefined;
  onRefresh: () => void;
  onRevision: (revision: string | undefined) => void;
}

/** At which revision the tree stands, how far the cluster has gone since, and the way there. */
export function RevisionBar({ cluster, view, fixed, onRefresh, onRevision }: RevisionBarProps) {
  const [isAsking, setIsAsking] = useState(false);
  const { data } = useQuery(overviewQuery(cluster));
  const newest = data?.overview.revision ?? null;
  const isBehind =
    newest !== null && view.revision !== null && compareDecimal(newest, view.revision) > 0;
  const behind = isBehind ? BigInt(newest) - BigInt(view.revision ?? newest) : 0n;
  return (
    <div className="flex h-9 shrink-0 items-center justify-between gap-2 border-t px-2 text-xs">
      <div className="figures flex min-w-0 items-center gap-1.5 truncate pl-1 text-ink-3">
        {view.revision === null ? (
          "No revision yet"
        ) : (
          <span className="truncate">
            Revision <span className="text-ink-2">{formatDecimal(view.revision)}</span>
          </span>
        )}
        {fixed === undefined && behind > 0n ? (
          <span className="truncate text-accent">{formatCount(behind)} newer</span>
        ) : null}
      </div>
      <div className="flex items-center">
        {fixed === undefined ? null : (
          <Button tone="quiet" size="sm" onClick={() => onRevision(undefined)}>
            Back to now
          </Button>
        )}
        <Tooltip label="Look at an earlier revision">
          <Button
            tone="quiet"
            size="icon-sm"
            aria-label="Look at an earlier revision"
            onClick={() => setIsAsking(true)}
          >
            <History />
          </Button>
        </Tooltip>
        <Tooltip label={fixed === undefined ? "Go to the newest revision" : "Load again"}>
          <Button
            tone="quiet"
            size="icon-sm"
            aria-label={fixed === undefined ? "Go to the newest revision" : "Load again"}
            onClick={onRefresh}
          >
            <RefreshCw className={cn(view.isRefreshing && "animate-spin")} />
          </Button>
        </Tooltip>
      </div>
      <RevisionDialog
        open={isAsking}
        onOpenChange={setIsAsking}
        newest={newest}
        onRevision={onRevision}
      />
    </div>
  );
}

interface RevisionDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  newest: string | null;
  onRevision: (revision: string) => void;
}

function RevisionDialog({ open, onOpenChange, newest, onRevision }: RevisionDialogProps) {
  const [text, setText] = useState("");
  const wanted = text.trim().replaceAll(",", "");
  const isAhead = newest !== null && isRevision(wanted) && compareDecimal(wanted, newest) > 0;
  const error = isAhead
    ? `The cluster is only at ${formatDecimal(newest)}.`
    : wanted !== "" && !isRevision(wanted)
      ? "A revision is a whole number from 1 on."
      : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted === "" || error !== undefined) return;
    onOpenChange(false);
    onRevision(wanted);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      size="sm"
      title="Look at an earlier revision"
      description="Keys and values as they were then, as far back as the last compaction. Nothing can be changed there."
    >
      <form onSubmit={submit} className="flex items-start gap-2">
        <Field label="Revision" htmlFor="revision" error={error} className="flex-1">
          <Input
            id="revision"
            data-autofocus
            inputMode="numeric"
            value={text}
            aria-invalid={error !== undefined}
            placeholder={newest === null ? "" : formatDecimal(newest)}
            onChange={(event) => setText(event.target.value)}
            className="figures"
          />
        </Field>
        <Button
          type="submit"
          tone="primary"
          className="mt-5"
          disabled={wanted === "" || error !== undefined}
        >
          Show
        </Button>
      </form>
    </Dialog>
  );
}
