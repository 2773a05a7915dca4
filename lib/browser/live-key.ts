import { type Query, type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { encodeBase64, toBase64Url } from "../schema/bytes.ts";
import { ChangeEvent, LinkEvent, OpenEvent, WatchHistory } from "../schema/watch.ts";
import { useIsAway } from "./away.ts";
import { clusterPath } from "./clusters.ts";
import { compareDecimal, nextDecimal } from "./decimal.ts";
import { openStream, type StreamMessage } from "./event-stream.ts";
import { type KeySnapshot, keyQuery, keyQueryKey } from "./keys.ts";
import { hasSessionEnded, subscribeSessionEnd } from "./session-end.ts";

/** A refusal may pass, as when a role is granted, but not by asking often. */
export const REFUSED_RETRY_MS = 30_000;
/**
 * Between two openings where the first has led back: endpoints that answer from two clusters lead
 * back each time.
 */
export const REWIND_PAUSE_MS = 2_000;

/**
 * live: every change arrives here; broken: it may be old, and so it may be where the stream is
 * refused; off: the past does not change.
 */
export type LiveState = "connecting" | "live" | "broken" | "refused" | "off";

type CacheKey = ReturnType<typeof keyQueryKey>;

/**
 * Of what is known of a key, as the last stream told it. It lasts as long as that: a query of its
 * own, which nobody observes, would be dropped while the key is still open.
 */
const histories = new WeakMap<Query, WatchHistory>();

/**
 * A key that follows the cluster. One read fills the cache, a watch from the next revision on is
 * the only thing that changes it; editors never do. In a tab that nobody sees the watch is let go:
 * a browser has few connections to one host for all its tabs.
 */
export function useLiveKey(cluster: string, key: Uint8Array, revision: string | undefined) {
  const client = useQueryClient();
  const query = useQuery(keyQuery(cluster, key, revision));
  const encoded = encodeBase64(key);
  const [live, setLive] = useState<LiveState>("connecting");
  const [attempt, setAttempt] = useState(0);
  /** When the key was last followed anew, on the clock of performance.now(). */
  const rewoundAt = useRef(Number.NEGATIVE_INFINITY);
  const isAway = useIsAway();
  const isFollowed = typeof query.data?.revision === "string" && revision === undefined && !isAway;
  if (isAway && live !== "connecting") setLive("connecting");
  const reopen = useCallback(() => {
    setLive("connecting");
    setAttempt((last) => last + 1);
  }, []);

  useEffect(() => {
    if (!isFollowed) return;
    const cacheKey = keyQueryKey(cluster, encoded, undefined);
    const start = client.getQueryData<KeySnapshot>(cacheKey)?.revision;
    if (typeof start !== "string") return;
    let isRefused = false;
    /** Everything up to here has been received. */
    let seen = start;
    let isRewound = false;
    let isLeft = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const followAnew = () => {
      rewoundAt.current = performance.now();
      reopen();
    };
    /** What is known here may be over: read again, and followed from there. */
    const rewind = async () => {
      stream.close();
      setLive("connecting");
      await client.invalidateQueries({ queryKey: cacheKey });
      if (isLeft) return;
      // By the state: what is read may equal what was known, and is then the same object.
      if (client.getQueryState(cacheKey)?.isInvalidated === false) {
        setHistory(client, cacheKey, undefined);
        if (performance.now() - rewoundAt.current >= REWIND_PAUSE_MS) followAnew();
        else timer = setTimeout(followAnew, REWIND_PAUSE_MS);
      } else {
        setLive("broken");
        timer = setTimeout(reopen, REFUSED_RETRY_MS);
      }
    };
    const stream = openStream(
      {
        path: clusterPath(cluster, "watch"),
        query: () => ({
          key: toBase64Url(encoded),
          revision: nextDecimal(start),
          ...historyOf(client, cacheKey),
        }),
      },
      {
        messages: (batch) => {
          for (const message of batch) {
            isRewound ||= message.event === "reset" || hasGoneBack(message, seen);
            if (isRewound) break;
            seen = message.id ?? seen;
            takeMessage(client, cacheKey, encoded, message, setLive);
          }
          if (isRewound) void rewind();
        },
        state: (state) => {
          if (state.phase === "waiting") setLive("broken");
          if (state.phase !== "refused") return;
          setLive("refused");
          isRefused = true;
          if (state.error.status !== 401) timer = setTimeout(reopen, REFUSED_RETRY_MS);
        },
      },
    );
    const unsubscribe = subscribeSessionEnd(() => {
      if (isRefused && !hasSessionEnded()) reopen();
    });
    return () => {
      isLeft = true;
      unsubscribe();
      clearTimeout(timer);
      stream.close();
    };
    // Each opening goes on behind what is known of the key by then.
  }, [client, cluster, encoded, isFollowed, attempt, reopen]);

  const refetch = () => {
    if (live === "refused") reopen();
    return query.refetch();
  };
  return { ...query, refetch, live: revision === undefined ? live : ("off" as const) };
}

function takeMessage(
  client: QueryClient,
  cacheKey: CacheKey,
  key: string,
  message: StreamMessage,
  setLive: (state: LiveState) => void,
): void {
  switch (message.event) {
    case "open":
      // What one member knew is read again from the cluster that is back.
      if (typeof client.getQueryData<KeySnapshot>(cacheKey)?.onlyMember === "string") {
        void client.invalidateQueries({ queryKey: cacheKey });
      }
      setHistory(client, cacheKey, WatchHistory.parse(JSON.parse(message.data)));
      setLive("live");
      break;
    case "progress":
      setLive("live");
      break;
    case "change": {
      const change = ChangeEvent.parse(JSON.parse(message.data));
      for (const event of change.events) {
        if (event.key !== key) continue;
        client.setQueryData<KeySnapshot>(cacheKey, (before) =>
          isOlder(before, change.revision)
            ? { revision: change.revision, onlyMember: null, kv: event.kv }
            : before,
        );
      }
      break;
    }
    case "link": {
      const link = LinkEvent.parse(JSON.parse(message.data));
      setLive(link.state === "lost" ? "broken" : "live");
      break;
    }
    case "failure":
      setLive("broken");
      break;
  }
}

function historyOf(client: QueryClient, cacheKey: CacheKey): WatchHistory | undefined {
  const known = client.getQueryCache().find({ queryKey: cacheKey });
  return known === undefined ? undefined : histories.get(known);
}

function setHistory(
  client: QueryClient,
  cacheKey: CacheKey,
  history: WatchHistory | undefined,
): void {
  const known = client.getQueryCache().find({ queryKey: cacheKey });
  if (known === undefined) return;
  if (history === undefined) histories.delete(known);
  else histories.set(known, history);
}

/**
 * True of a stream that begins before what it has told already, or ahead of the whole cluster: that
 * was restored to an earlier revision.
 */
function hasGoneBack(message: StreamMessage, seen: string): boolean {
  if (message.event !== "open") return false;
  const { from, revision } = OpenEvent.parse(JSON.parse(message.data));
  const next = nextDecimal(seen);
  return compareDecimal(from, next) < 0 || compareDecimal(nextDecimal(revision), from) < 0;
}

function isOlder(snapshot: KeySnapshot | undefined, revision: string): boolean {
  return typeof snapshot?.revision !== "string" || compareDecimal(snapshot.revision, revision) < 0;
}
