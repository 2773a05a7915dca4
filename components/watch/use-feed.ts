"use client";

import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { WatchTarget } from "@/components/watch/watch-address";
import { clusterPath } from "@/lib/browser/clusters";
import { openStream } from "@/lib/browser/event-stream";
import { type FeedView, WatchFeed } from "@/lib/browser/watch-feed";
import { rangeQuery } from "@/lib/browser/watch-range";

/** The page is drawn at most this often, however many events come. */
const DRAW_MS = 100;

/** One feed for one target; it starts with the page and ends with it. */
export function useFeed(target: WatchTarget): WatchFeed {
  const feed = useMemo(() => new WatchFeed((lastId, sink) => open(target, lastId, sink)), [target]);
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  return feed;
}

function open(
  target: WatchTarget,
  lastId: string | undefined,
  sink: Parameters<typeof openStream>[1],
) {
  const { cluster, range, revision, only } = target;
  return openStream(
    {
      path: clusterPath(cluster, "watch"),
      query: { ...rangeQuery(range), revision, only },
      lastId,
    },
    sink,
  );
}

export function useFeedView(feed: WatchFeed): FeedView {
  const subscribe = useMemo(() => calmly(feed.subscribe), [feed]);
  return useSyncExternalStore(subscribe, feed.view, feed.view);
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
