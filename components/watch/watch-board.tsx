"use client";

import { Activity, Unplug } from "lucide-react";
import { useEffect, useState } from "react";
import { isTyping } from "@/components/shell/shortcuts";
import { Button } from "@/components/ui/button";
import { Blank, Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { EventPanel } from "@/components/watch/event-panel";
import { EventTable } from "@/components/watch/event-table";
import { FeedBar } from "@/components/watch/feed-bar";
import { useFeed, useFeedView } from "@/components/watch/use-feed";
import { useWatchLocation, type WatchTarget } from "@/components/watch/watch-address";
import { WatchForm } from "@/components/watch/watch-form";
import { formatDecimal } from "@/lib/browser/format";
import { watchHref } from "@/lib/browser/page-address";
import type { FeedView, WatchFeed } from "@/lib/browser/watch-feed";
import { ALL_KEYS } from "@/lib/browser/watch-range";
import type { EventRow } from "@/lib/browser/watch-row";

export function WatchBoard() {
  const { address, target, problem, go } = useWatchLocation();
  const [run, setRun] = useState(0);
  return (
    <div className="flex h-full flex-col bg-panel">
      <h1 className="sr-only">Watch</h1>
      <WatchForm
        key={target === null ? "" : watchHref(target)}
        target={target}
        onStart={(wanted) => {
          go(wanted);
          setRun(run + 1);
        }}
      />
      {problem === null ? null : <Notice tone="bad" title={problem} className="m-3" />}
      {target === null ? (
        <Blank
          icon={<Activity aria-hidden />}
          title="Choose what to watch"
          actions={
            <Button onClick={() => go({ ...address, range: ALL_KEYS })}>Watch all keys</Button>
          }
        >
          Every change shows here as it happens, in order, from now on or from any revision that is
          not compacted.
        </Blank>
      ) : (
        <LiveFeed key={run} target={target} />
      )}
    </div>
  );
}

function LiveFeed({ target }: { target: WatchTarget }) {
  const feed = useFeed(target);
  const view = useFeedView(feed);
  const [chosen, setChosen] = useState<EventRow | null>(null);
  usePauseKey(feed, view.isPaused);
  return (
    <>
      <FeedBar feed={feed} view={view} target={target} />
      <div className="flex min-h-0 flex-1 flex-col border-t lg:flex-row">
        <div className="@container flex min-h-0 min-w-0 flex-1 flex-col">
          {view.rows.length === 0 ? (
            <EmptyFeed view={view} target={target} feed={feed} />
          ) : (
            <EventTable view={view} chosen={chosen?.seq ?? null} onChoose={setChosen} />
          )}
        </div>
        {chosen === null ? null : (
          <EventPanel cluster={target.cluster} row={chosen} onClose={() => setChosen(null)} />
        )}
      </div>
    </>
  );
}

interface EmptyFeedProps {
  view: FeedView;
  target: WatchTarget;
  feed: WatchFeed;
}

function EmptyFeed({ view, target, feed }: EmptyFeedProps) {
  const { stream, received } = view;
  if (stream.phase === "refused") {
    return (
      <Blank
        icon={<Activity aria-hidden />}
        title="The watch was refused"
        actions={
          <Button
            onClick={() => {
              feed.stop();
              feed.start();
            }}
          >
            Try again
          </Button>
        }
      >
        {stream.error.message}
      </Blank>
    );
  }
  if (received > 0) {
    return (
      <Blank icon={<Activity aria-hidden />} title="No event fits the filter">
        Events are still being received; the filter hides them.
      </Blank>
    );
  }
  if (stream.phase !== "open" && view.trouble !== null) {
    return (
      <Blank icon={<Unplug aria-hidden />} title="The watch cannot be opened now">
        <p>{view.trouble}</p>
        <p className="text-ink-3">The console keeps trying.</p>
      </Blank>
    );
  }
  if (stream.phase !== "open") {
    return (
      <div className="flex flex-1 items-center justify-center gap-2 text-ink-3">
        <Spinner /> Connecting
      </div>
    );
  }
  if (view.startsAhead !== null) {
    const { from, revision } = view.startsAhead;
    return (
      <Blank icon={<Activity aria-hidden />} title={`Waiting for revision ${formatDecimal(from)}`}>
        The cluster is at revision {formatDecimal(revision)}. Changes before revision{" "}
        {formatDecimal(from)} are not shown.
      </Blank>
    );
  }
  return (
    <Blank icon={<Activity aria-hidden />} title="Nothing has changed yet">
      {target.revision === undefined
        ? "Waiting for the next change."
        : `Nothing has changed since revision ${formatDecimal(target.revision)}.`}
    </Blank>
  );
}

function usePauseKey(feed: WatchFeed, isPaused: boolean) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isButton =
        event.target instanceof Element && event.target.closest("button, a") !== null;
      if (event.key !== " " || isButton || isTyping(event)) return;
      event.preventDefault();
      if (isPaused) feed.resume();
      else feed.pause();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [feed, isPaused]);
}
