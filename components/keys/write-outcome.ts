import type { DeleteEnd } from "@/lib/browser/delete-prefix";
import { formatCount, formatDecimal, plural } from "@/lib/browser/format";
import { conflictOf } from "@/lib/browser/keys";
import { errorText } from "@/lib/browser/request";
import {
  failureTitle,
  isOutcomeUnknown,
  type WriteAim,
  type WriteFailure,
} from "@/lib/browser/write-failure";

export interface WriteOutcome {
  readonly tone: "good" | "warn" | "bad";
  readonly title: string;
  readonly text?: string;
}

/** For a single key, where nobody sees the notice that would say so. */
export function outcomeOfFailure(failure: WriteFailure, aim: WriteAim): WriteOutcome {
  return { tone: "bad", title: failureTitle(failure, aim), text: failure.text };
}

/** How a delete of many keys has ended: what is gone for certain, and what may be. */
export function outcomeOfEnd(end: DeleteEnd): WriteOutcome {
  if (end.type === "done") {
    const title = `${plural(end.deleted, "key")} deleted`;
    const done = `Done at revision ${formatDecimal(end.revision)}.`;
    if (end.alreadyGone === 0) return { tone: "good", title, text: done };
    const others = plural(end.alreadyGone, "key was", "keys were");
    return { tone: "good", title, text: `${done} ${others} gone already.` };
  }
  const gone = `${formatCount(end.deleted)} of ${plural(end.total, "key")} are gone`;
  if (end.type === "stopped") {
    const text = `At least ${gone}: the step that ran then may be done as well. Count what is left.`;
    return { tone: "warn", title: "Stopped", text };
  }
  const state = end.error.mayHaveHappened
    ? `At least ${gone}: the last step may or may not have happened. Count what is left before you try again.`
    : `${gone}, the rest is untouched.`;
  return { tone: "bad", title: "Stopped in between", text: `${state} ${end.error.message}` };
}

/** Why a delete has not begun, or why nobody knows how far it came. */
export function outcomeOfError(error: unknown): WriteOutcome {
  if (conflictOf(error) !== undefined) {
    const title = "The keys have changed since the preview. Nothing was deleted; look again.";
    return { tone: "bad", title };
  }
  if (!isOutcomeUnknown(error)) return { tone: "bad", title: errorText(error) };
  return {
    tone: "bad",
    title: "Not known how many keys were deleted",
    text: `${errorText(error)} The delete may have gone on: look at what is left before you try again.`,
  };
}
