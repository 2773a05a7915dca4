"use client";

import { Eraser, Pause, Play, RotateCcw, Search } from "lucide-react";
import dynamic from "next/dynamic";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/class-names";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { Input } from "@/components/ui/input";
import { useNow } from "@/components/ui/now";
import { Select } from "@/components/ui/select";
import { Tooltip } from "@/components/ui/tooltip";
import type { WatchTarget } from "@/components/watch/watch-address";
import { watchCommand } from "@/lib/browser/etcdctl";
import type { FeedView } from "@/lib/browser/feed-view";
import { formatCount, formatDecimal, plural } from "@/lib/browser/format";
import type { WatchFeed } from "@/lib/browser/watch-feed";
import type { WatchOp } from "@/lib/browser/watch-row";

const NoChart = () => <div className="size-full" />;

/** It shows no more than the figure beside it: without it, for want of a connection, the page goes on. */
async function loadChart() {
  try {
    return (await import("@/components/watch/rate-chart")).RateChart;
  } catch {
    return NoChart;
  }
}

const RateChart = dynamic(loadChart, { ssr: false, loading: NoChart });

/** Letters typed within this time are filtered for at once. */
const TYPING_MS = 150;

interface FeedBarProps {
  feed: WatchFeed;
  view: FeedView;
  target: WatchTarget;
}

export function FeedBar({ feed, view, target }: FeedBarProps) {
  const { range, revision } = target;
  const now = useNow(1_000);
  // Ahead of the first event: where the connection breaks, it cannot be had any more.
  useEffect(() => void loadChart(), []);
  const points = feed.rate(now);
  const last = points.at(-1);
  return (
    <div className="flex shrink-0 flex-col border-t">
      <div className="flex items-center gap-4 px-3 pt-2">
        <div className="flex w-64 shrink-0 flex-col gap-0.5 max-lg:w-52 max-sm:w-auto max-sm:min-w-0 max-sm:flex-1">
          <StreamState view={view} />
          <div className="figures text-xs text-ink-3">
            {plural(view.received, "event")}
            {view.position === null ? null : <>, up to revision {formatDecimal(view.position)}</>}
          </div>
        </div>
        <div className="figures w-20 shrink-0 max-sm:w-auto max-sm:py-1 max-sm:text-right">
          <div className="text-lg leading-5 font-semibold">
            {formatCount((last?.puts ?? 0) + (last?.deletes ?? 0))}
          </div>
          <div className="text-2xs text-ink-3">events/s</div>
        </div>
        <div className="h-14 min-w-0 flex-1 max-sm:hidden">
          {feed.isQuiet(now) ? <QuietMinute /> : <RateChart points={points} />}
        </div>
      </div>
      <div className="flex flex-wrap items-center gap-2 px-3 pt-1 pb-2">
        <Filters feed={feed} />
        <Counts view={view} />
        <div className="ml-auto flex shrink-0 items-center gap-1.5">
          {view.stream.phase === "refused" && view.rows.length > 0 ? (
            <Button tone="primary" size="sm" onClick={() => feed.reopen()}>
              <RotateCcw /> Try again
            </Button>
          ) : null}
          <CopyCommandButton command={watchCommand(range, revision)} />
          <Tooltip label="Forget the events shown; the watch goes on">
            <Button tone="quiet" size="sm" onClick={() => feed.clear()}>
              <Eraser /> Clear
            </Button>
          </Tooltip>
          <Button
            size="sm"
            tone={view.isPaused ? "primary" : "plain"}
            aria-pressed={view.isPaused}
            onClick={() => feed.toggle()}
            className="w-24"
          >
            {view.isPaused ? (
              <>
                <Play /> Resume
              </>
            ) : (
              <>
                <Pause /> Pause
              </>
            )}
          </Button>
        </div>
      </div>
    </div>
  );
}

/** A chart of nothing would be a line and a number that mean nothing. */
function QuietMinute() {
  return (
    <div className="flex size-full items-center justify-end text-xs text-ink-3">
      No events in the last minute
    </div>
  );
}

function StreamState({ view }: { view: FeedView }) {
  const { label, dot } = stateOf(view);
  return (
    <div aria-live="polite" className="flex items-center gap-2 font-medium">
      <span aria-hidden className={cn("size-2 shrink-0 rounded-full", dot)} />
      <span className="truncate" title={label}>
        {label}
      </span>
    </div>
  );
}

function stateOf({ stream, isPaused, isHeld, isLinkLost, catchingUpTo }: FeedView) {
  if (isHeld) return { label: "Paused, stream held by revision", dot: "bg-warn-fill" };
  if (stream.phase === "refused") return { label: stream.error.message, dot: "bg-bad-fill" };
  if (stream.phase === "waiting") return { label: "Reconnecting", dot: "bg-bad-fill" };
  if (stream.phase === "connecting") {
    return stream.attempt > 0
      ? { label: "Reconnecting", dot: "bg-bad-fill" }
      : { label: "Connecting", dot: "bg-line-strong" };
  }
  if (isLinkLost) return { label: "etcd is out of reach", dot: "bg-bad-fill" };
  if (catchingUpTo !== null && !isPaused) {
    return { label: `Catching up to revision ${formatDecimal(catchingUpTo)}`, dot: "bg-warn-fill" };
  }
  if (isPaused) return { label: "Paused, still receiving", dot: "bg-warn-fill" };
  return { label: "Live", dot: "bg-good-fill" };
}

/** What is not in the table is said here, with exact numbers. */
function Counts({ view }: { view: FeedView }) {
  return (
    <div className="figures min-w-0 truncate text-xs text-ink-3">
      {view.waiting > 0 ? (
        <span className="text-warn">{formatCount(view.waiting)} waiting behind the pause</span>
      ) : (
        plural(view.rows.length, "row")
      )}
      {view.isHeld ? ", then the rest is read from etcd" : null}
    </div>
  );
}

const EVERY = "every";
const SHOWN = [
  { value: EVERY, label: "All changes" },
  { value: "create", label: "Creates" },
  { value: "update", label: "Updates" },
  { value: "delete", label: "Deletes" },
] as const;

function Filters({ feed }: { feed: WatchFeed }) {
  const [text, setText] = useState("");
  const [op, setOp] = useState<string>(EVERY);
  useEffect(() => {
    const only = SHOWN.find(({ value }) => value === op)?.value ?? EVERY;
    const show = () => feed.filter(text, only === EVERY ? null : (only satisfies WatchOp));
    const timer = setTimeout(show, text === "" ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [feed, text, op]);
  return (
    <>
      <TextFilter text={text} onText={setText} />
      <Select
        label="Show which changes"
        value={op}
        choices={SHOWN}
        onChange={setOp}
        className="h-7 w-31 shrink-0 text-xs"
      />
    </>
  );
}

interface TextFilterProps {
  text: string;
  onText: (text: string) => void;
}

function TextFilter({ text, onText }: TextFilterProps) {
  return (
    <div className="relative w-64 max-lg:w-40 max-sm:min-w-0 max-sm:flex-1">
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1.5 left-2 size-4 text-ink-3"
      />
      <Input
        data-page-search
        aria-label="Filter by text in key or value"
        placeholder="Filter by key or value"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onText("");
        }}
        className="h-7 pl-7 text-xs"
      />
    </div>
  );
}
