"use client";

import { Activity } from "lucide-react";
import { useEffect, useState } from "react";
import { isTyping } from "@/components/shell/shortcuts";
import { Button } from "@/components/ui/button";
import { Blank, Notice } from "@/components/ui/notice";
import { EmptyFeed } from "@/components/watch/empty-feed";
import { EventPanel } from "@/components/watch/event-panel";
import { EventTable } from "@/components/watch/event-table";
import { FeedBar } from "@/components/watch/feed-bar";
import { useFeed, useFeedKept, useFeedView } from "@/components/watch/use-feed";
import { useWatchLocation, type WatchTarget } from "@/components/watch/watch-address";
import { WatchForm } from "@/components/watch/watch-form";
import { watchHref } from "@/lib/browser/page-address";
import type { WatchFeed } from "@/lib/browser/watch-feed";
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
  usePauseKey(feed);
  useFeedKept(view);
  const hasRows = view.rows.length > 0;
  return (
    <>
      <FeedBar feed={feed} view={view} target={target} />
      <div className="flex min-h-0 flex-1 flex-col border-t lg:flex-row">
        <div className="@container flex min-h-0 min-w-0 flex-1 flex-col">
          {hasRows ? (
            <EventTable view={view} chosen={chosen?.seq ?? null} onChoose={setChosen} />
          ) : (
            <EmptyFeed view={view} target={target} onRetry={() => feed.reopen()} />
          )}
        </div>
        {chosen === null ? null : (
          <EventPanel cluster={target.cluster} row={chosen} onClose={() => setChosen(null)} />
        )}
      </div>
    </>
  );
}

function usePauseKey(feed: WatchFeed) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isButton =
        event.target instanceof Element && event.target.closest("button, a") !== null;
      if (event.key !== " " || isButton || isTyping(event)) return;
      event.preventDefault();
      feed.toggle();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [feed]);
}
