"use client";

import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { WatchTarget } from "@/components/watch/watch-address";
import { useIsAway } from "@/lib/browser/away";
import { clusterPath } from "@/lib/browser/clusters";
import { type EventStream, openStream, type StreamSink } from "@/lib/browser/event-stream";
import type { FeedView } from "@/lib/browser/feed-view";
import { keepPage } from "@/lib/browser/kept-page";
import { hasSessionEnded, subscribeSessionEnd } from "@/lib/browser/session-end";
import { type FeedPlace, WatchFeed } from "@/lib/browser/watch-feed";
import { rangeQuery } from "@/lib/browser/watch-range";

/** The page is drawn at most this often, however many events come. */
const DRAW_MS = 100;

/**
 * A stream that is let go costs the times at which events were received, and in the long run what
 * compaction takes; one that is kept, a connection of the few that all tabs share.
 */
export const HIDDEN_HOLD_MS = 60_000;

/**
 * One feed for one target; it starts with the page and ends with it. In a tab that nobody sees it
 * is let go after a while; one that was refused goes on once there is a session again.
 */
export function useFeed(target: WatchTarget): WatchFeed {
  const feed = useMemo(() => new WatchFeed((place, sink) => open(target, place, sink)), [target]);
  const isAway = useIsAway(HIDDEN_HOLD_MS);
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  useEffect(() => {
    if (isAway) feed.leave();
    else feed.comeBack();
  }, [feed, isAway]);
  useEffect(
    () =>
      subscribeSessionEnd(() => {
        const isRefused = feed.view().stream.phase === "refused";
        if (isRefused && !hasSessionEnded()) feed.reopen();
      }),
    [feed],
  );
  return feed;
}

function open(target: WatchTarget, { lastId, history }: FeedPlace, sink: StreamSink): EventStream {
  const { cluster, range, revision, only } = target;
  return openStream(
    {
      path: clusterPath(cluster, "watch"),
      query: () => ({ ...rangeQuery(range), revision, only, ...history() }),
      lastId,
    },
    sink,
  );
}

export function useFeedView(feed: WatchFeed): FeedView {
  const subscribe = useMemo(() => calmly(feed.subscribe), [feed]);
  return useSyncExternalStore(subscribe, feed.view, feed.view);
}

/** Keeps the page over a sign-in while the feed has anything, seen, filtered out or waiting. */
export function useFeedKept({ rows, waiting, isAllHidden }: FeedView): void {
  const hasAny = rows.length > 0 || waiting > 0 || isAllHidden;
  useEffect(() => (hasAny ? keepPage() : undefined), [hasAny]);
}

/** Passes calls on with the next frame, and not before the last one is DRAW_MS ago. */
function calmly(subscribe: WatchFeed["subscribe"]): WatchFeed["subscribe"] {
  return (listener) => {
    let frame: number | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = subscribe(() => {
      if (timer !== undefined || frame !== undefined) return;
      frame = requestAnimationFrame(() => {
        frame = undefined;
        timer = setTimeout(() => {
          timer = undefined;
          listener();
        }, DRAW_MS);
        listener();
      });
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  };
}
