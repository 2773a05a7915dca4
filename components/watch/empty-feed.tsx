"use client";

import { Activity, Pause, Unplug } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Blank } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import type { WatchTarget } from "@/components/watch/watch-address";
import type { FeedView } from "@/lib/browser/feed-view";
import { formatDecimal, plural } from "@/lib/browser/format";

interface EmptyFeedProps {
  view: FeedView;
  target: WatchTarget;
  onRetry: () => void;
}

/** Why no row is to be seen. */
export function EmptyFeed({ view, target, onRetry }: EmptyFeedProps) {
  const { stream } = view;
  if (stream.phase === "refused") {
    return (
      <Blank
        icon={<Activity aria-hidden />}
        title="The watch was refused"
        actions={<Button onClick={onRetry}>Try again</Button>}
      >
        {stream.error.message}
      </Blank>
    );
  }
  if (view.isAllHidden) {
    return (
      <Blank icon={<Activity aria-hidden />} title="No event fits the filter">
        {stream.phase === "open" && !view.isHeld && !view.isLinkLost
          ? "Events are still being received; the filter hides them."
          : "The filter hides all that were received. None are being received now."}
      </Blank>
    );
  }
  if (view.waiting > 0) {
    return (
      <Blank icon={<Pause aria-hidden />} title="Paused">
        {plural(view.waiting, "row waits", "rows wait")} behind the pause. Resume to see them.
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
  return <Quiet view={view} target={target} />;
}

/** The stream is open, and nothing of it waits or is hidden. */
function Quiet({ view, target }: Pick<EmptyFeedProps, "view" | "target">) {
  if (view.startsAhead !== null) {
    const { from, revision } = view.startsAhead;
    return (
      <Blank icon={<Activity aria-hidden />} title={`Waiting for revision ${formatDecimal(from)}`}>
        The cluster is at revision {formatDecimal(revision)}. Changes before revision{" "}
        {formatDecimal(from)} are not shown.
      </Blank>
    );
  }
  if (view.catchingUpTo !== null) {
    return (
      <Blank icon={<Activity aria-hidden />} title="Catching up">
        Reading up to revision {formatDecimal(view.catchingUpTo)}. Nothing to show has come yet.
      </Blank>
    );
  }
  if (view.isCleared) {
    return (
      <Blank icon={<Activity aria-hidden />} title="Cleared">
        Nothing has come since. The watch goes on.
      </Blank>
    );
  }
  const { title, change, none, rest } = WORDS[target.only ?? "all"];
  return (
    <Blank icon={<Activity aria-hidden />} title={title}>
      {target.revision === undefined
        ? `Waiting for the next ${change}.`
        : `${none} since revision ${formatDecimal(target.revision)}.`}
      {rest}
    </Blank>
  );
}

const WORDS = {
  all: {
    title: "Nothing has changed yet",
    change: "change",
    none: "Nothing has changed",
    rest: "",
  },
  put: {
    title: "Nothing has been put yet",
    change: "put",
    none: "Nothing has been put",
    rest: " Deletes are not received.",
  },
  delete: {
    title: "Nothing has been deleted yet",
    change: "delete",
    none: "Nothing has been deleted",
    rest: " Puts are not received.",
  },
};
