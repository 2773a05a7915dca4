import { Notice } from "@/components/ui/notice";
import type { DeleteEnd } from "@/lib/browser/delete-prefix";
import { formatCount, formatDecimal, plural } from "@/lib/browser/format";

/** How a delete of many keys has ended: what is gone for certain, and what may be. */
export function DeleteEnded({ end }: { end: DeleteEnd }) {
  if (end.type === "failed") {
    const gone = `${formatCount(end.deleted)} of ${plural(end.total, "key")} are gone`;
    const text = end.error.mayHaveHappened
      ? `At least ${gone}: the last step may or may not have happened. Count what is left before you try again.`
      : `${gone}, the rest is untouched.`;
    return (
      <Notice tone="bad" title="Stopped in between">
        {text} {end.error.message}
      </Notice>
    );
  }
  return (
    <Notice tone="good" title={`${plural(end.deleted, "key")} deleted`}>
      Done at revision {formatDecimal(end.revision)}.
      {end.alreadyGone > 0
        ? ` ${plural(end.alreadyGone, "key was", "keys were")} gone already.`
        : null}
    </Notice>
  );
}
